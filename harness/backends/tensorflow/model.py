"""The model around an encoder: input -> position -> encoder -> pooling -> head.

Dimension letters: B batch, L length, D input width, E encoder width, C classes.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from harness.backends.build import (
    check_custom,
    check_one_hot,
    check_word_dropout,
    custom_target,
    embedding_width,
    make,
    make_encoder,
    make_position,
    operations,
)
from harness.backends.tensorflow.inputs import OneHot
from harness.backends.tensorflow.layers import AsIs, Dense, Embedding, Part, initialise, length_mask, named_layers
from harness.backends.tensorflow.losses import LOSSES
from harness.config.schema import Config, InputConfig
from harness.data import Dataset
from harness.errors import UserError
from harness.tasks.task import task_of


class Head(Part):
    """Dropout, dense relu layers, then one dense layer to the outputs of the task, such as a logit per class.

    With ``scale``, the mean and the standard deviation of the labels, an output is a number in their unit.
    """

    def __init__(
        self, in_dim: int, out_dim: int, hidden_sizes: Sequence[int], dropout: float,
        scale: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.dropout = keras.layers.Dropout(dropout)
        self.layers = [Dense(*pair) for pair in pairwise([in_dim, *hidden_sizes, out_dim])]

    def call(self, z_BE: tf.Tensor) -> tf.Tensor:
        z_BE = self.dropout(z_BE)
        for layer in self.layers[:-1]:
            z_BE = tf.nn.relu(layer(z_BE))
        outputs = self.layers[-1](z_BE)
        if self.scale is None:
            return outputs
        mean, deviation = self.scale
        return tf.cast(outputs, tf.float32) * deviation + mean

    def flops(self, length: int) -> int:
        return sum(layer.flops(length) for layer in self.layers)


class SequenceModel(Part):
    """Outputs ``BC`` per sequence, or without a pooling ``BLC`` per step, in float32; C is set by the task.

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
        """Matrix-product operations of one forward pass of one sequence; None if a part does not report its own."""
        parts = [self.parts[name] for name in ("input", "encoder", "pooling") if name in self.parts]
        body = operations(parts, length)
        return None if body is None else body + self.parts["head"].flops(1 if "pooling" in self.parts else length)


def build(config: Config, data: Dataset, seed: int) -> SequenceModel:
    """The model of a config for this data, with the initial values of this seed.

    Raises:
        UserError: a part cannot be built from its settings, or this backend has no loss for the data's task.
    """
    if data.task not in LOSSES:
        raise UserError(
            f"backend=tensorflow has {', '.join(LOSSES)}, and this data asks for {data.task}; take backend=pytorch"
        )
    parts: dict[str, keras.layers.Layer] = {}
    parts["input"], width = _input(config.input, data)
    parts["position"] = make_position(config, width, data)
    parts["encoder"] = encoder = make_encoder(config.encoder, width)
    in_dim, width = width, encoder.out_dim
    task = task_of(data)
    if not task.per_step:
        parts["pooling"] = make("pooling", config.pooling or {}, width)
        width = parts["pooling"].out_dim
    parts["head"] = Head(width, task.width, **config.head.model_dump(), scale=data.label_scale)
    model = SequenceModel(parts, config.input.dropout)
    # custom layers may create their weights at the first call, so the model is called once
    first = np.arange(1)
    model(tf.convert_to_tensor(data.train.padded(first)), tf.convert_to_tensor(data.train.length_N[first]))
    initialise(model.parts, seed)
    if name := custom_target(config.encoder):
        _check_custom(name, encoder, in_dim, data.max_length)
    return model


def _check_custom(name: str, encoder: keras.layers.Layer, in_dim: int, longest: int) -> None:
    """Check that a custom encoder keeps the contract, and leave its weights as they were.

    Raises:
        UserError: it breaks the contract.
    """

    def forward(x_BLD: np.ndarray, mask_BL: np.ndarray, training: bool = False) -> np.ndarray:
        return np.asarray(encoder(tf.constant(x_BLD), tf.constant(mask_BL), training=training))

    weights = encoder.get_weights()  # running statistics, which a pass in training changes, are among them
    dropouts = [(part, part.rate) for _, part in named_layers(encoder) if isinstance(part, keras.layers.Dropout)]
    for part, _ in dropouts:
        part.rate = 0.0
    check_custom(name, in_dim, encoder.out_dim, longest, forward, partial(forward, training=True))
    for part, rate in dropouts:
        part.rate = rate
    encoder.set_weights(weights)


def _input(settings: InputConfig, data: Dataset) -> tuple[keras.layers.Layer, int]:
    size = settings.size
    check_word_dropout(settings.word_dropout, data)
    if settings.one_hot:
        check_one_hot(data)
        return OneHot(data.width, settings.word_dropout), data.width
    if data.tokens:
        width = embedding_width(size, data)
        table = Embedding(data.width, width, settings.word_dropout)
        if data.vectors is not None:
            table.start_from(data.vectors, bool(settings.frozen))
        return table, width
    return (AsIs(), data.width) if size is None else (Dense(data.width, size), size)
