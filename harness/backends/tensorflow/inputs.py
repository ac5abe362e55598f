"""Inputs other than the embedding: one-hot vectors.

Dimension letters: B batch, L length, V vocabulary.
"""

import tensorflow as tf

from harness.backends.tensorflow.layers import Part, WordDropout


class OneHot(Part):
    """Token ids ``x_BL -> x_BLV``: a 1 at the place of the id, and zeros for padding. Nothing is learned.

    Args:
        rows: V, the number of ids.
        word_dropout: share of the tokens that are read as unknown in training.
    """

    def __init__(self, rows: int, word_dropout: float) -> None:
        super().__init__()
        self.out_dim, self.read = rows, WordDropout(word_dropout)

    def call(self, x_BL: tf.Tensor, training: bool = False) -> tf.Tensor:
        ids_V = tf.concat([[-1], tf.range(1, self.out_dim)], 0)  # no token has -1, so that padding equals none
        ids_BL = tf.cast(self.read(x_BL, training=training), ids_V.dtype)
        return tf.cast(ids_BL[:, :, None] == ids_V, self.compute_dtype)

    def flops(self, length: int) -> int:
        return 0
