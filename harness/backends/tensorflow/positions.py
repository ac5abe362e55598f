"""Positional encodings, added to the input: ``Position(in_dim, max_length)``, ``x_BLD -> x_BLD``.

Dimension letters: B batch, L length, D width.
"""

import numpy as np
import tensorflow as tf

from harness.backends import initializers
from harness.backends.tensorflow.layers import Part


class NoPosition(Part):
    """Returns its input."""

    def __init__(self, in_dim: int, max_length: int) -> None:
        super().__init__()

    def call(self, x_BLD: tf.Tensor) -> tf.Tensor:
        return x_BLD


class Sinusoidal(Part):
    """Sines and cosines of geometrically growing wavelengths (Vaswani et al. 2017); no parameters."""

    def __init__(self, in_dim: int, max_length: int) -> None:
        super().__init__()
        self.table_LD = initializers.sinusoids(max_length, in_dim)

    def call(self, x_BLD: tf.Tensor) -> tf.Tensor:
        table_LD = tf.constant(self.table_LD, x_BLD.dtype)
        return x_BLD + table_LD[: tf.shape(x_BLD)[1]]


class Learned(Part):
    """One learned vector per position, up to the longest sequence of the data."""

    def __init__(self, in_dim: int, max_length: int) -> None:
        super().__init__()
        self.table_LD = self.weight(max_length, in_dim)

    def initialise(self, rng: np.random.Generator) -> None:
        self.table_LD.assign(initializers.embedding(rng, *self.table_LD.shape))

    def call(self, x_BLD: tf.Tensor) -> tf.Tensor:
        return x_BLD + tf.convert_to_tensor(self.table_LD)[: tf.shape(x_BLD)[1]]
