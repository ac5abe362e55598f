"""Self-attention.

Dimension letters: B batch, L length (also K for the attended side), D input width, E encoder width, H heads, S width of
a head.
"""

import numpy as np
import tensorflow as tf

from harness.backends import initializers
from harness.backends.arguments import check_attention
from harness.backends.tensorflow.layers import Part, any_real, clear_padding, masked_softmax, project


class SelfAttention(Part):
    """Query, key and value from one input, without bias: ``(x_BLD, mask_BL) -> y_BLE``.

    Args:
        in_dim: width D of the input.
        hidden_size: width E of query, key, value and output, over all heads.
        num_heads: heads H, which must divide ``hidden_size``.
        score: ``dot``, ``scale * q.k`` (Vaswani et al. 2017), or ``additive``, ``scale * u.tanh(q + k)`` (Bahdanau et
            al. 2015).
        normalize: ``softmax`` over real positions, or ``relu``: ``relu(score)`` over the number of real positions
            (Wortsman et al. 2023).
        scale: None means 1 / sqrt(E / H) for ``dot`` and 1 for ``additive``.

    Raises:
        UserError: an argument has another value.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_size: int = 128,
        num_heads: int = 1,
        score: str = "dot",
        normalize: str = "softmax",
        scale: float | None = None,
    ) -> None:
        super().__init__()
        check_attention(hidden_size, num_heads, score, normalize)
        self.in_dim, self.out_dim, self.num_heads = in_dim, hidden_size, num_heads
        self.score, self.normalize = score, normalize
        self.head_width = hidden_size // num_heads
        self.scale = scale if scale is not None else self.head_width**-0.5 if score == "dot" else 1.0
        self.query_key_value = self.weight(in_dim, 3 * hidden_size)
        self.u = self.weight(num_heads, self.head_width) if score == "additive" else None

    def initialise(self, rng: np.random.Generator) -> None:
        kernels = [initializers.glorot(rng, self.in_dim, self.out_dim) for _ in range(3)]
        self.query_key_value.assign(np.concatenate(kernels, 1))
        if self.u is not None:
            self.u.assign(initializers.glorot(rng, self.head_width, self.num_heads).T)

    def call(self, x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        q_BHLS, k_BHLS, v_BHLS = self._project(x_BLD)
        y_BHLS = tf.cast(self._weights(q_BHLS, k_BHLS, mask_BL), v_BHLS.dtype) @ v_BHLS
        y_BLE = tf.reshape(tf.transpose(y_BHLS, (0, 2, 1, 3)), (*_sizes(x_BLD), self.out_dim))
        return clear_padding(y_BLE, mask_BL)

    def attention(self, x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        """The attention weights of all positions over all positions, ``a_BHLK``."""
        q_BHLS, k_BHLS, _ = self._project(x_BLD)
        return self._weights(q_BHLS, k_BHLS, mask_BL)

    def _project(self, x_BLD: tf.Tensor) -> list[tf.Tensor]:
        shape = (*_sizes(x_BLD), self.num_heads, self.head_width)
        parts = tf.split(project(x_BLD, self.query_key_value), 3, -1)
        return [tf.transpose(tf.reshape(part, shape), (0, 2, 1, 3)) for part in parts]

    def _weights(self, q_BHLS: tf.Tensor, k_BHLS: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        attended_B11K = any_real(mask_BL)[:, None, None, :]
        if self.score == "dot":
            score_BHLK = tf.matmul(self.scale * q_BHLS, k_BHLS, transpose_b=True)
        else:
            sum_BHLKS = tf.tanh(q_BHLS[:, :, :, None] + k_BHLS[:, :, None])
            score_BHLK = self.scale * tf.einsum("bhlks,hs->bhlk", sum_BHLKS, tf.convert_to_tensor(self.u))
        if self.normalize == "softmax":
            return masked_softmax(score_BHLK, attended_B11K)
        positive_BHLK = tf.where(attended_B11K, tf.nn.relu(tf.cast(score_BHLK, tf.float32)), 0)
        return positive_BHLK / tf.reduce_sum(tf.cast(attended_B11K, tf.float32), -1, keepdims=True)

    def flops(self, length: int) -> int:
        projections = 2 * length * self.in_dim * 3 * self.out_dim
        # scores and weighted sum: L x L x E multiply-adds each; u.tanh(q + k) counts as many as q.k
        return projections + 2 * 2 * length * length * self.out_dim


def _sizes(x_BLD: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """B and L as tensors: a compiled step knows them only at run time."""
    shape = tf.shape(x_BLD)
    return shape[0], shape[1]
