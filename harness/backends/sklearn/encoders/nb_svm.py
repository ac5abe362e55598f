"""NB-SVM: a linear support vector machine on log-count ratios (Wang & Manning 2012, "Baselines and bigrams").

Dimension letters: N sequences, F n-grams, K decisions.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.svm import LinearSVC

from harness.backends.history import Metrics
from harness.backends.sklearn.layers import Linear, NGramModel, outputs_of, questions
from harness.backends.sklearn.model import Fitting
from harness.backends.sklearn.training import Choice, check_candidates, said_if_not_converged, scale_of
from harness.data import Dataset
from harness.tasks.task import Task

MOST_ITERATIONS = 10_000


class NbSvm(NGramModel):
    """NB-SVM; of several classes, and of several labels a sequence, each is decided against the rest.

    ``C`` is the inverse strength of the penalty, ``beta`` the share of the machine's own weights against their mean
    magnitude, as the paper interpolates between the machine and naive Bayes; of several values, validation chooses.
    The machine has the squared hinge loss of the paper. ``min_rows`` and ``max_features`` as for ``NGrams.learn``.
    """

    def __init__(
        self,
        in_dim: int,
        ngrams: int = 2,
        min_rows: int = 2,
        max_features: int | None = 1_000_000,
        C: float | Sequence[float] = (0.001, 0.003, 0.01, 0.03, 0.1),
        beta: float | Sequence[float] = (0.25, 0.5, 1.0),
    ) -> None:
        super().__init__(in_dim, ngrams, min_rows, max_features, C)
        self.beta = beta

    def check(self, data: Dataset, task: Task, monitor: str) -> None:
        super().check(data, task, monitor)
        check_candidates("beta", self.beta, monitor, 0, 1)

    def fit(self, fitting: Fitting) -> list[Metrics]:
        train, validation = self.count(fitting)
        f_NF, f_val = self.weigh(train), self.weigh(validation)
        asked = questions(fitting.data, self.task)
        ratios = [log_count_ratio(f_NF, yes_N) for yes_N in asked]
        choice: Choice[Linear] = Choice(fitting)
        values = check_candidates("C", self.C, fitting.monitor, 0)
        betas = check_candidates("beta", self.beta, fitting.monitor, 0, 1)
        for C in values:
            pairs = zip(ratios, asked, strict=True)
            machines = [_machine(_scaled(f_NF, r_F), yes_N, C, fitting) for r_F, yes_N in pairs]
            for beta in betas:
                made = _interpolated(ratios, machines, beta)
                margins = outputs_of(made(f_val), self.task)
                scale = scale_of(margins, self.task, fitting.data.validation)
                made = Linear(scale * made.weight_FK, scale * made.bias_K)
                choice.offer({"C": C, "beta": beta}, made, scale * margins)
            choice.say_best_of(len(betas))
        choice.say_if_at_the_end("C", values)
        assert choice.best is not None
        self.linear = choice.best
        return choice.tried

    def weigh(self, m_NF: sparse.csr_matrix) -> sparse.csr_matrix:
        """Whether an n-gram occurs, 1 or 0."""
        return sparse.csr_matrix((np.ones_like(m_NF.data), m_NF.indices, m_NF.indptr), m_NF.shape)


def log_count_ratio(f_NF: sparse.csr_matrix, yes_N: np.ndarray) -> np.ndarray:
    """``r_F = log((p / |p|) / (q / |q|))``: ``p`` counts the rows with a yes that have an n-gram, ``q`` the others.

    Both are smoothed by one row (``alpha`` of the paper is 1).
    """
    p_F, q_F = (1.0 + f_NF.T @ rows_N.astype(np.float64) for rows_N in (yes_N, ~yes_N))
    return np.log(p_F / p_F.sum()) - np.log(q_F / q_F.sum())


def _scaled(f_NF: sparse.csr_matrix, r_F: np.ndarray) -> sparse.csr_matrix:
    """``f_NF * r_F`` of a table of ones, whose places are shared and not copied."""
    return sparse.csr_matrix((r_F[f_NF.indices], f_NF.indices, f_NF.indptr), f_NF.shape)


def _machine(x_NF: sparse.csr_matrix, yes_N: np.ndarray, C: float, fitting: Fitting) -> tuple[np.ndarray, float]:
    """The weights ``w_F`` and the bias of one machine; without an example of both answers, the answer alone."""
    if len(np.unique(yes_N)) == 1:
        return np.zeros(x_NF.shape[1]), 1.0 if yes_N[0] else -1.0
    weights_C, y = fitting.class_weights_C, fitting.data.train.y
    model = LinearSVC(C=C, max_iter=MOST_ITERATIONS, random_state=fitting.seed)
    with said_if_not_converged(lambda: f"encoder.C={C:g}"):
        model.fit(x_NF, yes_N, None if weights_C is None else weights_C[y])
    return model.coef_[0], float(model.intercept_[0])


def _interpolated(
    ratios: Sequence[np.ndarray], machines: Sequence[tuple[np.ndarray, float]], beta: float
) -> Linear:
    """Weights on occurrences: the ratios times ``(1 - beta) * mean(|w|) + beta * w``."""
    pairs = zip(ratios, machines, strict=True)
    columns = [r_F * ((1 - beta) * np.abs(w_F).mean() + beta * w_F) for r_F, (w_F, _) in pairs]
    return Linear(np.stack(columns, 1), np.array([bias for _, bias in machines]))
