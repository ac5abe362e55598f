"""The quality of predictions, computed with NumPy, the same for all backends.

Dimension letters: N positions, C classes.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from harness.data.dataset import IGNORED


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts ``m_CC``, rows the true class, columns the predicted class; ignored positions do not count."""
    counted = labels != IGNORED
    pairs = labels[counted].astype(np.int64) * classes + predictions[counted]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def accuracy(m_CC: np.ndarray) -> float:
    """Share of the counted positions on the diagonal."""
    return float(m_CC.trace() / m_CC.sum())


def f1_macro(m_CC: np.ndarray) -> float:
    """Unweighted mean of F1 over the classes that occur among labels or predictions."""
    correct, true, predicted = np.diag(m_CC), m_CC.sum(1), m_CC.sum(0)
    seen = true + predicted > 0
    return float((2 * correct[seen] / (true + predicted)[seen]).mean())


def scores(labels: np.ndarray, predictions: np.ndarray, classes: int) -> dict[str, float]:
    """Accuracy and macro F1, by their names without the split."""
    m_CC = confusion(labels, predictions, classes)
    return {"accuracy": accuracy(m_CC), "f1_macro": f1_macro(m_CC)}


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean over the counted positions of -log softmax(``logits_NC``) at the label ``labels_N``, in double precision."""
    counted = labels != IGNORED
    logits_NC = logits[counted].astype(np.float64)
    highest_N1 = logits_NC.max(-1, keepdims=True)
    log_sum_N = np.log(np.exp(logits_NC - highest_N1).sum(-1)) + highest_N1[:, 0]
    return float((log_sum_N - np.take_along_axis(logits_NC, labels[counted][:, None], -1)[:, 0]).mean())


def evaluate(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Loss and scores by their names without the split, from logits ``NC`` or ``NLC`` and labels ``N`` or ``NL``."""
    flat_NC, labels_N = logits.reshape(-1, logits.shape[-1]), labels.ravel()
    return {**scores(labels_N, flat_NC.argmax(-1), logits.shape[-1]), "loss": cross_entropy(flat_NC, labels_N)}


def evaluate_batches(batches: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """``evaluate`` over batches of (logits, labels), which may be padded to different lengths."""
    logits = np.concatenate([logits.reshape(-1, logits.shape[-1]) for logits, _ in batches])
    return evaluate(logits, np.concatenate([labels.ravel() for _, labels in batches]))


def are_spans(classes: Sequence[str]) -> bool:
    """Whether the classes are BIO labels: ``B-x`` begins a span of kind x, ``I-x`` continues it, ``O`` is outside.

    Classes with ``I-`` and without ``B-`` count too: in IOB1, ``I-`` also begins spans. Bare ``B``, ``I`` and ``O`` are
    spans of one kind without a name, as seqeval reads them; bare tags beside tags with a kind are no BIO labels.
    """
    with_kind = all(name == "O" or name[:2] in ("B-", "I-") for name in classes)
    bare = all(name in ("B", "I", "O") for name in classes)
    return (with_kind or bare) and any(name != "O" for name in classes)


def f1_span(batches: Iterable[tuple[np.ndarray, np.ndarray]], classes: Sequence[str]) -> float:
    """F1 over the spans of all rows, from batches of logits ``NLC`` and labels ``NL``, as seqeval counts.

    A span is correct if its kind, beginning and end are correct (as in the CoNLL shared tasks; an ``I-`` that follows
    no span of its kind begins one). 0 if no span is correct.
    """
    from seqeval.metrics import f1_score

    true, predicted = [], []
    for logits, labels in batches:
        for answer_L, label_L in zip(logits.argmax(-1), labels, strict=True):
            counted_L = label_L != IGNORED
            true.append([classes[number] for number in label_L[counted_L]])
            predicted.append([classes[number] for number in answer_L[counted_L]])
    return float(f1_score(true, predicted, zero_division=0))
