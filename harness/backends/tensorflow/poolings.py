"""One vector for a sequence: ``Pooling(in_dim, **own)``, ``out_dim``, ``(y_BLE, mask_BL) -> z_BE``.

Padded positions do not count; an empty sequence gives 0. Sums over steps are in float32 whatever the precision.

Dimension letters: B batch, L length, E width, A attention width.
"""

import numpy as np
import tensorflow as tf

from harness.backends import initializers
from harness.backends.tensorflow.layers import Dense, Part, any_real, clear_padding, masked_softmax


class _Pooling(Part):
    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.out_dim = in_dim

    def flops(self, length: int) -> int:
        return 0


class Sum(_Pooling):
    """The sum over real steps."""

    def call(self, y_BLE: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.cast(clear_padding(y_BLE, mask_BL), tf.float32), 1)


class Mean(Sum):
    """The mean over real steps."""

    def call(self, y_BLE: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        length_B1 = tf.reduce_sum(tf.cast(mask_BL, tf.float32), 1, keepdims=True)
        return super().call(y_BLE, mask_BL) / tf.maximum(length_B1, 1)


class Max(_Pooling):
    """The largest value over real steps, feature by feature."""

    def call(self, y_BLE: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        lowest = tf.constant(-np.inf, y_BLE.dtype)
        largest_BE = tf.reduce_max(tf.where(mask_BL[:, :, None], y_BLE, lowest), 1)
        return tf.where(tf.reduce_any(mask_BL, 1, keepdims=True), largest_BE, tf.zeros((), y_BLE.dtype))


class Last(_Pooling):
    """The last real step."""

    def call(self, y_BLE: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        last_B = tf.maximum(tf.math.count_nonzero(mask_BL, 1) - 1, 0)
        return tf.gather(clear_padding(y_BLE, mask_BL), last_B, axis=1, batch_dims=1)


class AdditiveAttention(Part):
    """``e = tanh(yW + b)``, ``a = softmax(e.u)`` over real steps, ``z = sum of a.y`` (Yang et al. 2016).

    Args:
        in_dim: width E of the input.
        hidden_size: width A of e.
    """

    def __init__(self, in_dim: int, hidden_size: int = 128) -> None:
        super().__init__()
        self.out_dim, self.hidden_size = in_dim, hidden_size
        self.dense = Dense(in_dim, hidden_size)
        self.u = self.weight(hidden_size)

    def initialise(self, rng: np.random.Generator) -> None:
        self.u.assign(initializers.glorot(rng, self.hidden_size, 1)[:, 0])

    def attention(self, y_BLE: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        """The attention weights of the steps, ``a_BL``; all 0 for an empty sequence."""
        score_BL = tf.tensordot(tf.tanh(self.dense(y_BLE)), tf.convert_to_tensor(self.u), 1)
        # padding is masked out; an empty sequence would have a softmax over nothing, so it is masked afterwards
        return tf.where(mask_BL, masked_softmax(score_BL, any_real(mask_BL)), 0)

    def call(self, y_BLE: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        a_B1L = tf.cast(self.attention(y_BLE, mask_BL), y_BLE.dtype)[:, None]
        return tf.matmul(a_B1L, y_BLE)[:, 0]

    def flops(self, length: int) -> int:
        return self.dense.flops(length) + 2 * length * self.hidden_size + 2 * length * self.out_dim
