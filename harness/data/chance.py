"""The level of chance: what one constant answer scores, which is learned from the labels of train alone.

| task | answer | scores |
|---|---|---|
| ``classification`` | the commonest class of train, the first of several | accuracy, macro F1 |
| ``regression`` | the mean of train | squared error; with a tolerance, accuracy |

Other tasks have no level of chance. The answers are those of ``encoder=dummy``, and of scikit-learn's
``DummyClassifier(strategy="most_frequent")`` and ``DummyRegressor``.

Dimension letters: N labels of a split, M those of train.
"""

from collections.abc import Mapping

import numpy as np

from harness.data.labels import IGNORED
from harness.data.split import Split


def level_of_chance(task: str, splits: Mapping[str, Split], tolerance: float | None = None) -> dict[str, float]:
    """By metric, such as ``test/accuracy``, the score of the constant answer on validation and on test.

    A split without labels that count has none.
    """
    if task not in ("classification", "regression"):
        return {}
    levels: dict[str, float] = {}
    for prefix, role in (("val", "validation"), ("test", "test")):
        train_M, y_N = (_counted(splits[name].y) for name in ("train", role))
        if len(train_M) and len(y_N):
            own = _of_class(train_M, y_N) if task == "classification" else _of_mean(train_M, y_N, tolerance)
            levels |= {f"{prefix}/{name}": value for name, value in own.items()}
    return levels


def _counted(y_N: np.ndarray) -> np.ndarray:
    return y_N[y_N != IGNORED] if y_N.dtype.kind == "i" else y_N


def _of_class(train_M: np.ndarray, y_N: np.ndarray) -> dict[str, float]:
    """F1 of the class that is answered is 2 right / (right + N), because all N are answered so; of others it is 0."""
    answer = np.bincount(train_M).argmax()
    right, n = int((y_N == answer).sum()), len(y_N)
    classes = len(np.union1d(y_N, [answer]))
    return {"accuracy": right / n, "f1_macro": 2 * right / (right + n) / classes}


def _of_mean(train_M: np.ndarray, y_N: np.ndarray, tolerance: float | None) -> dict[str, float]:
    error_N = y_N.astype(np.float64) - train_M.mean(dtype=np.float64)
    scores = {"mse": float((error_N**2).mean())}
    if tolerance is not None:
        scores["accuracy"] = float((np.abs(error_N) < tolerance).mean())
    return scores
