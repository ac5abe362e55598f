"""Real handwritten digits that ship with scikit-learn, and feature vectors made to order: data without a download."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.data.cache import cached_by
from harness.data.dataset import Dataset, from_sequences


def _settings(**settings: Any) -> str:
    return str(sorted(settings.items()))


@cached_by(_settings)
def digits(validation: float = 0.15, test: float = 0.2, limit: int | None = None) -> Dataset:
    """8x8 images of digits read row by row: 8 steps of 8 features in 0..1, 10 classes, 1,797 sequences.

    The split is the same for every seed. ``limit`` keeps that many training rows.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x_NLD = (images.reshape(-1, 8, 8) / 16).astype(np.float32)
    return split_features(x_NLD, labels, validation, test, limit, "scikit-learn digits")


@cached_by(_settings)
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
    """Gaussian clusters on the corners of a hypercube (Guyon 2003, as scikit-learn makes them), cut into steps.

    With ``min_length`` each sequence is cut at a random length from there to ``length``.
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
    ends = np.random.default_rng(0).integers(min_length or length, length, sequences, endpoint=True)
    cut = [x_LD[:end] for x_LD, end in zip(x_NLD, ends, strict=True)]
    return split_features(cut, labels, validation, test, limit, "scikit-learn make_classification")


def split_features(
    x: Sequence[np.ndarray], labels: np.ndarray, validation: float, test: float, limit: int | None, source: str
) -> Dataset:
    """Cut feature sequences into three splits with like shares of every class, the same for every seed."""
    from sklearn.model_selection import train_test_split

    rest, test_rows = train_test_split(np.arange(len(labels)), test_size=test, stratify=labels, random_state=0)
    share = validation / (1 - test)
    train_rows, validation_rows = train_test_split(rest, test_size=share, stratify=labels[rest], random_state=0)
    parts = [([x[row] for row in rows], labels[rows]) for rows in (train_rows[:limit], validation_rows, test_rows)]
    return from_sequences(*parts, classes=sorted(set(labels.tolist())), source=source)
