"""The level of chance: what one constant answer scores, which is learned from the labels of train alone.

| task | answer | scores |
|---|---|---|
| ``classification`` | the commonest class of train, the first of several | accuracy, macro F1 |
| ``tagging`` | the commonest tag of train at every step | accuracy, macro F1; where it is ``O``, F1 of spans, 0 |
| ``multilabel`` | each label that more than half of train has | micro and macro F1, exact matches |
| ``regression`` | the mean of train | squared error; with a tolerance, accuracy |

Transcription (``ctc``) has no level of chance. The answers are those of ``encoder=dummy``, and of scikit-learn's
``DummyClassifier(strategy="most_frequent")`` and ``DummyRegressor``.

Dimension letters: N labels of a split, M those of train, A all labels of the data, C those of them that train has.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from harness.data.labels import IGNORED
from harness.data.split import Split


def level_of_chance(
    task: str, splits: Mapping[str, Split], classes: Sequence[str] = (), tolerance: float | None = None
) -> dict[str, float]:
    """By metric, such as ``test/accuracy``, the score of the constant answer on validation and on test.

    A split without labels that count has none.
    """
    if task == "ctc":
        return {}
    levels: dict[str, float] = {}
    for prefix, role in (("val", "validation"), ("test", "test")):
        train_M, y_N = (_counted(splits[name].y) for name in ("train", role))
        if len(train_M) and len(y_N):
            own = _of_constant(task, train_M, y_N, classes, tolerance)
            levels |= {f"{prefix}/{name}": value for name, value in own.items()}
    return levels


def _of_constant(
    task: str, train_M: np.ndarray, y_N: np.ndarray, classes: Sequence[str], tolerance: float | None
) -> dict[str, float]:
    if task == "regression":
        return _of_mean(train_M, y_N, tolerance)
    if task == "multilabel":
        return _of_labels(train_M, y_N, len(classes))
    scores = _of_class(train_M, y_N)
    outside = task == "tagging" and classes[int(np.bincount(train_M).argmax())] == "O"
    return {**scores, "f1_span": 0.0} if outside else scores


def _counted(y_N: np.ndarray) -> np.ndarray:
    return y_N[y_N != IGNORED] if y_N.dtype.kind == "i" else y_N


def _of_class(train_M: np.ndarray, y_N: np.ndarray) -> dict[str, float]:
    """F1 of the class that is answered is 2 right / (right + N), because all N are answered so; of others it is 0."""
    answer = np.bincount(train_M).argmax()
    right, n = int((y_N == answer).sum()), len(y_N)
    classes = len(np.union1d(y_N, [answer]))
    return {"accuracy": right / n, "f1_macro": 2 * right / (right + n) / classes}


def _of_labels(train_MA: np.ndarray, y_NA: np.ndarray, classes: int) -> dict[str, float]:
    """Of a label that is answered for all N sequences, F1 is 2 right / (right + N); of all others it is 0."""
    answer_A = 2 * train_MA.sum(0, dtype=np.int64) > len(train_MA)
    answer_A[classes:] = False  # no output stands for them
    true_NA = y_NA > 0
    right_A = true_NA[:, answer_A].sum(0)
    total = int(true_NA.sum()) + len(y_NA) * int(answer_A.sum())
    return {
        "f1_micro": 2 * int(right_A.sum()) / max(total, 1),
        "f1_macro": float((2 * right_A / (right_A + len(y_NA))).sum()) / len(answer_A),
        "exact_match": float((true_NA == answer_A).all(1).mean()),
    }


def _of_mean(train_M: np.ndarray, y_N: np.ndarray, tolerance: float | None) -> dict[str, float]:
    error_N = y_N.astype(np.float64) - train_M.mean(dtype=np.float64)
    scores = {"mse": float((error_N**2).mean())}
    if tolerance is not None:
        scores["accuracy"] = float((np.abs(error_N) < tolerance).mean())
    return scores
