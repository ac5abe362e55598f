"""Synthetic feature vectors: data of any shape without a download."""

import numpy as np

from harness.data.cache import cached_by
from harness.data.dataset import Dataset
from harness.data.loaders.splits import settings_key, split_features


@cached_by(settings_key)
def synthetic_features(
    sequences: int = 4000,
    length: int = 10,
    width: int = 32,
    classes: int = 10,
    min_length: int | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    limit: int | None = None,
) -> Dataset:
    """Gaussian clusters on the corners of a hypercube (Guyon 2003, scikit-learn's generator), cut into steps.

    With ``min_length``, each sequence is cut to a random length from ``min_length`` to ``length``. ``limit`` keeps at
    most that many training rows.
    """
    from sklearn.datasets import make_classification

    rows, labels = make_classification(
        n_samples=sequences,
        n_features=length * width,
        n_informative=length * width // 4,
        n_redundant=0,
        n_classes=classes,
        n_clusters_per_class=1,
        class_sep=2.0,
        random_state=0,
    )
    x_NLD = rows.reshape(sequences, length, width).astype(np.float32)
    length_N = np.random.default_rng(0).integers(min_length or length, length, sequences, endpoint=True)
    x = [x_LD[:end] for x_LD, end in zip(x_NLD, length_N, strict=True)]
    return split_features(x, labels, validation, test, limit, "scikit-learn make_classification")
