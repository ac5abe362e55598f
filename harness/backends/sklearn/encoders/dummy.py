"""The answer that does not look at its input: what a metric means nothing below.

Dimension letters: B sequences, L length, N labels that count, C outputs.
"""

from collections.abc import Sequence

import numpy as np

from harness.backends.history import Metrics
from harness.backends.sklearn.model import Fitting
from harness.data import Dataset, Split
from harness.data.dataset import IGNORED
from harness.tasks.task import Task


class Dummy:
    """One constant output, learned from the labels of train alone.

    | task | answer | output |
    |---|---|---|
    | ``classification``, ``tagging`` | the most frequent class, of a sequence or of a step | log of their shares |
    | ``multilabel`` | each label that more than half of the sequences have | log of its odds |
    | ``regression`` | the mean | itself |
    | ``ctc`` | the most frequent symbol, where a step without a label of its own is a blank | log of their shares |

    The first three are scikit-learn's ``DummyClassifier(strategy="prior")``, regression is its ``DummyRegressor``. With
    fewer labels than half of the steps, the answer of ``ctc`` is the empty sequence.
    """

    task: Task
    constant_C: np.ndarray

    def __init__(self, in_dim: int) -> None:
        """It takes the width of the input, as every encoder does, and does not need it."""

    def check(self, data: Dataset, task: Task, monitor: str) -> None:
        """It can be fitted to all data."""
        self.task = task

    def fit(self, fitting: Fitting) -> list[Metrics]:
        self.constant_C = _constant(fitting.data.task, fitting.data.train, self.task.width)
        return []

    def outputs(self, x: np.ndarray, length_B: np.ndarray) -> np.ndarray:
        shape = x.shape[:2] if self.task.per_step else x.shape[:1]
        return np.broadcast_to(self.constant_C.astype(np.float32), (*shape, len(self.constant_C)))

    def arrays(self) -> list[np.ndarray]:
        return [self.constant_C]

    def load(self, arrays: Sequence[np.ndarray]) -> None:
        (constant_C,) = arrays
        if constant_C.shape != (self.task.width,):
            raise ValueError(f"{constant_C.shape} numbers for {self.task.width} outputs")
        self.constant_C = constant_C

    @property
    def parameters(self) -> int:
        return self.constant_C.size


def _constant(task: str, train: Split, width: int) -> np.ndarray:
    y = train.y
    if task == "regression":
        return np.array([y.mean(dtype=np.float64)])
    if task == "multilabel":
        # half a row at least: no odds are infinite
        yes_C = np.clip(y[:, :width].sum(0, dtype=np.float64), 0.5, len(y) - 0.5)
        return np.log(yes_C / (len(y) - yes_C))
    count_C = np.bincount(y[y != IGNORED], minlength=width).astype(np.float64)
    if task == "ctc":
        count_C[-1] = len(train.x) - len(y)
    count_C = np.maximum(count_C, 0.5)
    return np.log(count_C / count_C.sum())
