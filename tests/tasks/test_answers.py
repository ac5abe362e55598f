"""Labels and probabilities from the outputs of a head, computed by hand for each task."""

import numpy as np
import pytest

from harness.tasks.answers import answers
from harness.tasks.task import TASKS

THIRD = np.log(2)
"""A logit of log 2 beside two of 0 has twice the probability of each."""


def answered(task, outputs, lengths=(), classes=("a", "b", "c")):
    return answers(TASKS[task](list(classes)), np.array(outputs, np.float32), np.array(lengths))


def test_a_class_has_the_probabilities_of_a_softmax():
    found = answered("classification", [[0, THIRD, 0], [200, 0, -200]])
    assert found.columns.tolist() == ["label", "probability", "probability_a", "probability_b", "probability_c"]
    assert found["label"].tolist() == ["b", "a"]
    assert found["probability"].tolist() == pytest.approx([0.5, 1])
    assert found.loc[0, "probability_a":].tolist() == pytest.approx([0.25, 0.5, 0.25])
    assert found.loc[1, "probability_a":].tolist() == pytest.approx([1, 0, 0], abs=1e-12)  # without an overflow


def test_several_labels_have_a_logistic_probability_each_and_may_be_none():
    found = answered("multilabel", [[np.log(3), -np.log(3), np.log(4)], [-1, -2, 0]])
    assert found["labels"].tolist() == [["a", "c"], []]
    assert found.loc[0, "probability_a":].tolist() == pytest.approx([0.75, 0.25, 0.8])
    assert found["probability_c"][1] == 0.5


def test_a_number_is_the_output():
    found = answered("regression", [[-2.5], [3]], classes=[])
    assert found.to_dict("list") == {"value": [-2.5, 3.0]}


def test_each_real_step_has_a_tag_and_its_probability():
    found = answered("tagging", [[[0, THIRD, 0], [0, 0, 9]], [[0, 0, 9], [9, 0, 0]], [[9, 0, 0], [9, 0, 0]]], [1, 2, 0])
    assert found["tags"].tolist() == [["b"], ["c", "a"], []]
    assert found["probabilities"][0] == pytest.approx([0.5])
    sure = 1 / (1 + 2 * np.exp(-9))
    assert found["probabilities"][1] == pytest.approx([sure, sure])
    assert found["probabilities"][2] == []


def test_labels_of_ctc_are_merged_and_blanks_are_left_out():
    """The best paths are a a - a b (- is the blank, the last of 3 outputs) and, of two real steps, b b."""
    steps = {"a": [1, 0, 0], "b": [0, 1, 0], "-": [0, 0, 1]}
    outputs = [[steps[one] for one in path] for path in ("aa-ab", "bb-aa")]
    found = answered("ctc", outputs, [5, 2], classes=["a", "b"])
    assert found["labels"].tolist() == [["a", "a", "b"], ["b"]]


@pytest.mark.parametrize("task", TASKS)
def test_no_rows_have_no_answers_in_the_same_columns(task):
    width = {"regression": 1, "ctc": 4}.get(task, 3)
    shape = (2, 2, width) if task in ("tagging", "ctc") else (2, width)
    some, none = np.zeros(shape), np.zeros((0, *shape[1:]))
    classes = [] if task == "regression" else ("a", "b", "c")
    found = answered(task, none, (), classes)
    assert len(found) == 0
    assert found.columns.tolist() == answered(task, some, (2, 2), classes).columns.tolist()
