"""Quality against scikit-learn, and by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss

from harness.tasks import metrics as quality
from harness.tasks import task as tasks

LABELS = np.random.default_rng(0).integers(0, 5, 211)
LOGITS = np.random.default_rng(1).normal(size=(211, 7)).astype(np.float32)  # classes 5 and 6 are never true


def test_scores_are_scikit_learns():
    found = quality.evaluate(LOGITS, LABELS)
    predicted = LOGITS.argmax(1)
    assert found["accuracy"] == pytest.approx(accuracy_score(LABELS, predicted))
    assert found["f1_macro"] == pytest.approx(f1_score(LABELS, predicted, average="macro"))
    shares = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(1, keepdims=True)
    assert found["loss"] == pytest.approx(log_loss(LABELS, shares, labels=range(7)))


def test_confusion_has_the_true_class_in_rows():
    m_CC = quality.confusion(LABELS, LOGITS.argmax(1), 7)
    np.testing.assert_array_equal(m_CC, confusion_matrix(LABELS, LOGITS.argmax(1), labels=range(7)))


def test_ignored_positions_count_nowhere():
    labels = np.array([[0, 1, -100], [1, -100, -100]])
    logits = np.zeros((2, 3, 2), np.float32)
    logits[0, 1, 1] = 2.0
    logits[:, 2] = 1e6
    logits[1, 1] = 1e6
    found = quality.evaluate(logits, labels)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx((np.log(2) + np.log(1 + np.exp(-2)) + np.log(2)) / 3)


def test_scores_of_tags_are_scikit_learns_over_the_positions_that_count():
    labels_NL = LABELS[:209].reshape(11, 19).copy()
    labels_NL[np.arange(19) >= np.arange(8, 19)[:, None]] = -100
    logits_NLC = LOGITS[:209].reshape(11, 19, 7)
    counted = labels_NL >= 0
    true, predicted = labels_NL[counted], logits_NLC.argmax(-1)[counted]
    found = quality.evaluate(logits_NLC, labels_NL)
    assert found["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    assert found["f1_macro"] == pytest.approx(f1_score(true, predicted, average="macro"))
    m_CC = quality.confusion(labels_NL, logits_NLC.argmax(-1), 7)
    np.testing.assert_array_equal(m_CC, confusion_matrix(true, predicted, labels=range(7)))


def test_batches_of_different_lengths_count_every_position_alike():
    first = (np.zeros((1, 2, 2), np.float32), np.array([[0, 0]]))
    second = (np.zeros((1, 3, 2), np.float32), np.array([[1, 1, -100]]))
    assert quality.evaluate_batches([first, second])["accuracy"] == pytest.approx(0.5)


def test_large_logits_do_not_overflow():
    assert quality.cross_entropy(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4)


BIO = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]


def one_hot(rows):
    """Logits whose highest classes are these tags; the padding of a row is predicted as a span, too."""
    numbers = [[BIO.index(tag) for tag in row] + [1] * (5 - len(row)) for row in rows]
    return np.eye(len(BIO), dtype=np.float32)[numbers]


def numbered(rows):
    return np.array([[BIO.index(tag) for tag in row] + [-100] * (5 - len(row)) for row in rows])


TRUE = [["B-PER", "I-PER", "O", "B-LOC", "O"], ["B-LOC", "B-LOC"], ["O", "O", "O"]]
FOUND = [["B-PER", "I-PER", "O", "B-PER", "O"], ["B-LOC", "I-LOC"], ["O", "O", "B-LOC"]]


def test_a_span_is_right_where_kind_beginning_and_end_are():
    # four true spans, four found, and of these one is right: the first person
    assert quality.f1_span([(one_hot(FOUND), numbered(TRUE))], BIO) == pytest.approx(2 * 1 / (4 + 4))
    assert quality.f1_span([(one_hot(TRUE), numbered(TRUE))], BIO) == 1
    assert quality.f1_span([(one_hot([["O"] * len(row) for row in TRUE]), numbered(TRUE))], BIO) == 0


def test_span_f1_is_seqevals_whatever_the_batches():
    from seqeval.metrics import f1_score as seqeval_f1

    rng = np.random.default_rng(0)
    rows = [[BIO[number] for number in rng.integers(0, 5, rng.integers(1, 6))] for _ in range(61)]
    answers = [[tag if rng.random() < 0.7 else BIO[rng.integers(5)] for tag in row] for row in rows]
    batches = [(one_hot(answers[i : i + 7]), numbered(rows[i : i + 7])) for i in range(0, 61, 7)]
    expected = seqeval_f1(rows, answers)
    assert 0.2 < expected < 0.9
    assert quality.f1_span(batches, BIO) == pytest.approx(expected)


def test_bare_tags_are_spans_of_one_kind_without_a_name():
    classes = ["B", "I", "O"]
    numbers = {name: number for number, name in enumerate(classes)}
    true = np.array([[numbers[tag] for tag in "BIOBO"], [numbers[tag] for tag in "BBIIO"]])
    found = np.array([[numbers[tag] for tag in "BIOBI"], [numbers[tag] for tag in "BBIIO"]])
    # four true spans, four found, three of them right: the last of the first row is too long
    assert quality.f1_span([(np.eye(3, dtype=np.float32)[found], true)], classes) == pytest.approx(2 * 3 / (4 + 4))


@pytest.mark.parametrize(
    ("classes", "spans"),
    [
        (BIO, True),
        (["B-X", "O"], True),
        (["NOUN", "VERB"], False),
        (["I-X", "O"], True),
        (["O"], False),
        (["B-X", "O", "X"], False),
        (["B", "I", "O"], True),
        (["I", "O"], True),
        (["B-X", "I", "O"], False),
        (["A", "B", "O"], False),
    ],
)
def test_labels_are_spans_where_each_is_bio(classes, spans):
    assert quality.are_spans(classes) == spans
    task = tasks.TASKS["tagging"](classes, None)
    assert task.monitor("auto") == ("val/f1_span" if spans else "val/accuracy")
    labels_NL = np.zeros((1, 3), int)
    logits_NLC = np.eye(len(classes), dtype=np.float32)[labels_NL]
    assert set(task.evaluate([(logits_NLC, labels_NL, np.array([3]))])) == set(task.scores)
    assert ("f1_span" in task.scores) == spans
