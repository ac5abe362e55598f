"""Training with the TensorFlow backend: epochs, checkpoints, what is refused, and the same result as PyTorch's."""

import json
import subprocess
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
from conftest import QUICK
from experiments import HARDWARE, composed, features, fitted, ready, words
from histories import without_seconds

from harness.data import Dataset, Split, open_prepared
from harness.errors import UserError
from harness.runner import worker as isolate
from harness.runner.run import prepare_data

pytestmark = pytest.mark.usefixtures("in_keras")
SMALL = (
    "backend=tensorflow", "encoder=bag_of_embeddings", "input.size=5", "trainer.batch_size=7", "trainer.epochs=5",
    "head.dropout=0.3", "input.dropout=0.2", "optimizer.lr=0.03",
)


def arrays(made):
    return [variable.numpy() for variable in made.model.trainable_variables]


def test_a_task_without_a_loss_is_refused():
    x, targets = np.ones((2, 3, 5), np.float32), np.array([[0, 1], [1, -100]])
    split = Split.from_padded(x, np.array([3, 3]), targets, "ctc")
    said = "has classification, tagging, multilabel, regression, and this data asks for ctc; take backend=pytorch"
    with pytest.raises(UserError, match=said):
        ready(Dataset(split, split, split, ["a", "b"], task="ctc"), *SMALL)


