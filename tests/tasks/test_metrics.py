"""Quality against scikit-learn, and by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss

from harness.tasks import metrics as quality

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


UNSEEN = np.where(np.arange(211) % 10 < 7, LABELS, 7 + np.arange(211) % 3)
"""Labels of which 7, 8 and 9 have no output."""


def test_labels_that_train_never_saw_are_errors_in_every_score_and_not_in_the_loss():
    found, predicted, known = quality.evaluate(LOGITS, UNSEEN, unseen=3), LOGITS.argmax(1), UNSEEN < 7
    assert found["accuracy"] == pytest.approx(accuracy_score(UNSEEN, predicted))
    assert found["f1_macro"] == pytest.approx(f1_score(UNSEEN, predicted, average="macro"))
    assert found["loss"] == pytest.approx(quality.cross_entropy(LOGITS[known], UNSEEN[known]))
    assert found["f1_macro"] < quality.evaluate(LOGITS[known], UNSEEN[known])["f1_macro"]


def test_confusion_has_rows_for_labels_that_train_never_saw():
    m_UC = quality.confusion(UNSEEN, LOGITS.argmax(1), 7, 3)
    np.testing.assert_array_equal(m_UC, confusion_matrix(UNSEEN, LOGITS.argmax(1), labels=range(10))[:, :7])


def test_where_no_label_has_an_output_the_loss_is_absent():
    assert quality.evaluate(LOGITS, np.full(211, 7), unseen=1) == {"accuracy": 0.0, "f1_macro": 0.0}
