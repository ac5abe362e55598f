"""Best epoch, patience and divergence from the metrics of the epochs."""

import math
from types import SimpleNamespace

import pytest

from harness.backends import history as history_of


def history(monitor, *values):
    return [{"epoch": number, monitor: value} for number, value in enumerate(values, 1)]


def test_the_first_of_equally_good_epochs_is_the_best():
    assert history_of.best_epoch(history("val/accuracy", 0.5, 0.7, 0.7, 0.6), "val/accuracy") == 2
    assert history_of.best_epoch(history("val/loss", 0.5, 0.3, 0.3, 0.6), "val/loss") == 2


def both(accuracies, losses):
    return [
        {"epoch": number, "train/loss": 1 / number, "val/accuracy": accuracy, "val/loss": loss}
        for number, (accuracy, loss) in enumerate(zip(accuracies, losses, strict=True), 1)
    ]


def test_of_epochs_with_equal_accuracy_the_one_with_the_lower_loss_is_the_best_then_the_first():
    assert history_of.best_epoch(both([0.5, 0.7, 0.7, 0.7, 0.6], [0.9, 0.8, 0.4, 0.4, 0.1]), "val/accuracy") == 3
    assert history_of.best_epoch(both([0.5, 0.7, 0.7], [0.9, 0.4, 0.8]), "val/accuracy") == 2
    assert history_of.best_epoch(history("val/mse", 0.5, 0.3, 0.3), "val/mse") == 2


def test_every_score_on_validation_has_its_ties_broken_by_the_loss_which_is_the_error_of_a_regression():
    spans = [{"val/f1_span": score, "val/accuracy": 1 - score, "val/loss": loss}
             for score, loss in [(0.5, 0.1), (0.7, 0.8), (0.7, 0.4), (0.7, 0.6)]]  # fmt: skip
    assert history_of.best_epoch(spans, "val/f1_span") == 3
    within = [{"val/accuracy": 0.7, "val/mse": error} for error in (0.4, 0.2, 0.3)]
    assert history_of.best_epoch(within, "val/accuracy") == 2


def test_the_training_loss_or_nothing_may_choose_the_epoch():
    made = both([0.7, 0.6, 0.7], [0.1, 0.2, 0.3])
    assert history_of.best_epoch(made, "train/loss") == 3
    made[2]["train/loss"] = made[1]["train/loss"]
    assert history_of.best_epoch(made, "train/loss") == 2
    assert history_of.best_epoch(made, "last") == 3
    assert [history_of.best_epoch(made[:count], "last") for count in (1, 2)] == [1, 2]


def test_a_metric_that_validation_cannot_have_is_named():
    lacking = [{"epoch": 1, "train/loss": 0.5, "val/label_error_rate": 0.5}]
    with pytest.raises(RuntimeError, match=r"^trainer.monitor=val/loss: validation has no such score, because every"):
        history_of.best_epoch(lacking, "val/loss")
    assert history_of.best_epoch(lacking, "val/label_error_rate") == 1


def test_patience_waits_for_a_better_score_not_for_a_lower_loss():
    assert history_of.patience_is_out(both([0.7, 0.7, 0.7], [0.5, 0.4, 0.3]), "val/accuracy", 2)


@pytest.mark.parametrize(
    ("losses", "patience", "expected"),
    [
        ((0.5, 0.4, 0.3), 1, False),
        ((0.5, 0.6), 1, True),
        ((0.5, 0.5), 1, True),
        ((0.5, 0.6), 2, False),
        ((0.5, 0.6, 0.55), 2, True),
        ((0.5, 0.6, 0.4, 0.45), 2, False),
        ((0.5, 0.6, 0.7, 0.8), None, False),
    ],
)
def test_patience_counts_epochs_since_the_last_better_one(losses, patience, expected):
    assert history_of.patience_is_out(history("val/loss", *losses), "val/loss", patience) is expected


def test_patience_is_what_lightning_makes_of_it():
    lightning = pytest.importorskip("pytorch_lightning")
    import torch

    losses = [0.9, 0.7, 0.8, 0.7, 0.6, 0.65, 0.61, 0.6]
    for patience in (1, 2, 3):
        stopping = lightning.callbacks.EarlyStopping("val/loss", patience=patience, mode="min")
        theirs = [stopping._evaluate_stopping_criteria(torch.tensor(loss))[0] for loss in losses]
        ours = [
            history_of.patience_is_out(history("val/loss", *losses[:count]), "val/loss", patience)
            for count in range(1, len(losses) + 1)
        ]
        first = theirs.index(True)
        assert ours[: first + 1] == theirs[: first + 1]


def test_an_entry_names_a_watched_test_split_so_that_nothing_chooses_by_it():
    found = history_of.entry(3, {"train/loss": 0.25}, {"val": {"loss": 0.5}, "test": {"loss": 0.75}})
    assert found == {"epoch": 3, "train/loss": 0.25, "val/loss": 0.5, "test/loss_each_epoch": 0.75}
    assert history_of.line(found, 7) == "epoch 3/7: train/loss 0.2500; val/loss 0.5000; test/loss_each_epoch 0.7500"


def test_the_line_of_an_epoch_names_each_split_once_and_fits_80_columns():
    scores = {"accuracy": 0.9876, "f1_macro": 0.987, "loss": 0.1}
    (line,) = history_of.line(history_of.entry(10, {"train/loss": 0.25}, {"val": scores}), 10).splitlines()
    assert line == "epoch 10/10: train/loss 0.2500; val/accuracy 0.9876 f1_macro 0.9870 loss 0.1000"
    assert len(line) == 79
    longer = history_of.line(history_of.entry(100, {"train/loss": 1234.5}, {"val": scores, "test": scores}), 100)
    assert longer.splitlines() == [
        "epoch 100/100: train/loss 1,234; val/accuracy 0.9876 f1_macro 0.9870",  # 68 columns, and 13 more would be 81
        "  loss 0.1000; test/accuracy_each_epoch 0.9876 f1_macro_each_epoch 0.9870",
        "  loss_each_epoch 0.1000",
    ]


def test_a_training_that_resumes_names_the_last_epoch_that_it_has():
    assert history_of.resuming(history("val/loss", 0.5, 0.4)) == "resuming after epoch 2"


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_number_that_is_not_finite_ends_the_training_with_advice(lost):
    with pytest.raises(RuntimeError, match=rf"diverged: train/loss is {lost} in epoch 2; a lower optimizer\.lr"):
        history_of.check_finite({"epoch": 2, "train/loss": lost})
    history_of.check_finite({"epoch": 2, "train/loss": 0.5})


def test_steps_and_seconds_go_on_from_the_last_epoch_of_the_history_and_are_not_printed():
    timer = SimpleNamespace(epoch_steps=[7, 5], epochs=[0.5, 0.25])
    first = history_of.spent([], timer)
    assert first == {"cost/steps": 5, "speed/training_seconds": 0.25}
    later = history_of.spent([{"epoch": 1, **first}, {"cost/steps": 11, "speed/training_seconds": 2.0}], timer)
    assert later == {"cost/steps": 16, "speed/training_seconds": 2.25}
    assert history_of.line({"epoch": 2, "val/loss": 0.5, **later}, 3) == "epoch 2/3: val/loss 0.5000"