def test_the_model_is_left_with_the_weights_of_the_best_epoch(tmp_path):
    data, seen = words(), []
    made = ready(data, *SMALL, "trainer.monitor=val/loss", "optimizer.lr=0.3")
    (history, best), timer = fitted(made, data, tmp_path, lambda numbers: seen.append(arrays(made)))
    losses = [numbers["val/loss"] for numbers in history]
    assert best == np.argmin(losses) + 1 < 5
    for found, expected in zip(arrays(made), seen[best - 1], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert [numbers["epoch"] for numbers in history] == [1, 2, 3, 4, 5]
    scores = {"train/loss", "val/accuracy", "val/f1_macro", "val/loss"}
    assert set(history[0]) == {"epoch", *scores, "cost/steps", "speed/training_seconds"}
    assert len(timer.seconds) == 5 * 8
    assert sum(timer.tokens) == 5 * data.train.length_N.sum()


def test_training_learns_and_dropout_is_off_when_predicting(tmp_path):
    data = words(600)
    made = ready(data, *SMALL, "trainer.report_test_each_epoch=true", "trainer.epochs=3")
    (history, best), _ = fitted(made, data, tmp_path)
    assert history[2]["train/loss"] < history[0]["train/loss"]
    logits_NC = made.predict(data.test)
    assert logits_NC.shape == (19, 3)
    np.testing.assert_array_equal(logits_NC, made.predict(data.test))
    accuracy = (logits_NC.argmax(1) == data.test.y).mean()
    assert accuracy == pytest.approx(history[best - 1]["test/accuracy_each_epoch"])


@pytest.mark.parametrize("compiled", ["false", "true"])
def test_only_a_training_holds_an_optimizer(tmp_path, monkeypatch, compiled):
    """What inference and a profile take in memory is the model's own, as in the other backend."""
    from harness.backends.tensorflow.optimizers import Optimizer

    held, make = [], Optimizer.__init__

    def recorded(self, *arguments):
        make(self, *arguments)
        held.extend(weakref.ref(variable) for variable in self.state)

    monkeypatch.setattr(Optimizer, "__init__", recorded)
    data = words()
    made = ready(data, *SMALL, "trainer.epochs=1", f"trainer.compile={compiled}")
    forward, (batch,) = made.passes(data.train, [np.arange(3)])
    forward(batch)
    made.training_pass()(batch)
    assert held == []
    fitted(made, data, tmp_path)
    assert len(held) == 1 + 2 * len(made.model.trainable_variables)
    assert all(variable() is None for variable in held)
    made.predict(data.test)


def test_patience_ends_a_training_that_gets_no_better(tmp_path):
    data = words()
    made = ready(data, *SMALL, "trainer.patience=2", "optimizer=sgd", "optimizer.lr=1e-12")
    (history, best), _ = fitted(made, data, tmp_path)
    assert len({numbers["val/accuracy"] for numbers in history}) == 1
    losses = [numbers["val/loss"] for numbers in history]
    assert (len(history), best) == (3, 1 + losses.index(min(losses)))


def test_a_training_that_diverges_says_so(tmp_path):
    data = words()
    made = ready(data, *SMALL, "optimizer=sgd", "optimizer.lr=1e30")
    with pytest.raises(RuntimeError, match=r"training diverged: train/loss is (nan|inf) in epoch"):
        fitted(made, data, tmp_path)


@pytest.mark.parametrize("data", [features(), words(tagging=True)], ids=["features", "tagging"])
def test_a_compiled_step_gives_the_same_losses(tmp_path, data):
    losses = []
    for compiled in ("false", "true"):
        made = ready(
            data, "encoder=self_attention", "encoder.hidden_size=7", "trainer.batch_size=7", "trainer.epochs=2",
            f"trainer.compile={compiled}",
        )
        (history, _), _ = fitted(made, data, tmp_path)
        losses.append([numbers["val/loss"] for numbers in history])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert made.predict(data.test).shape == (*data.test.labels().shape, 3)


def test_low_precision_trains_with_weights_in_full_precision(tmp_path):
    import keras

    data, settings = words(), ("encoder=lstm", "encoder.hidden_size=7", "input.size=5", "trainer.epochs=1")
    try:
        made = ready(data, *settings, hardware=replace(HARDWARE, precision="bf16"))
        (history, _), _ = fitted(made, data, tmp_path)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {array.dtype for array in arrays(made)} == {np.dtype("float32")}
    assert made.model.parts["head"].compute_dtype == "bfloat16"
    (expected, _), _ = fitted(ready(data, *settings), data, tmp_path)
    assert history[0]["val/loss"] == pytest.approx(expected[0]["val/loss"], rel=0.005)
    assert history[0]["val/loss"] != expected[0]["val/loss"]


@pytest.mark.parametrize(("tagging", "compiled"), [(False, "false"), (True, "false"), (False, "true")])
def test_ids_and_lengths_may_be_wide_integers_as_they_are_on_a_gpu(tmp_path, tagging, compiled):
    import tensorflow as tf

    from harness.backends.tensorflow import Backend

    class Wide(Backend):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.integer = tf.int64

    data, found = words(tagging=tagging), []
    config = composed(
        "backend=tensorflow", *SMALL[2:], "encoder=bilstm_self_attention", "pooling=last", "position=learned",
        "trainer.epochs=1", f"trainer.compile={compiled}",
    )
    for make in (Backend, Wide):
        made = make(config, HARDWARE)
        made.seed(0)
        made.build(data, 0)
        history, _ = fitted(made, data, tmp_path)[0]
        _, (batch,) = made.passes(data.test, [np.arange(3)])
        assert {tensor.dtype for tensor in (batch.x, batch.length_B)} == {made.integer}
        found.append((without_seconds(history), made.predict(data.test).tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("override", "hardware", "said"),
    [
        ("optimizer.name=rmsprop", {}, "optimizer.name is one of adam, adamw, sgd"),
        ("+optimizer.amsgrad=true", {}, "optimizer.amsgrad: adam with backend=tensorflow has lr, betas, eps"),
        ("optimizer.schedule=step", {}, "optimizer.schedule is one of constant, cosine, inverse_time"),
        ("input.size=null", {}, "input.size is the width of the embedding"),
        ("seed=0", {"accelerator": "mps"}, "not mps; take backend=pytorch"),
        ("seed=0", {"devices": 2}, "trains on one device, not 2; take backend=pytorch"),
    ],
)
def test_what_the_backend_lacks_is_refused_in_a_sentence(tmp_path, override, hardware, said):
    data = words()
    with pytest.raises(UserError, match=said):
        fitted(ready(data, *SMALL, override, hardware=replace(HARDWARE, **hardware)), data, tmp_path)


def test_nesterov_needs_a_momentum(tmp_path):
    data = words()
    with pytest.raises(UserError, match="nesterov=true looks ahead along the momentum"):
        fitted(ready(data, *SMALL, "optimizer=sgd", "optimizer.nesterov=true"), data, tmp_path)


def test_a_run_from_the_command_line_in_a_forked_process(command):
    isolate.close_all()  # what runs in a server that another test started tells that test how far it is
    ended = command(*QUICK, "backend=tensorflow", "encoder=lstm", "encoder.hidden_size=7", "tracking=none")
    assert ended.code == 0, ended.err
    assert ended.record.status == "finished"
    assert ended.record.metrics["cost/encoder_parameters"] == 4 * 7 * (128 + 7) + 4 * 7
    assert ended.record.metrics["memory/host_train_peak_mib"] > 0
    lines = [line for line in ended.err.splitlines() if line.strip() and not line.startswith("lstm/seed=0/")]
    assert [line.split()[0] for line in lines] == ["epoch", "epoch", "measuring"]  # and nothing of TensorFlow's


def test_compiling_is_refused_with_pytorch():
    with pytest.raises(UserError, match="compile=true is for backend=tensorflow"):
        ready(words(), "trainer.compile=true", backend="pytorch")


@pytest.mark.parametrize(
    ("backend", "others"), [("tensorflow", ["torch", "pytorch_lightning"]), ("pytorch", ["tensorflow", "keras"])]
)
def test_a_backend_never_loads_the_other_ones_framework(backend, others):
    script = (
        "import json, sys; from harness import backends; from harness.runner import run; "
        f"backends.load({backend!r}); print(json.dumps([name for name in {others!r} if name in sys.modules]))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == []


def test_both_backends_learn_alike_on_a_published_recipe(tmp_path, monkeypatch, mirror):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", mirror)
    recipe = ("experiment=keras_self_attention_imdb", "head.dropout=0", "data.limit=2000", "trainer.epochs=2")
    data = open_prepared(prepare_data(composed(*recipe, f"cache_dir={tmp_path}")))
    losses = {}
    for backend in ("tensorflow", "pytorch"):
        (history, _), _ = fitted(ready(data, *recipe, backend=backend), data, tmp_path)
        losses[backend] = [numbers["val/loss"] for numbers in history]
    assert losses["tensorflow"] == pytest.approx(losses["pytorch"], rel=0.01)
