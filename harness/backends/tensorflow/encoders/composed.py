"""Encoders made of encoders, and the one that does nothing.

What is composed is passed in as functions of the input width: ``inner(in_dim) -> encoder``.

Dimension letters: B batch, L length, D input width, E output width.
"""

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from harness.backends.build import operations
from harness.backends.tensorflow.layers import Part, clear_padding

MakeEncoder = Callable[[int], keras.layers.Layer]


class Identity(Part):
    """The input as it is: what pooling makes of bare embeddings is the baseline of every comparison."""

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.out_dim = in_dim

    def call(self, x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        return clear_padding(x_BLD, mask_BL)

    def flops(self, length: int) -> int:
        return 0


class Bidirectional(Part):
    """Any encoder in both directions, outputs side by side (Schuster & Paliwal 1997): ``(x_BLD, mask_BL) -> y_BL(2E)``.

    The backward direction is an encoder with weights of its own over each sequence reversed within its length.
    """

    def __init__(self, in_dim: int, inner: MakeEncoder) -> None:
        super().__init__()
        self.forwards = inner(in_dim)
        self.backwards = inner(in_dim)
        self.out_dim = self.forwards.out_dim + self.backwards.out_dim

    def call(self, x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        forwards_BLE = self.forwards(x_BLD, mask_BL)
        backwards_BLE = _reversed(self.backwards(_reversed(x_BLD, mask_BL), mask_BL), mask_BL)
        return tf.concat([forwards_BLE, backwards_BLE], -1)

    def flops(self, length: int) -> int | None:
        return operations([self.forwards, self.backwards], length)


def _reversed(x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
    """Real steps in the opposite order, padding left alone."""
    return tf.reverse_sequence(x_BLD, tf.math.count_nonzero(mask_BL, 1), seq_axis=1)


class Stack(Part):
    """Encoders in sequence, each reading what the one before gives."""

    def __init__(self, in_dim: int, layers: Mapping[str, MakeEncoder]) -> None:
        super().__init__()
        made, self.out_dim = {}, in_dim
        for name, make in layers.items():
            made[name] = make(self.out_dim)
            self.out_dim = made[name].out_dim
        self.layers = made

    def call(self, x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        for layer in self.layers.values():
            x_BLD = layer(x_BLD, mask_BL)
        return x_BLD

    def flops(self, length: int) -> int | None:
        return operations(self.layers.values(), length)
