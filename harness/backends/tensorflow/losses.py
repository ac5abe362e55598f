"""The loss of each task that this backend has: outputs and labels of a batch to one number.

Dimension letters: N positions, B batch, C classes, A all labels of the data.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf

from harness.data import Dataset
from harness.data.dataset import IGNORED

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def cross_entropy(logits: tf.Tensor, y: tf.Tensor, weights_C: tf.Tensor | None = None) -> tf.Tensor:
    """Mean over the sequences, or over the positions that have a label; 0 if none has one.

    With ``weights_C`` it is the weighted mean: the sum of weighted losses over the sum of the weights.
    """
    y_N = tf.reshape(y, [-1])
    counted_N = y_N != IGNORED
    y_N = tf.where(counted_N, y_N, 0)
    logits_NC = tf.reshape(logits, [-1, logits.shape[-1]])
    loss_N = tf.nn.sparse_softmax_cross_entropy_with_logits(y_N, logits_NC)
    weight_N = tf.cast(counted_N, tf.float32)
    if weights_C is not None:
        weight_N *= tf.gather(weights_C, y_N)
    return tf.math.divide_no_nan(tf.reduce_sum(loss_N * weight_N), tf.reduce_sum(weight_N))


def binary_cross_entropy(logits_BC: tf.Tensor, y_BA: tf.Tensor) -> tf.Tensor:
    """Mean over the sequences and the classes that have an output."""
    y_BC = y_BA[:, : logits_BC.shape[1]]
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y_BC, logits_BC))


def squared_error(prediction_B1: tf.Tensor, y_B: tf.Tensor, deviation: float = 1.0) -> tf.Tensor:
    """Mean over the sequences of the squared error, in units of ``deviation``."""
    return tf.reduce_mean(tf.square(prediction_B1[:, 0] / deviation - y_B / deviation))


LOSSES: dict[str, Loss] = {
    "classification": cross_entropy,
    "tagging": cross_entropy,
    "multilabel": binary_cross_entropy,
    "regression": squared_error,
}


def make_loss(data: Dataset, class_weights_C: np.ndarray | None) -> Loss:
    """The loss that a model of this data is trained by; ``class_weights_C`` only for a classification or tagging."""
    if class_weights_C is not None:
        return partial(cross_entropy, weights_C=tf.constant(class_weights_C))
    if data.label_scale is not None:
        return partial(squared_error, deviation=data.label_scale[1])
    return LOSSES[data.task]
