"""Recurrent encoders in one direction: Keras's own layers over padded batches.

They get no mask: a step depends only on the steps before it, and the output at padded positions is cleared.

Dimension letters: B batch, L length, D input width, E = H hidden width, G gates times H.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.backends import initializers
from harness.backends.arguments import check_nonlinearity, check_recurrent
from harness.backends.tensorflow.layers import Part, clear_padding, named_layers
from harness.config.kernels import KERAS, key_in_config
from harness.config.schema import AUTO
from harness.errors import UserError
from harness.records.record import Kernels


class Recurrent(Part):
    """The part that the RNN, LSTM and GRU share: ``(x_BLD, mask_BL) -> y_BLE``.

    Args:
        in_dim: width D of the input.
        hidden_size: width of the state and the output.
        num_layers: layers, each reading the states of the one below.
        dropout: share of states dropped between layers, in training.
        kernel: ``auto``: Keras has its own layers alone.

    Raises:
        UserError: ``dropout`` is above 0 and there is only one layer, or another kernel is asked for.
    """

    keras_class: type[keras.layers.RNN]
    gates: int
    forget: int | None = None

    def __init__(
        self, in_dim: int, hidden_size: int, num_layers: int, dropout: float, kernel: str, **own: Any
    ) -> None:
        super().__init__()
        check_recurrent(num_layers, dropout)
        if kernel != AUTO:
            raise UserError(f"encoder: Keras has its own layers alone; take kernel={AUTO}, not {kernel!r}")
        self.in_dim, self.out_dim, self.num_layers = in_dim, hidden_size, num_layers
        self.between = keras.layers.Dropout(dropout)
        layers = [self.keras_class(hidden_size, return_sequences=True, **own) for _ in range(num_layers)]
        for number, layer in enumerate(layers):
            layer.build((None, None, hidden_size if number else in_dim))
        self.layers = layers

    def initialise(self, rng: np.random.Generator) -> None:
        for number, layer in enumerate(self.layers):
            width = self.out_dim if number else self.in_dim
            values = initializers.recurrent(rng, width, self.out_dim, self.gates, self.forget)
            kernel_DG, recurrent_HG, bias_G = (self.arranged(array) for array in values)
            layer.cell.kernel.assign(kernel_DG)
            layer.cell.recurrent_kernel.assign(recurrent_HG)
            layer.cell.bias.assign(np.broadcast_to(bias_G, layer.cell.bias.shape))

    def arranged(self, gates: np.ndarray) -> np.ndarray:
        """``(..., G)`` with the gates in Keras's order."""
        return gates

    def call(self, x_BLD: tf.Tensor, mask_BL: tf.Tensor) -> tf.Tensor:
        y_BLE = self.layers[0](x_BLD)
        for layer in self.layers[1:]:
            y_BLE = layer(self.between(y_BLE))
        return clear_padding(y_BLE, mask_BL)

    def flops(self, length: int) -> int:
        widths = [self.in_dim, *[self.out_dim] * (self.num_layers - 1)]
        return sum(2 * length * (width + self.out_dim) * self.gates * self.out_dim for width in widths)


class RNN(Recurrent):
    """Elman's network (Elman 1990): ``h_t = nonlinearity(x_t W + h_(t-1) U + b)``, tanh or relu."""

    keras_class, gates = keras.layers.SimpleRNN, 1

    def __init__(
        self,
        in_dim: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        kernel: str = AUTO,
    ) -> None:
        check_nonlinearity(nonlinearity)
        super().__init__(in_dim, hidden_size, num_layers, dropout, kernel, activation=nonlinearity)


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates: Gers et al. 2000), forget bias 1."""

    keras_class, gates, forget = keras.layers.LSTM, 4, 1

    def __init__(
        self, in_dim: int, hidden_size: int = 128, num_layers: int = 1, dropout: float = 0.0, kernel: str = AUTO
    ) -> None:
        super().__init__(in_dim, hidden_size, num_layers, dropout, kernel, use_cudnn=_cudnn())


class GRU(Recurrent):
    """Gated recurrent unit (Cho et al. 2014), the variant that resets after the product, which needs a second bias."""

    keras_class, gates = keras.layers.GRU, 3

    def __init__(
        self, in_dim: int, hidden_size: int = 128, num_layers: int = 1, dropout: float = 0.0, kernel: str = AUTO
    ) -> None:
        super().__init__(in_dim, hidden_size, num_layers, dropout, kernel, reset_after=True, use_cudnn=_cudnn())

    def arranged(self, gates: np.ndarray) -> np.ndarray:
        reset, update, new = np.split(gates, 3, -1)
        return np.concatenate([update, reset, new], -1)


def _cudnn() -> bool | str:
    """TensorFlow has cuDNN's recurrent kernels for float32, not for bfloat16."""
    return "auto" if keras.config.dtype_policy().compute_dtype == "float32" else False


def kernels_of(parts: Any) -> Kernels:
    """What computes each recurrent encoder, by its key in the config: Keras's layers, with cuDNN where they use it."""
    found = (path for path, layer in named_layers(parts) if isinstance(layer, Recurrent))
    return {key_in_config(path): {"training": KERAS, "inference": KERAS} for path in found}
