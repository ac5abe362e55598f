"""Several labels per sequence: scores and loss in NumPy, the same for all backends.

Every class is a yes-or-no decision of its own: yes if its probability, the sigmoid of its logit, is above 0.5.

Dimension letters: N sequences, C classes with an output, A all labels of the data, those first that have an output.
"""

import numpy as np


def scores(logits_NC: np.ndarray, y_NA: np.ndarray) -> dict[str, float]:
    """Micro and macro F1, exact matches and the loss, by their names without the split.

    ``y_NA`` is 1 where a sequence has a label, else 0. A label without an output, because train never saw it, is never
    predicted: it counts as missed. The two F1 are scikit-learn's ``f1_score`` with ``zero_division=0``.
    """
    predicted_NA = np.zeros(y_NA.shape, bool)
    predicted_NA[:, : logits_NC.shape[1]] = logits_NC > 0
    true_NA = y_NA > 0
    right_A, total_A = (predicted_NA & true_NA).sum(0), predicted_NA.sum(0) + true_NA.sum(0)
    f1_A = 2 * right_A / np.maximum(total_A, 1)
    return {
        "f1_micro": float(2 * right_A.sum() / max(total_A.sum(), 1)),
        "f1_macro": float(f1_A.mean()),
        "exact_match": float((predicted_NA == true_NA).all(1).mean()),
        "loss": binary_cross_entropy(logits_NC, y_NA[:, : logits_NC.shape[1]]),
    }


def binary_cross_entropy(logits_NC: np.ndarray, y_NC: np.ndarray) -> float:
    """Mean over sequences and classes of ``-y log(p) - (1 - y) log(1 - p)``, nats, in double precision."""
    logits_NC = logits_NC.astype(np.float64)
    # log(1 + exp(z)) - y z, written so that no exponential overflows
    return float((np.logaddexp(0.0, logits_NC) - y_NC * logits_NC).mean())
