"""Encoders built from other encoders, and the identity.

The inner encoders are passed in as functions of the input width: ``inner(in_dim) -> encoder``.

Dimension letters: B batch, L length, D input width, E output width.
"""

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from harness.backends.build import operations
from harness.backends.tensorflow.layers import Part, clear_padding

MakeEncoder = Callable[[int], keras.layers.Layer]


class Identity(Part):
    """Returns its input. With a pooling this is a bag of embeddings, the baseline of every comparison."""

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.out_dim = in_dim

    def call(self, x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        return clear_padding(x_BLD, mask_BL)

    def flops(self, length: int) -> int:
        return 0


class Bidirectional(Part):
    """Any encoder in both directions, outputs concatenated (Schuster & Paliwal 1997): ``(x_BLD, mask_BL) -> y_BL(2E)``.

    The backward direction is an encoder with its own weights that reads each sequence reversed within its length.
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
    """Real steps in reverse order, padding unchanged."""
    return tf.reverse_sequence(x_BLD, tf.math.count_nonzero(mask_BL, 1), seq_axis=1)


class Stack(Part):
    """Encoders in sequence; each reads the output of the one before."""

    def __init__(self, in_dim: int, layers: Mapping[str, MakeEncoder]) -> None:
        super().__init__()
        encoders, self.out_dim = {}, in_dim
        for name, make in layers.items():
            encoders[name] = make(self.out_dim)
            self.out_dim = encoders[name].out_dim
        self.layers = encoders

    def call(self, x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        for layer in self.layers.values():
            x_BLD = layer(x_BLD, mask_BL)
        return x_BLD

    def flops(self, length: int) -> int | None:
        return operations(self.layers.values(), length)
