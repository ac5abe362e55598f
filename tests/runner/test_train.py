"""The worker's part of a run: what it evaluates, and what it refuses to call a result."""

import json

import numpy as np
import pytest

from harness.data import from_sequences
from harness.runner.train import evaluate
from harness.tasks.task import task_of


@pytest.fixture
def data():
    x, y = [[2, 3], [3], [2]], ["a", "b", "a"]
    return from_sequences((x, y), (x, y), (x, y), classes=["a", "b"], vocabulary=["[PAD]", "[UNK]", "x", "y"])


def test_scores_of_the_test_split_and_its_confusion(data, tmp_path):
    logits_NC = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], np.float32)
    found = evaluate(task_of(data), data, logits_NC, tmp_path)
    assert found["test/accuracy"] == pytest.approx(2 / 3)
    # two of three by log(1 + exp(-1)), one by that and 1 more
    assert found["test/loss"] == pytest.approx(np.log1p(np.exp(-1)) + 1 / 3)
    assert json.loads((tmp_path / "confusion.json").read_text()) == [[2, 0], [1, 0]]


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_score_that_is_not_finite_on_test_is_a_failure_that_names_it(data, tmp_path, value):
    logits_NC = np.array([[1.0, 0.0], [1.0, 0.0], [value, 0.0]], np.float32)
    with np.errstate(invalid="ignore"), pytest.raises(RuntimeError, match=r"test/loss is nan, though validation was"):
        evaluate(task_of(data), data, logits_NC, tmp_path)
