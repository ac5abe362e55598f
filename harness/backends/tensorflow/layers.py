"""Small layers that several modules share, and their initialization.

Dimension letters: B batch, L length, D input width, E output width, V vocabulary.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.backends import initializers
from harness.data.dataset import UNKNOWN
from harness.data.vectors.kept import WordVectors


class Part(keras.layers.Layer):
    """A layer that creates its weights in its constructor, from the width of its input, not at its first call."""

    def __init__(self) -> None:
        super().__init__()
        self.built = True

    def weight(self, *shape: int, cast: bool = True) -> keras.Variable:
        """A trainable weight of this shape; ``initialise`` sets its values.

        With ``cast`` it is read in the precision that the layer computes in.
        """
        return self.add_weight(shape=shape, initializer="zeros", autocast=cast)


class Dense(Part):
    """A dense layer ``(..., D) -> (..., E)``, kernel by Glorot, bias 0."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.kernel, self.bias = self.weight(in_dim, out_dim), self.weight(out_dim)

    def initialise(self, rng: np.random.Generator) -> None:
        self.kernel.assign(initializers.glorot(rng, self.in_dim, self.out_dim))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return project(x, self.kernel) + self.bias

    def flops(self, length: int) -> int:
        return 2 * length * self.in_dim * self.out_dim


class WordDropout(Part):
    """Token ids; in training a share of them is replaced by the unknown one (Iyyer et al. 2015, who remove them)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropout = keras.layers.Dropout(share) if share else None

    def call(self, x_BL: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not (training and self.dropout):
            return x_BL
        dropped_BL = self.dropout(tf.ones(tf.shape(x_BL)), training=True) == 0
        return tf.where(dropped_BL, tf.cast(UNKNOWN, x_BL.dtype), x_BL)


class Embedding(Part):
    """Token ids ``x_BL -> x_BLD``, uniform in +-0.05; ``read`` gives the ids after word dropout."""

    def __init__(self, rows: int, width: int, word_dropout: float = 0.0) -> None:
        super().__init__()
        self.read = WordDropout(word_dropout)
        self.rows, self.width = rows, width
        # cast after the lookup: otherwise the whole table would be cast at every step
        self.table_VD = self.weight(rows, width, cast=False)
        self.vectors: WordVectors | None = None

    def start_from(self, vectors: WordVectors, frozen: bool) -> None:
        """Start from these vectors; with ``frozen`` they, and the rows that they lack, are not trained."""
        self.vectors = vectors
        self.table_VD.trainable = not frozen

    def initialise(self, rng: np.random.Generator) -> None:
        self.table_VD.assign(initializers.embedding(rng, self.rows, self.width, self.vectors))

    def call(self, x_BL: tf.Tensor, training: bool = False) -> tf.Tensor:
        ids_BL = self.read(x_BL, training=training)
        return tf.cast(tf.gather(self.table_VD.value, ids_BL), self.compute_dtype)

    def flops(self, length: int) -> int:
        return 0


class AsIs(Part):
    """Returns its input; costs nothing."""

    def call(self, x_BLD: tf.Tensor) -> tf.Tensor:
        return x_BLD

    def flops(self, length: int) -> int:
        return 0


def named_layers(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Every layer in the public attributes of a layer, list or dict, with its path: ``encoder.layers.first``."""
    if isinstance(node, keras.layers.Layer):
        yield ".".join(path), node
        public = ((name, child) for name, child in vars(node).items() if not name.startswith("_"))
        children: Iterable[tuple[str, Any]] = public
    elif isinstance(node, Mapping):
        children = node.items()
    elif isinstance(node, (list, tuple)):
        children = ((str(index), child) for index, child in enumerate(node))
    else:
        return
    for name, child in children:
        yield from named_layers(child, (*path, name))


def initialise(parts: Mapping[str, keras.layers.Layer], seed: int) -> None:
    """Call every layer's ``initialise``, if it has one, with the generator of its path; others keep Keras's values."""
    for path, layer in named_layers(parts):
        if hasattr(layer, "initialise"):
            layer.initialise(initializers.generator(seed, path))


def seed_generators(node: Any) -> list[keras.random.SeedGenerator]:
    """Every random generator that a layer, list or dict holds, such as those of its dropout layers; each one once."""
    generators: dict[int, keras.random.SeedGenerator] = {}
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, keras.random.SeedGenerator):
            generators[id(one)] = one
        elif isinstance(one, keras.layers.Layer):
            waiting += vars(one).values()
        elif isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, (list, tuple, set)):
            waiting += one
    return list(generators.values())


def project(x: tf.Tensor, kernel_DE: keras.Variable) -> tf.Tensor:
    """``(..., D) -> (..., E)`` as one matrix product, not one per sequence of the batch."""
    return tf.tensordot(x, tf.convert_to_tensor(kernel_DE), 1)


def length_mask(length_B: tf.Tensor, longest: tf.Tensor) -> tf.Tensor:
    """``mask_BL``, True at real steps."""
    return tf.range(tf.cast(longest, length_B.dtype)) < length_B[:, None]


def clear_padding(y_BLE: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
    """Set padded positions to exactly 0, whatever they hold."""
    return tf.where(mask_BL[:, :, None], y_BLE, tf.zeros((), y_BLE.dtype))


def masked_softmax(score: tf.Tensor, counted: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis where ``counted`` is True (at least once per row), always in float32."""
    return tf.nn.softmax(tf.where(counted, tf.cast(score, tf.float32), -np.inf))


def any_real(mask_BL: tf.Tensor) -> tf.Tensor:
    """The mask, but all True for an empty sequence, so that no softmax is over nothing."""
    return mask_BL | ~tf.reduce_any(mask_BL, 1, keepdims=True)
