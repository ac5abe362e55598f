"""The loss of the tasks that this backend has: outputs and labels of a batch to one number.

Dimension letters: N positions, C classes.
"""

import tensorflow as tf

from harness.data.dataset import IGNORED

TASKS = ("classification", "tagging")
"""The tasks of this loss."""


def cross_entropy(logits: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Mean over the sequences, or over the positions that have a label; 0 if none has one."""
    y_N = tf.reshape(y, [-1])
    counted_N = y_N != IGNORED
    logits_NC = tf.reshape(logits, [-1, logits.shape[-1]])
    loss_N = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(counted_N, y_N, 0), logits_NC)
    counted_N = tf.cast(counted_N, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(loss_N * counted_N), tf.reduce_sum(counted_N))
