"""Puts parts that an exporter can follow in the place of those that it cannot; the outputs stay the same.

torch.export runs the model once and keeps the operations that it sees, so that a loop over the steps would be kept with
the number of steps of the example.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from harness.backends.pytorch.encoders.cell import Cell
from harness.backends.pytorch.encoders.jordan import JordanRNN
from harness.backends.pytorch.encoders.linear_attention import LinearAttention
from harness.backends.pytorch.encoders.min_gru import MinGRU
from harness.backends.pytorch.encoders.s4d import DiagonalStateSpace
from harness.backends.pytorch.exporting.recurrent import KEPT, OnnxRecurrent, TorchRecurrent
from harness.backends.pytorch.exporting.scanned import (
    ScannedCell,
    ScannedJordan,
    ScannedLinearAttention,
    ScannedMinGRU,
    ScannedStateSpace,
)
from harness.backends.pytorch.exporting.spelled import Spelled
from harness.backends.pytorch.inputs import WordChar

StandIns = Mapping[type[nn.Module], Callable[[Any], nn.Module]]


def _linear_attention(encoder: LinearAttention) -> nn.Module:
    """Without ``causal`` it is exported as it is, sums over all steps."""
    return ScannedLinearAttention(encoder) if encoder.causal else encoder


IN_BOTH: StandIns = {
    Cell: ScannedCell,
    DiagonalStateSpace: ScannedStateSpace,
    JordanRNN: ScannedJordan,
    LinearAttention: _linear_attention,
    MinGRU: ScannedMinGRU,
    WordChar: Spelled,
}
STAND_INS: Mapping[str, StandIns] = {
    "onnx": {**IN_BOTH, **dict.fromkeys(KEPT, OnnxRecurrent)},
    "torch": {**IN_BOTH, **dict.fromkeys(KEPT, TorchRecurrent)},
}
"""For each format the classes that are replaced, and what takes their place; also inside a custom encoder."""


def followed(model: nn.Module, kind: str) -> nn.Module:
    """The model, changed in place, with parts that the exporter of this format can follow."""
    for module in list(model.modules()):
        for name, part in module.named_children():
            if make := STAND_INS[kind].get(type(part)):
                setattr(module, name, make(part))
    return model
