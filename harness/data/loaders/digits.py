"""Handwritten digits that ship with scikit-learn: real data without a download."""

import numpy as np

from harness.data.cache import cached_by
from harness.data.dataset import Dataset
from harness.data.loaders.splits import settings_key, split_features


@cached_by(settings_key)
def digits(
    validation: float = 0.15, test: float = 0.2, limit: int | None = None, train_limit: int | None = None
) -> Dataset:
    """8x8 images of digits, read row by row: 8 steps of 8 features in 0..1, 10 classes, 1,797 sequences.

    The splits are the same for every seed. ``limit`` keeps at most that many training rows, and ``train_limit`` a
    subset in which every class has its share, and which every larger subset contains.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x_NLD = (images.reshape(-1, 8, 8) / 16).astype(np.float32)
    return split_features(x_NLD, labels, validation, test, limit, "scikit-learn digits", train_limit)
