"""The model around an encoder: input -> position -> encoder -> pooling -> head.

Dimension letters: B batch, L length, D input width, E encoder width, C classes, N positions.
"""

from collections.abc import Sequence
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from harness.backends.build import (
    check_own,
    check_word_dropout,
    embedding_width,
    make,
    make_encoder,
    make_position,
    operations,
    own_target,
)
from harness.backends.tensorflow.layers import AsIs, Dense, Embedding, Part, initialise, length_mask
from harness.config.schema import Config, InputConfig
from harness.data import Dataset
from harness.data.dataset import IGNORED
from harness.errors import UserError
from harness.tasks.task import task_of

TASKS = ("classification", "tagging")
"""What this backend has a loss for."""


class Head(Part):
    """Dropout, then dense relu layers, then one dense layer to the classes."""

    def __init__(self, in_dim: int, classes: int, hidden_sizes: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.dropout = keras.layers.Dropout(dropout)
        self.layers = [Dense(*pair) for pair in pairwise([in_dim, *hidden_sizes, classes])]

    def call(self, z_BE: tf.Tensor) -> tf.Tensor:
        z_BE = self.dropout(z_BE)
        for layer in self.layers[:-1]:
            z_BE = tf.nn.relu(layer(z_BE))
        return self.layers[-1](z_BE)

    def flops(self, length: int) -> int:
        return sum(layer.flops(length) for layer in self.layers)


class SequenceModel(Part):
    """Logits ``BC`` for sequences, or without a pooling ``BLC`` for their steps, in float32.

    ``parts`` holds ``input``, ``position``, ``encoder``, ``pooling`` (not for tagging) and ``head``.
    """

    def __init__(self, parts: dict[str, keras.layers.Layer], dropout: float) -> None:
        super().__init__()
        self.parts, self.dropout = parts, keras.layers.Dropout(dropout)

    def call(self, x: tf.Tensor, length_B: tf.Tensor, training: bool = False) -> tf.Tensor:
        parts = self.parts
        mask_BL = length_mask(length_B, tf.shape(x)[1])
        y = parts["encoder"](self.dropout(parts["position"](parts["input"](x))), mask_BL)
        if "pooling" in parts:
            y = parts["pooling"](y, mask_BL)
        return tf.cast(parts["head"](y), tf.float32)

    def flops(self, length: int) -> int | None:
        """Matrix-product operations of one forward pass of one sequence; None where a part does not say its own."""
        parts = [self.parts[name] for name in ("input", "encoder", "pooling") if name in self.parts]
        body = operations(parts, length)
        return None if body is None else body + self.parts["head"].flops(1 if "pooling" in self.parts else length)


def build(config: Config, data: Dataset, seed: int) -> SequenceModel:
    """The model that a config describes, for this data, with the initial values of this seed.

    Raises:
        UserError: a part cannot be made from its settings, or there is no loss for the data's task.
    """
    if data.task not in TASKS:
        raise UserError(
            f"backend=tensorflow has {' and '.join(TASKS)}, and this data asks for {data.task}; take backend=pytorch"
        )
    parts: dict[str, keras.layers.Layer] = {}
    parts["input"], width = _input(config.input, data)
    parts["position"] = make_position(config, width, data)
    parts["encoder"] = encoder = make_encoder(config.encoder, width)
    in_dim, width = width, encoder.out_dim
    if not task_of(data).per_step:
        parts["pooling"] = make("pooling", config.pooling or {}, width)
        width = parts["pooling"].out_dim
    parts["head"] = Head(width, len(data.classes), **config.head.model_dump())
    model = SequenceModel(parts, config.input.dropout)
    # layers that make their weights when first called, as a user's own may, get called
    model(tf.convert_to_tensor(data.train.x[:1]), tf.convert_to_tensor(data.train.length_N[:1]))
    initialise(model.parts, seed)
    if name := own_target(config.encoder):
        check_own(
            name, in_dim, encoder.out_dim, data.max_length,
            lambda x_BLD, mask_BL: np.asarray(encoder(tf.constant(x_BLD), tf.constant(mask_BL))),
        )  # fmt: skip
    return model


def _input(settings: InputConfig, data: Dataset) -> tuple[keras.layers.Layer, int]:
    size = settings.size
    check_word_dropout(settings.word_dropout, data)
    if data.tokens:
        width = embedding_width(size)
        return Embedding(data.width, width, settings.word_dropout), width
    return (AsIs(), data.width) if size is None else (Dense(data.width, size), size)


def cross_entropy(logits: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Mean over the sequences, or over the positions that count; 0 where none does."""
    y_N = tf.reshape(y, [-1])
    counted_N = y_N != IGNORED
    logits_NC = tf.reshape(logits, [-1, logits.shape[-1]])
    loss_N = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(counted_N, y_N, 0), logits_NC)
    counted_N = tf.cast(counted_N, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(loss_N * counted_N), tf.reduce_sum(counted_N))
