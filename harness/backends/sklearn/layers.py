"""Linear decisions on weighed counts of n-grams: what the encoders of this backend that read tokens share.

Dimension letters: N sequences, B those of a batch, L length, F n-grams, K decisions, C outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from harness.backends.history import Metrics
from harness.backends.sklearn.inputs import NGrams, check_longest
from harness.backends.sklearn.model import Fitting
from harness.backends.sklearn.training import check_candidates
from harness.config.rules import check_count
from harness.data import Dataset
from harness.data.flat import offsets_of
from harness.errors import UserError
from harness.tasks.task import Task


@dataclass(frozen=True)
class Linear:
    """Decisions ``x_NF @ weight_FK + bias_K``."""

    weight_FK: np.ndarray
    bias_K: np.ndarray

    def __call__(self, x_NF: sparse.csr_matrix) -> np.ndarray:
        return np.asarray(x_NF @ self.weight_FK) + self.bias_K


def outputs_of(decision_NK: np.ndarray, task: Task) -> np.ndarray:
    """Outputs ``NC``; of one decision between two classes, half of it against the first and half for the second."""
    one_of_two = decision_NK.shape[1] == 1 and task.width == 2
    return decision_NK * np.array([-0.5, 0.5]) if one_of_two else decision_NK


def questions(data: Dataset, task: Task) -> list[np.ndarray]:
    """The yes-or-no questions about the rows of train: is it this class? Of two classes, the second alone is asked."""
    y = data.train.y
    if data.task == "multilabel":
        return [y[:, label] > 0 for label in range(task.width)]
    return [y == label for label in (range(task.width) if task.width > 2 else [1])]


class NGramModel:
    """A linear model of the n-grams of a sequence; what it learns beside ``linear`` is up to the encoder."""

    task: Task
    linear: Linear

    def __init__(
        self, in_dim: int, ngrams: int, min_rows: int, max_features: int | None, C: float | Sequence[float]
    ) -> None:
        check_count("encoder.ngrams", ngrams)
        check_count("encoder.min_rows", min_rows)
        if max_features is not None:
            check_count("encoder.max_features", max_features)
        self.min_rows, self.max_features, self.C = min_rows, max_features, C
        self.ngrams = NGrams(ngrams, in_dim)

    def check(self, data: Dataset, task: Task, monitor: str) -> None:
        name = type(self).__name__
        if not data.tokens:
            raise UserError(
                f"encoder: {name} counts tokens, and this data has feature vectors; take encoder=dummy, or an encoder "
                "of another backend"
            )
        if data.task not in ("classification", "multilabel"):
            raise UserError(
                f"encoder: {name} is for classification and multilabel, and this data's task is {data.task}; take "
                "encoder=dummy, or an encoder of another backend"
            )
        check_longest(self.ngrams.longest, data.width)
        check_candidates("C", self.C, monitor, 0)
        self.task = task

    def count(self, fitting: Fitting) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """Learn the n-grams of train, and count them in the rows of train and of validation.

        Raises:
            UserError: none is left.
        """
        train, validation = fitting.data.train, fitting.data.validation
        self.ngrams.learn(train.x, train.offsets, self.min_rows, self.max_features)
        if not len(self.ngrams):
            raise UserError(f"encoder.min_rows={self.min_rows}: no n-gram occurs in so many rows of train; set it to 1")
        return self.ngrams.counts(train.x, train.offsets), self.ngrams.counts(validation.x, validation.offsets)

    def weigh(self, m_NF: sparse.csr_matrix) -> sparse.csr_matrix:
        """What the linear model reads, from counts."""
        raise NotImplementedError

    def fit(self, fitting: Fitting) -> list[Metrics]:
        raise NotImplementedError

    def outputs(self, x: np.ndarray, length_B: np.ndarray) -> np.ndarray:
        x_T = x[np.arange(x.shape[1]) < length_B[:, None]]
        counts = self.ngrams.counts(x_T, offsets_of(length_B))
        return outputs_of(self.linear(self.weigh(counts)), self.task).astype(np.float32)

    def arrays(self) -> list[np.ndarray]:
        return [self.ngrams.keys_F, self.linear.weight_FK, self.linear.bias_K]

    def load(self, arrays: Sequence[np.ndarray]) -> None:
        keys_F, weight_FK, bias_K = arrays
        if weight_FK.shape != (len(keys_F), len(bias_K)):
            raise ValueError(f"weights of shape {weight_FK.shape} for {len(keys_F)} n-grams")
        self.ngrams.keys_F, self.linear = keys_F, Linear(weight_FK, bias_K)

    @property
    def parameters(self) -> int:
        return self.linear.weight_FK.size + self.linear.bias_K.size
