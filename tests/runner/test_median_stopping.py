"""Median stopping: which trials are stopped, and when."""

import dataclasses

import pytest
from made_records import made

from harness.config.compose import compose
from harness.runner.median_stopping import limits, medians


def test_the_limit_of_an_epoch_is_the_median_of_the_best_so_far():
    trials = [[3.0, 1.0, 2.0], [5.0, 4.0, 4.5], [2.0, 6.0, 0.5]]
    assert medians(trials, 3) == [3.0, 2.0, 1.0]


def test_a_trial_that_ended_early_keeps_its_best():
    assert medians([[3.0], [5.0, 1.0], [2.0, 4.0]], 4) == [3.0, 2.0, 2.0, 2.0]


def test_nothing_is_stopped_before_three_trials_have_finished():
    assert medians([[3.0, 1.0], [5.0, 4.0]], 2) == []


def trial(number, accuracies, **more):
    """A finished trial of a variant: its learning rate is its number plus one."""
    config = compose("tune=learning_rate", "tune.prune=true", f"tune.trial={number}", f"optimizer.lr={number + 1}")
    config = {**config.to_dict(), **more.pop("config", {})}
    history = [{"epoch": epoch, "val/accuracy": value} for epoch, value in enumerate(accuracies, 1)]
    return dataclasses.replace(made(history=history, **more), config=config)


def test_only_whole_trials_of_the_same_variant_count():
    config = compose("tune=learning_rate", "tune.prune=true", "tune.trial=7", "optimizer.lr=9", "trainer.epochs=2")
    same = {"config": {"trainer": {**config.to_dict()["trainer"]}}}
    records = [trial(n, [0.1 * n, 0.2 * n], **same) for n in (1, 2, 4)]
    found = limits(config, "val/accuracy", records)
    assert found == pytest.approx([-0.2, -0.4])
    others = [
        trial(5, [0.9, 0.9], stopped_epoch=1, **same),
        trial(5, [0.9, 0.9], status="failed", **same),
        trial(5, [0.9, 0.9], config={**same["config"], "encoder": {"_target_": "another"}}),
        dataclasses.replace(records[0], config=without_trial(config)),
    ]
    assert limits(config, "val/accuracy", [*records, *others]) == found
    assert limits(config, "val/accuracy", records[:2] + others) == []


def without_trial(config):
    settings = config.to_dict()
    settings["tune"]["trial"] = None
    return settings
