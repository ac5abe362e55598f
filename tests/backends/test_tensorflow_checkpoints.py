"""Resuming with the TensorFlow backend: checkpoints, and random generators that depend only on seed and epoch."""

import time

import numpy as np
import pytest
from experiments import fitted, ready, words
from histories import without_seconds

from harness.measure import StepTimer

pytestmark = pytest.mark.usefixtures("in_keras")
SMALL = (
    "backend=tensorflow", "encoder=bag_of_embeddings", "input.size=5", "trainer.batch_size=7", "trainer.epochs=5",
    "head.dropout=0.3", "input.dropout=0.2", "optimizer.lr=0.03",
)


def arrays(made):
    return [variable.numpy() for variable in made.model.trainable_variables]


@pytest.mark.parametrize("stopped_after", [1, 3])
def test_a_resumed_training_equals_one_that_was_never_interrupted(tmp_path, stopped_after):
    class Interrupted(Exception):
        pass

    def stop(numbers):
        if numbers["epoch"] == stopped_after:
            raise Interrupted

    data = words()
    settings = (*SMALL, "optimizer.schedule=cosine", "encoder=gru", "encoder.hidden_size=3")
    whole = ready(data, *settings)
    (expected, best), _ = fitted(whole, data, tmp_path)
    first = ready(data, *settings)
    with pytest.raises(Interrupted):
        fitted(first, data, tmp_path, stop)
    assert (tmp_path / "last.npz").exists()
    second = ready(data, *settings)
    (found, best_again), timer = fitted(second, data, tmp_path)
    assert len(timer.epochs) == 5 - stopped_after
    assert without_seconds(found) == without_seconds(expected)
    assert best_again == best
    for ours, theirs in zip(arrays(second), arrays(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_training_that_was_over_already_takes_no_step_and_gives_the_same(tmp_path):
    data, settings = words(), (*SMALL, "trainer.monitor=val/loss", "optimizer.lr=0.3")
    first = ready(data, *settings)
    expected = first.fit(data, StepTimer(time.perf_counter, first.sync, warmup_steps=0), tmp_path, lambda numbers: None)
    assert (tmp_path / "last.npz").exists()
    assert expected[1] < 5
    second = ready(data, *settings)
    found, timer = fitted(second, data, tmp_path, lambda numbers: pytest.fail("an epoch was trained"))
    assert timer.seconds == []
    assert found == expected
    for ours, theirs in zip(arrays(second), arrays(first), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path):
    from harness.backends import array_files

    kept = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(5)]
    array_files.save(tmp_path / "last.npz", kept, [{"epoch": 1}])
    with pytest.raises(TypeError):
        array_files.save(tmp_path / "last.npz", kept[:1], [object()])
    found, notes = array_files.load(tmp_path / "last.npz")
    assert notes == [{"epoch": 1}]
    for ours, theirs in zip(found, kept, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [path.name for path in tmp_path.iterdir()] == ["last.npz"]
    assert array_files.load(tmp_path / "best.npz") is None


def test_a_layer_of_the_users_own_is_trained_counted_and_reseeded(tmp_path, monkeypatch):
    (tmp_path / "my_keras.py").write_text(
        "import keras\n"
        "class Wide(keras.layers.Layer):\n"
        "    def __init__(self, in_dim, width):\n"
        "        super().__init__()\n"
        "        self.out_dim = width\n"
        "        self.dense, self.drop = keras.layers.Dense(width), keras.layers.Dropout(0.5)\n"
        "    def call(self, x_BLD, mask_BL):\n"
        "        return self.drop(self.dense(x_BLD)) * keras.ops.cast(mask_BL[:, :, None], 'float32')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    data = words()
    settings = (*SMALL[2:], "encoder=custom", "encoder._target_=my_keras.Wide", "+encoder.width=7")
    made = ready(data, *settings)
    assert made.flops(11) is None
    before = arrays(made)
    (history, _), _ = fitted(made, data, tmp_path)
    assert sum(array.size for array in before) == 29 * 5 + 5 * 7 + 7 + 7 * 3 + 3
    assert all(np.abs(now - then).max() > 0 for now, then in zip(arrays(made), before, strict=True))
    (again, _), _ = fitted(ready(data, *settings), data, tmp_path)
    assert without_seconds(again) == without_seconds(history)


def test_every_random_generator_of_a_model_with_dropout_is_found_by_its_type_and_reseeded_each_epoch(monkeypatch):
    import keras

    from harness.backends.tensorflow.layers import named_layers, seed_generators
    from harness.backends.tensorflow.optimizers import make_optimizer
    from harness.backends.tensorflow.training import Training

    created, create = [], keras.random.SeedGenerator.__init__

    def recorded(self, *arguments, **settings):
        create(self, *arguments, **settings)
        created.append(self)

    monkeypatch.setattr(keras.random.SeedGenerator, "__init__", recorded)
    made = ready(
        words(), "encoder=bidirectional", "encoder.inner.num_layers=2", "encoder.inner.dropout=0.4",
        "encoder.inner.hidden_size=3", "input.dropout=0.2", "input.word_dropout=0.1", "head.dropout=0.3",
    )
    layers = [layer for _, layer in named_layers(made.model)]
    dropouts = {id(layer): layer for layer in layers if isinstance(layer, keras.layers.Dropout)}
    assert len(dropouts) == 5  # of words, input, head, and between the layers of either direction
    found = seed_generators(made.model)
    assert {id(layer.seed_generator) for layer in dropouts.values()} <= {id(one) for one in found}
    assert {id(one) for one in created} == {id(one) for one in found}
    assert len(created) == len(found)

    optimizer = make_optimizer(made.config.optimizer, made.model.trainable_variables, 3)
    training = Training(made.model, made.loss, optimizer, made.specs)
    assert {id(state) for state in training.random_states} == {id(one.state) for one in found}
    states = []
    for epoch in (1, 2, 1):
        training.epoch_begins(0, epoch)
        states.append([tuple(layer.seed_generator.state.numpy()) for layer in dropouts.values()])
    assert states[0] == states[2]
    assert len({*states[0], *states[1]}) == 2 * len(dropouts)
