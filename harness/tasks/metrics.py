"""The quality of predictions, computed with NumPy, the same for all backends.

Dimension letters: N positions, C classes, U classes and labels that train never saw.
"""

import numpy as np

from harness.data.dataset import IGNORED


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int, unseen: int = 0) -> np.ndarray:
    """Counts ``m_UC``, rows the true label, columns the predicted class; ignored positions do not count.

    The last ``unseen`` rows are labels that train never saw, whose ids follow those of the classes.
    """
    counted, rows = labels != IGNORED, classes + unseen
    pairs = labels[counted].astype(np.int64) * classes + predictions[counted]
    return np.bincount(pairs, minlength=rows * classes).reshape(rows, classes)


def accuracy(m_UC: np.ndarray) -> float:
    """Share of the counted positions on the diagonal."""
    return float(m_UC.trace() / m_UC.sum())


def f1_macro(m_UC: np.ndarray) -> float:
    """Unweighted mean of F1 over the classes that occur among labels or predictions; of an unseen one it is 0."""
    unseen = m_UC.shape[0] - m_UC.shape[1]
    m_UU = np.pad(m_UC, [(0, 0), (0, unseen)])  # an unseen label is never predicted
    correct, true, predicted = np.diag(m_UU), m_UU.sum(1), m_UU.sum(0)
    seen = true + predicted > 0
    return float((2 * correct[seen] / (true + predicted)[seen]).mean())


def scores(m_UC: np.ndarray) -> dict[str, float]:
    """Accuracy and macro F1, by their names without the split."""
    return {"accuracy": accuracy(m_UC), "f1_macro": f1_macro(m_UC)}


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float | None:
    """Mean of -log softmax(``logits_NC``) at the label ``labels_N``, in double precision, over the counted positions.

    Labels without an output, which train never saw, do not count; None if no position is left.
    """
    counted = (labels != IGNORED) & (labels < logits.shape[-1])
    if not counted.any():
        return None
    logits_NC = logits[counted].astype(np.float64)
    highest_N1 = logits_NC.max(-1, keepdims=True)
    log_sum_N = np.log(np.exp(logits_NC - highest_N1).sum(-1)) + highest_N1[:, 0]
    return float((log_sum_N - np.take_along_axis(logits_NC, labels[counted][:, None], -1)[:, 0]).mean())


def evaluate(logits: np.ndarray, labels: np.ndarray, unseen: int = 0) -> dict[str, float]:
    """Scores and loss by their names without the split, from logits ``NC`` or ``NLC`` and labels ``N`` or ``NL``.

    ``unseen`` is the number of labels without an output. The loss is absent if no label has an output.
    """
    flat_NC, labels_N = logits.reshape(-1, logits.shape[-1]), labels.ravel()
    found = scores(confusion(labels_N, flat_NC.argmax(-1), logits.shape[-1], unseen))
    loss = cross_entropy(flat_NC, labels_N)
    return found if loss is None else {**found, "loss": loss}


def evaluate_batches(batches: list[tuple[np.ndarray, np.ndarray]], unseen: int = 0) -> dict[str, float]:
    """``evaluate`` over batches of (logits, labels), which may be padded to different lengths."""
    logits = np.concatenate([logits.reshape(-1, logits.shape[-1]) for logits, _ in batches])
    return evaluate(logits, np.concatenate([labels.ravel() for _, labels in batches]), unseen)
