"""torch's recurrent layers as one operation of a graph, whatever the number of steps.

torch.export itself takes them apart into the steps of its example.

Dimension letters: B batch, L length, D input width, H hidden width, G gates times H, N layers times directions.
"""

from collections.abc import Iterable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.fx import GraphModule

State: TypeAlias = "Tensor | tuple[Tensor, ...] | None"

KEPT = (nn.RNN, nn.GRU, nn.LSTM)
_FLAGS = "bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first"
_ATEN = {
    "RNN_TANH": ("rnn_tanh", torch.ops.aten.rnn_tanh.input),
    "RNN_RELU": ("rnn_relu", torch.ops.aten.rnn_relu.input),
    "GRU": ("gru", torch.ops.aten.gru.input),
    "LSTM": ("lstm", torch.ops.aten.lstm.input),
}
"""For each mode of ``nn.RNNBase`` the name of torch's operation, and the operation."""


class _Recurrent(nn.Module):
    """What takes the place of a layer: ``(x, state) -> (y, state)`` as torch has it, for a batch without packing."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        if layer.proj_size:
            raise NotImplementedError("an LSTM with proj_size is not exported")
        self.layer = layer

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        if not isinstance(x, Tensor) or x.dim() != 3:
            raise NotImplementedError("a recurrent layer is exported for padded batches, and reads something else")
        return self.run(x, state)

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The outputs of all steps, and the last state."""
        raise NotImplementedError

    def states(self, x: Tensor, state: State) -> list[Tensor]:
        """The first state, ``NBH``: of an LSTM with the cell's."""
        layer = self.layer
        if state is None:
            batch = x.shape[0 if layer.batch_first else 1]
            directions = 2 if layer.bidirectional else 1
            zeros = x.new_zeros(layer.num_layers * directions, batch, layer.hidden_size)
            return [zeros] * (2 if layer.mode == "LSTM" else 1)
        return [state] if isinstance(state, Tensor) else list(state)


class TorchRecurrent(_Recurrent):
    """Calls a twin of torch's operation, which the exporter leaves whole; ``with_torchs_own`` replaces the twin."""

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        layer, given = self.layer, self.states(x, state)
        weights = [weight for weights in layer.all_weights for weight in weights]
        flags = (layer.bias, layer.num_layers, 0.0, False, layer.bidirectional, layer.batch_first)
        twin = getattr(torch.ops.harness, _ATEN[layer.mode][0]).default
        if layer.mode == "LSTM":
            y, *last = twin(x, given, weights, *flags)
            return y, tuple(last)
        return twin(x, given[0], weights, *flags)


def with_torchs_own(module: GraphModule) -> None:
    """Put torch's recurrent operations in the place of their twins: the file that is written must not need these."""
    own = {getattr(torch.ops.harness, name).default: operation for name, operation in _ATEN.values()}
    for node in module.graph.nodes:
        node.target = own.get(node.target, node.target)
    module.recompile()


def _define_twins() -> None:
    """Operations with the signatures of torch's, of which the exporter learns the shapes of their outputs alone."""
    library = torch.library.Library("harness", "DEF")
    for name, operation in _ATEN.values():
        state, last = ("Tensor[] hx", ", Tensor") if name == "lstm" else ("Tensor hx", "")
        library.define(f"{name}(Tensor input, {state}, Tensor[] params, {_FLAGS}) -> (Tensor, Tensor{last})")
        library.impl(name, operation, "CPU")
        torch.library.register_fake(f"harness::{name}", _shapes, lib=library)
    _LIBRARIES.append(library)  # its operations end with it


def _shapes(x: Tensor, state: Tensor | list[Tensor], weights: list[Tensor], *flags: bool) -> tuple[Tensor, ...]:
    states = [state] if isinstance(state, Tensor) else state
    directions = 2 if flags[4] else 1
    y = x.new_empty(x.shape[0], x.shape[1], directions * states[0].shape[2])
    return y, *(torch.empty_like(one) for one in states)


_LIBRARIES: list[torch.library.Library] = []
_define_twins()


class OnnxRecurrent(_Recurrent):
    """Each layer as ONNX's operation RNN, GRU or LSTM, with the weights in its order."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__(layer)
        self.kind = layer.mode.partition("_")[0]
        self.directions = 2 if layer.bidirectional else 1
        for number in range(layer.num_layers):
            parts = layer.all_weights[number * self.directions : (number + 1) * self.directions]
            for name, array in zip("WRB", zip(*map(self._arranged, parts), strict=True), strict=True):
                self.register_buffer(f"{name}{number}", torch.stack(array))
        self.attributes: dict[str, int | str | list[str]] = {"hidden_size": layer.hidden_size}
        if self.kind == "RNN":
            self.attributes["activations"] = ["Tanh" if layer.nonlinearity == "tanh" else "Relu"] * self.directions
        if self.kind == "GRU":
            self.attributes["linear_before_reset"] = 1  # torch resets after the product
        if layer.bidirectional:
            self.attributes["direction"] = "bidirectional"

    def _arranged(self, weights: Iterable[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """``W_GD``, ``R_GH`` and both biases one after the other, with the gates in ONNX's order."""
        order = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 3, 1, 2]}[self.kind]
        kernel_GD, recurrent_GH, *biases = (
            torch.cat([weight.detach().chunk(len(order))[gate] for gate in order]) for weight in weights
        )
        none_G = kernel_GD.new_zeros(len(kernel_GD))
        return kernel_GD, recurrent_GH, torch.cat(biases or [none_G, none_G])

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        layer = self.layer
        y_LBD = x.transpose(0, 1) if layer.batch_first else x
        length, batch = y_LBD.shape[:2]
        directions, width = self.directions, layer.hidden_size
        shapes = [(length, directions, batch, width), *[(directions, batch, width)] * (2 if self.kind == "LSTM" else 1)]
        ends = []
        for number in range(layer.num_layers):
            weights = [getattr(self, f"{name}{number}") for name in "WRB"]
            first = [one[number * directions : (number + 1) * directions] for one in self.states(x, state)]
            # None: all sequences are as long as the batch
            given: list[Tensor | None] = [] if state is None else [None, *first]
            y_LNBH, *end = torch.onnx.ops.symbolic_multi_out(
                self.kind, [y_LBD, *weights, *given], self.attributes, dtypes=[torch.float32] * len(shapes),
                shapes=shapes, version=14,
            )  # fmt: skip
            y_LBD = y_LNBH.transpose(1, 2).flatten(2)
            ends.append(end)
        last = tuple(torch.cat(parts) for parts in zip(*ends, strict=True))
        return (y_LBD.transpose(0, 1) if layer.batch_first else y_LBD), (last if len(last) > 1 else last[0])
