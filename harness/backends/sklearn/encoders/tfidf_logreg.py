"""TF-IDF of n-grams with logistic regression.

Dimension letters: N sequences, F n-grams, C classes.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from harness.backends.history import Metrics
from harness.backends.sklearn.layers import Linear, NGramModel, outputs_of, questions
from harness.backends.sklearn.model import Fitting
from harness.backends.sklearn.training import Choice, check_candidates, said_if_not_converged

MOST_ITERATIONS = 1000


class TfidfLogreg(NGramModel):
    """Logistic regression on TF-IDF, as scikit-learn's ``TfidfTransformer`` and ``LogisticRegression`` compute them.

    Of several classes it is multinomial; of several labels a sequence, one regression for each label. ``C`` is the
    inverse strength of the L2 penalty: of several values, validation chooses. ``sublinear_tf``: 1 + log(count) instead
    of the count. ``min_rows`` and ``max_features`` as for ``NGrams.learn``.
    """

    idf_F: np.ndarray

    def __init__(
        self,
        in_dim: int,
        ngrams: int = 2,
        min_rows: int = 2,
        max_features: int | None = 1_000_000,
        C: float | Sequence[float] = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0),
        sublinear_tf: bool = True,
    ) -> None:
        super().__init__(in_dim, ngrams, min_rows, max_features, C)
        self.sublinear_tf = sublinear_tf

    def fit(self, fitting: Fitting) -> list[Metrics]:
        train, validation = self.count(fitting)
        self.idf_F = TfidfTransformer().fit(train).idf_
        x_NF, x_val = self.weigh(train), self.weigh(validation)
        choice: Choice[Linear] = Choice(fitting)
        values = check_candidates("C", self.C, fitting.monitor, 0)
        for C in values:
            made = _logistic(x_NF, C, fitting)
            choice.offer({"C": C}, made, outputs_of(made(x_val), self.task))
            choice.say_best_of(1)
        choice.say_if_at_the_end("C", values)
        assert choice.best is not None
        self.linear = choice.best
        return choice.tried

    def weigh(self, m_NF: sparse.csr_matrix) -> sparse.csr_matrix:
        """What ``TfidfTransformer.transform`` gives, without its passes over all n-grams, which latency would have."""
        count = 1 + np.log(m_NF.data) if self.sublinear_tf else m_NF.data
        x_NF = sparse.csr_matrix((count * self.idf_F[m_NF.indices], m_NF.indices, m_NF.indptr), m_NF.shape)
        return normalize(x_NF, copy=False) if len(count) else x_NF

    def arrays(self) -> list[np.ndarray]:
        return [*super().arrays(), self.idf_F]

    def load(self, arrays: Sequence[np.ndarray]) -> None:
        *linear, idf_F = arrays
        super().load(linear)
        if len(idf_F) != len(self.ngrams):
            raise ValueError(f"{len(idf_F)} document frequencies for {len(self.ngrams)} n-grams")
        self.idf_F = idf_F

    @property
    def parameters(self) -> int:
        return super().parameters + len(self.idf_F)


def _logistic(x_NF: sparse.csr_matrix, C: float, fitting: Fitting) -> Linear:
    """One regression of all classes, or one for each label."""
    data, weights_C = fitting.data, fitting.class_weights_C
    several = data.task == "multilabel"
    columns = questions(data, fitting.task) if several else [data.train.y]
    weight_N = None if weights_C is None else weights_C[data.train.y]
    weights, biases = [], []
    for y in columns:
        if several and len(np.unique(y)) == 1:  # a label that every row has, or none
            odds = np.log((y.sum() + 0.5) / ((~y).sum() + 0.5))
            weights.append(np.zeros((1, x_NF.shape[1])))
            biases.append(np.array([odds]))
            continue
        model = LogisticRegression(C=C, max_iter=MOST_ITERATIONS)
        with said_if_not_converged(lambda: f"encoder.C={C:g}"):
            model.fit(x_NF, y, weight_N)
        weights.append(model.coef_)
        biases.append(model.intercept_)
    return Linear(np.ascontiguousarray(np.concatenate(weights).T), np.concatenate(biases))
