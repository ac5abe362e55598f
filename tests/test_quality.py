"""Quality against scikit-learn, and by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss

from harness import quality

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


def test_batches_of_different_lengths_count_every_position_alike():
    first = (np.zeros((1, 2, 2), np.float32), np.array([[0, 0]]))
    second = (np.zeros((1, 3, 2), np.float32), np.array([[1, 1, -100]]))
    assert quality.evaluate_batches([first, second])["accuracy"] == pytest.approx(0.5)


def test_large_logits_do_not_overflow():
    assert quality.cross_entropy(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4)
