"""Interchangeable encoders: ``Encoder(in_dim, **own)``, ``out_dim``, ``(x_BLD, mask_BL) -> y_BLE``.

``mask_BL`` is True at real steps. Rows behind a sequence's end come out as exactly 0 and never influence the others.
``flops(length)`` is the cost of one forward pass of one sequence: operations of matrix products, a multiply-add
counted as 2; element-wise work is not counted.
"""

from harness.backends.tensorflow.encoders.attention import SelfAttention
from harness.backends.tensorflow.encoders.composed import Bidirectional, Identity, Stack
from harness.backends.tensorflow.encoders.recurrent import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional", "Identity", "SelfAttention", "Stack"]
