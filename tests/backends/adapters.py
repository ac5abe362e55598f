"""Builds the same parts in both backends, and reads and sets their weights as NumPy arrays in one layout.

The layout is torch's: kernels ``ED``, recurrent gates in torch's order, and only parameters that are trained.
Dimension letters: B batch, L length, D input width, E output width.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from encoder_cases import ENCODERS, REFUSED, TORCH_ENCODERS, TORCH_REFUSED

from harness.backends import initializers

Arrays = dict[str, np.ndarray]


class InTorch:
    """PyTorch."""

    name = "pytorch"

    def new(self, kind: str, name: str, *arguments: Any, **settings: Any) -> Any:
        """A part, such as ``new("encoders", "LSTM", 5, hidden_size=7)``."""
        return getattr(importlib.import_module(f"harness.backends.{self.name}.{kind}"), name)(*arguments, **settings)

    def output(self, module: Any, *arrays: np.ndarray) -> np.ndarray:
        """The output of a part for arrays, in evaluation mode."""
        import torch

        with torch.no_grad():
            return module.eval()(*map(torch.from_numpy, arrays)).numpy()

    def gradients(self, module: Any, x: np.ndarray, *more: np.ndarray) -> tuple[np.ndarray, Arrays]:
        """Gradients of the sum of the output's sines, by a float x, and by every parameter."""
        import torch

        x = torch.from_numpy(x.copy())
        if x.is_floating_point():
            x.requires_grad_()
        module.eval().zero_grad()
        module(x, *map(torch.from_numpy, more)).sin().sum().backward()
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        return x.grad, {name: np.zeros(p.shape) if p.grad is None else p.grad.numpy().copy() for name, p in named}

    def weights(self, module: Any) -> Arrays:
        """Every trained parameter by its name."""
        return {name: p.detach().numpy().copy() for name, p in module.named_parameters() if p.requires_grad}

    def assign(self, module: Any, values: Arrays) -> None:
        """Set parameters."""
        import torch

        parameters = dict(module.named_parameters())
        with torch.no_grad():
            for name, value in values.items():
                parameters[name].copy_(torch.from_numpy(np.ascontiguousarray(value)))

    def initialise(self, module: Any, seed: int) -> None:
        """Give every part the values of its path."""
        from harness.backends.pytorch.layers import initialise

        initialise(module, seed)


@dataclass
class _Twin:
    """A Keras variable and the torch parameters that match it: one array or several."""

    names: tuple[str, ...]
    variable: Any
    there: Callable[[np.ndarray], list[np.ndarray]] = lambda a: [a]
    back: Callable[[list[np.ndarray]], np.ndarray] = lambda arrays: arrays[0]


def _transposed(name: str, variable: Any) -> _Twin:
    return _Twin((name,), variable, lambda a: [a.T], lambda arrays: arrays[0].T)


def _swapped(gates: np.ndarray) -> np.ndarray:
    """Between torch's reset, update, new and Keras's update, reset, new, either way."""
    first, second, new = np.split(gates, 3, -1)
    return np.concatenate([second, first, new], -1)


