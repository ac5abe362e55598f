"""What follows from a task: scores, the metric that chooses, and that comparison, gate and pictures take them."""

import numpy as np
import pytest
from made_records import made
from sklearn.metrics import mean_squared_error

from harness.analysis import regression_gate as gate
from harness.analysis.comparability import best_first
from harness.analysis.comparison import compare
from harness.analysis.gate_baseline import baseline_of
from harness.data import from_sequences
from harness.errors import UserError
from harness.records.metrics import METRICS
from harness.records.record import DataSummary
from harness.report import tables
from harness.report.answer_text import answer
from harness.report.html.charts import plots
from harness.report.html.tradeoffs import pareto
from harness.tasks.task import task_of, task_of_summary


def regression(tolerance=None):
    x = [np.ones((3, 2), np.float32), np.ones((2, 2), np.float32)]
    part = (x, [0.5, -0.25])
    return from_sequences(part, part, part, task="regression", tolerance=tolerance)


def test_a_regression_has_numbers_for_labels_and_no_classes():
    data = regression()
    data.check()
    assert data.task == "regression"
    assert data.train.y.dtype == np.float32
    assert data.train.y.tolist() == [0.5, -0.25]
    assert data.classes == []
    assert data.summary().tolerance is None
    assert regression(0.04).hash != data.hash


def test_labels_that_are_one_number_or_none_at_all_are_refused():
    x = [np.ones((3, 2), np.float32)] * 2
    for labels, said in (([0.5, 0.5], "all labels of the training split are the same"), ([0.5, np.nan], "finite")):
        with pytest.raises(UserError, match=said):
            from_sequences((x, labels), (x, labels), (x, labels), task="regression").check()
    said = "the task is one of classification, tagging, multilabel, regression, ctc, not 'ranking'"
    with pytest.raises(UserError, match=said):
        from_sequences((x, [0, 1]), (x, [0, 1]), (x, [0, 1]), classes=[0, 1], task="ranking").check()


def test_squared_error_is_scikit_learns_and_accuracy_counts_what_is_within_the_tolerance():
    rng = np.random.default_rng(0)
    y = rng.normal(size=211).astype(np.float32)
    found = y + rng.normal(scale=0.05, size=211).astype(np.float32)
    task = task_of(regression(tolerance=0.04))
    length = np.ones(211, np.int32)
    scores = task.evaluate([(found[:100, None], y[:100], length[:100]), (found[100:, None], y[100:], length[100:])])
    assert scores["mse"] == pytest.approx(mean_squared_error(y, found))
    assert scores["accuracy"] == sum(abs(float(a) - float(b)) < 0.04 for a, b in zip(found, y, strict=True)) / 211
    assert task_of(regression()).evaluate([(found[:, None], y, length)]).keys() == {"mse"}


def test_torchs_loss_of_a_regression_is_the_metric():
    import torch

    from harness.backends.pytorch.losses import LOSSES

    found, y = torch.tensor([[1.0], [3.0], [-1.0]]), torch.tensor([0.5, 3.0, 1.0])
    assert float(LOSSES["regression"](found, y, torch.ones(3))) == pytest.approx((0.25 + 0 + 4) / 3)


@pytest.mark.parametrize(
    ("task", "tolerance", "first"),
    [
        ("classification", None, "val/accuracy"), ("tagging", None, "val/accuracy"), ("regression", None, "val/mse"),
        ("regression", 0.1, "val/mse"), ("ctc", None, "val/label_error_rate"),
    ],
)  # fmt: skip
def test_the_best_epoch_is_chosen_by_what_the_task_has(task, tolerance, first):
    made = task_of_summary(DataSummary("made", "", task, classes=["a", "b"], tolerance=tolerance))
    assert made.monitor("auto") == first
    for score in made.scores:
        assert METRICS[f"val/{score}"].higher_is_better is METRICS[f"test/{score}"].higher_is_better is not None
        assert made.monitor(f"val/{score}") == f"val/{score}"
    assert f"train/{made.loss}" in METRICS


def test_a_metric_that_the_task_lacks_chooses_nothing():
    expected = r"trainer\.monitor=val/accuracy: this data's task has val/mse, train/mse, last; take"
    with pytest.raises(UserError, match=expected):
        task_of(regression()).monitor("val/accuracy")


def side_by_side(metric: str, better: float, worse: float):
    runs = []
    for encoder, value, latency in (("lstm", worse, 1.0), ("gru", better, 2.0), ("rnn", worse * 2, 3.0)):
        for seed in range(3):
            found = {metric: value + 0.001 * seed, "latency/p50_ms": latency + 0.001 * seed}
            runs.append(made(encoder, seed, None, metrics=found))
    return compare(runs, "made")


@pytest.mark.parametrize(
    ("metric", "name"), [("test/label_error_rate", "label error rate"), ("test/mse", "squared error")]
)
def test_where_less_is_better_the_least_is_best(metric, name):
    comparison = side_by_side(metric, better=0.1, worse=0.3)
    (group,) = comparison.groups
    assert group.quality == metric
    best = {variant.name: variant.verdict(metric) for variant in group.variants}
    assert best == {"gru": "best", "lstm": "worse", "rnn": "worse"}
    assert [variant.name for variant in best_first(group, group.variants)] == ["gru", "lstm", "rnn"]
    assert answer(group)[0].startswith(f"Take gru: {name} 0.1")
    assert [variant.name for variant in pareto(group, "latency/p50_ms", group.variants)] == ["lstm", "gru"]
    assert f"| variant | seeds | {name} |" in tables.markdown(comparison)
    assert "lower is better" in tables.csv_text(comparison)
    assert plots(group)[0].title == f"{name.capitalize()} of each variant"
    assert gate.check(comparison, baseline_of(comparison)).code == gate.PASSED
    worse = side_by_side(metric, better=0.2, worse=0.3)
    assert [check.variant for check in gate.check(worse, baseline_of(comparison)).worse] == ["gru"]
