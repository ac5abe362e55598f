"""The schedule plateau: as the frameworks' own, the same in both backends, and after an interruption."""

import math

import numpy as np
import pytest
from conftest import refused
from experiments import composed, features, fitted, ready
from histories import without_seconds

from harness.backends.schedules import plateaus, rate_of

PLATEAU = ("optimizer.schedule=plateau", "optimizer.factor=0.5")
LOSSES = np.round(np.random.default_rng(7).uniform(0, 1, 40), 1)  # with ties


def reductions(patience):
    """How often the rate was lowered before each epoch."""
    return [plateaus(LOSSES[:epoch].tolist(), patience) for epoch in range(len(LOSSES) + 1)]


@pytest.mark.parametrize("patience", [1, 2, 3, 5])
def test_it_lowers_the_rate_when_torch_does(patience):
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    # torch counts the epochs that it tolerates: one less
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", 0.5, patience - 1, threshold=0.0, eps=0.0)
    rates = [1.0]
    for loss in LOSSES:
        theirs.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    assert [round(-math.log2(rate)) for rate in rates] == reductions(patience)
    assert reductions(patience)[-1] > 2


@pytest.mark.parametrize("patience", [1, 2, 3, 5])
def test_it_lowers_the_rate_when_keras_does(in_keras, patience):
    import keras

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    theirs = keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience, min_delta=0.0)
    theirs.set_model(model)
    theirs.on_train_begin()
    rates = [1.0]
    for epoch, loss in enumerate(LOSSES):
        theirs.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(float(model.optimizer.learning_rate))
    assert [round(-math.log2(rate)) for rate in rates] == reductions(patience)


def test_the_rate_follows_the_metric_in_its_direction_and_has_a_minimum():
    scores = [0.5, 0.4, 0.4, 0.3]
    settings = composed(*PLATEAU, "optimizer.patience=1", "optimizer.lr=0.8", "optimizer.min_lr=0.3").optimizer

    def rates(monitor):
        history = [{"epoch": number, monitor: score} for number, score in enumerate(scores, 1)]
        return [rate_of(settings, monitor)(history[:count]) for count in range(len(history) + 1)]

    assert rates("val/loss") == [0.8, 0.8, 0.8, 0.4, 0.4]
    assert rates("val/accuracy") == [0.8, 0.8, 0.4, 0.3, 0.3]
    assert rate_of(composed("optimizer.schedule=cosine").optimizer, "val/loss") is None


class Interrupted(Exception):
    pass


def stop(numbers):
    if numbers["epoch"] == 5:
        raise Interrupted


def test_both_backends_train_alike_and_after_an_interruption_too(in_torch, in_keras, tmp_path):
    """At the first plateau the rate becomes so small that the model no longer changes."""
    settings = (
        "optimizer=sgd", "optimizer.lr=0.7", "optimizer.schedule=plateau", "optimizer.factor=1.0e-9",
        "optimizer.patience=1", "encoder=bag_of_embeddings", "input.size=7", "trainer.epochs=7",
        "trainer.batch_size=5", "trainer.monitor=val/loss",
    )  # fmt: skip
    data, found = features(), {}
    for side in (in_torch, in_keras):
        whole, resumed = tmp_path / side.name, tmp_path / f"{side.name} resumed"
        whole.mkdir()
        resumed.mkdir()
        (history, best), _ = fitted(ready(data, *settings, backend=side.name), data, whole)
        losses = found[side.name] = [entry["val/loss"] for entry in history]
        first = next(epoch for epoch in range(len(losses)) if plateaus(losses[:epoch], 1))  # trained so many epochs
        assert 2 <= first <= 5
        assert len({round(loss, 6) for loss in losses[first - 1 :]}) == 1
        assert len({round(loss, 6) for loss in losses[:first]}) == first

        with pytest.raises(Interrupted):
            fitted(ready(data, *settings, backend=side.name), data, resumed, stop)
        again, best_again = fitted(ready(data, *settings, backend=side.name), data, resumed)[0]
        assert (without_seconds(again), best_again) == (without_seconds(history), best)
    np.testing.assert_allclose(found["tensorflow"], found["pytorch"], rtol=1e-3)


@pytest.mark.parametrize(("overrides", "expected"), [
    (["optimizer.schedule=plateau"], "optimizer.schedule=plateau needs optimizer.factor and optimizer.patience, such"),
    ([*PLATEAU], "optimizer.schedule=plateau needs optimizer.patience, such as optimizer.factor=0.5"),
    (["optimizer.factor=0.5"], "optimizer.factor is for optimizer.schedule=plateau; set that, or leave it out"),
    (["optimizer.min_lr=0"], "optimizer.min_lr is for optimizer.schedule=plateau; set that, or leave it out"),
    ([*PLATEAU, "optimizer.patience=1", "trainer.monitor=last"], "optimizer.schedule=plateau follows a metric, and"),
    ([*PLATEAU, "optimizer.patience=1", "optimizer.min_lr=0.1"], "optimizer.min_lr=0.1 is above optimizer.lr=0.001"),
    (["optimizer.factor=1"], "optimizer.factor must be above 0 and below 1, and is 1"),
    (["optimizer.factor=0"], "optimizer.factor must be above 0 and below 1, and is 0"),
    (["optimizer.patience=1.5"], "optimizer.patience must be a whole number of 1 or more, and is 1.5"),
    (["trainer.patience=3", "trainer.monitor=last"], "trainer.patience waits for a better score, and"),
], ids=lambda given: " ".join(given) if isinstance(given, list) else "")
def test_settings_that_contradict_each_other_are_refused(overrides, expected):
    assert expected in refused(composed, *overrides)