class InKeras(InTorch):
    """TensorFlow."""

    name = "tensorflow"

    def output(self, module: Any, *arrays: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        return module(*map(tf.constant, arrays)).numpy()

    def gradients(self, module: Any, x: np.ndarray, *more: np.ndarray) -> tuple[np.ndarray, Arrays]:
        import tensorflow as tf

        x, twins = tf.constant(x), list(self._twins(module))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(module(x, *map(tf.constant, more))))
        watched = [twin.variable.value for twin in twins]
        by_x, by_weights = tape.gradient(loss, [x, watched], unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return by_x.numpy(), self._there(twins, [tf.convert_to_tensor(gradient).numpy() for gradient in by_weights])

    def weights(self, module: Any) -> Arrays:
        twins = list(self._twins(module))
        return self._there(twins, [twin.variable.numpy() for twin in twins])

    def assign(self, module: Any, values: Arrays) -> None:
        for twin in self._twins(module):
            if twin.names[0] in values:
                twin.variable.assign(twin.back([values[name] for name in twin.names]))

    def initialise(self, module: Any, seed: int) -> None:
        from harness.backends.tensorflow.layers import named_layers

        for path, layer in named_layers(getattr(module, "parts", module)):
            if hasattr(layer, "initialise"):
                layer.initialise(initializers.generator(seed, path))

    def _there(self, twins: list[_Twin], arrays: list[np.ndarray]) -> Arrays:
        pairs = [zip(twin.names, twin.there(array), strict=True) for twin, array in zip(twins, arrays, strict=True)]
        return {name: array for pair in pairs for name, array in pair}

    def _twins(self, module: Any) -> Iterator[_Twin]:
        from harness.backends.tensorflow.layers import Dense, Embedding, named_layers

        for path, layer in named_layers(getattr(module, "parts", module)):
            at = path + "." if path else ""
            kind = type(layer).__name__
            if isinstance(layer, Dense):
                yield _transposed(f"{at}weight", layer.kernel)
                yield _Twin((f"{at}bias",), layer.bias)
            elif isinstance(layer, Embedding):
                yield _Twin((f"{at}weight",), layer.table_VD)
            elif hasattr(layer, "cell"):
                yield from _recurrent_twins(*path.rsplit(".", 1), layer.cell, kind == "GRU")
            elif kind == "SelfAttention":
                yield _transposed(f"{at}query_key_value", layer.query_key_value)
            if getattr(layer, "u", None) is not None:
                yield _Twin((f"{at}u",), layer.u)
            if kind == "Learned":
                yield _Twin((f"{at}table_LD",), layer.table_LD)


def _recurrent_twins(above: str, number: str, cell: Any, gru: bool) -> Iterator[_Twin]:
    for name, kernel in (("weight_ih", cell.kernel), ("weight_hh", cell.recurrent_kernel)):
        named = f"{above}.{name}_l{number}"
        if gru:
            yield _Twin((named,), kernel, lambda a: [_swapped(a).T], lambda arrays: _swapped(arrays[0].T))
        else:
            yield _transposed(named, kernel)
    biases = (f"{above}.bias_ih_l{number}", f"{above}.bias_hh_l{number}")
    if gru:
        yield _Twin(biases, cell.bias, lambda a: list(_swapped(a)), lambda arrays: _swapped(np.stack(arrays)))
    else:
        yield _Twin(biases[:1], cell.bias)


def encoder(backend: InTorch, name: str, in_dim: int) -> Any:
    """One of ``ENCODERS | TORCH_ENCODERS``, its parameters all different and not 0, alike in both backends."""
    made = _make(backend, *(ENCODERS | TORCH_ENCODERS)[name])(in_dim)
    scatter(backend, made)
    return made


def scatter(backend: InTorch, module: Any) -> None:
    """Set different values for every parameter: a bias of 0 would hide that it is added in the wrong place.

    The values shrink with the width, because a recurrent layer would otherwise amplify differences in the last digit.
    """
    arrays = {
        name: np.random.default_rng([3, number]).normal(0, 0.8 / value.shape[-1] ** 0.5, value.shape).astype(np.float32)
        for number, (name, value) in enumerate(sorted(backend.weights(module).items()))
    }
    backend.assign(module, arrays)


def _make(backend: InTorch, name: str, settings: dict[str, Any]) -> Callable[[int], Any]:
    own = dict(settings)
    if name == "Bidirectional":
        own["inner"] = _make(backend, *own["inner"])
    if name == "Stack":
        own["layers"] = {key: _make(backend, *layer) for key, layer in own["layers"].items()}
    if name == "Cell":
        own["cell"] = getattr(importlib.import_module("torch.nn"), own["cell"])
    return lambda in_dim: backend.new("encoders", name, in_dim, **own)


__all__ = ["ENCODERS", "REFUSED", "TORCH_ENCODERS", "TORCH_REFUSED", "InKeras", "InTorch", "encoder", "scatter"]
