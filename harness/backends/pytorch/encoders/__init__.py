"""Interchangeable encoders: ``Encoder(in_dim, **own)``, ``out_dim``, ``(x_BLD, mask_BL) -> y_BLE``.

``mask_BL`` is True at real steps. The output at padded positions is exactly 0, and the input there never influences
other positions. ``flops(length)`` counts the matrix-product operations of one forward pass of one sequence, a
multiply-add as 2; element-wise work is not counted.
"""

from harness.backends.pytorch.encoders.attention import SelfAttention
from harness.backends.pytorch.encoders.cell import Cell
from harness.backends.pytorch.encoders.composed import Bidirectional, Identity, Stack
from harness.backends.pytorch.encoders.convolution import CNN, FCN
from harness.backends.pytorch.encoders.jordan import JordanRNN
from harness.backends.pytorch.encoders.linear_attention import LinearAttention
from harness.backends.pytorch.encoders.min_gru import MinGRU
from harness.backends.pytorch.encoders.pretrained import Pretrained
from harness.backends.pytorch.encoders.recurrent import GRU, LSTM, RNN
from harness.backends.pytorch.encoders.s4d import S4D
from harness.backends.pytorch.encoders.transformer import Transformer

__all__ = [
    "CNN",
    "FCN",
    "GRU",
    "LSTM",
    "RNN",
    "S4D",
    "Bidirectional",
    "Cell",
    "Identity",
    "JordanRNN",
    "LinearAttention",
    "MinGRU",
    "Pretrained",
    "SelfAttention",
    "Stack",
    "Transformer",
]
