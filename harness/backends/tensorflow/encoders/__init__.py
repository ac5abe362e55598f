"""Interchangeable encoders: ``Encoder(in_dim, **own)``, ``out_dim``, ``(x_BLD, mask_BL) -> y_BLE``.

``mask_BL`` is True at real steps. The output at padded positions is exactly 0, and the input there never influences
other positions. ``flops(length)`` counts the matrix-product operations of one forward pass of one sequence, a
multiply-add as 2; element-wise work is not counted.
"""

from harness.backends.tensorflow.encoders.attention import SelfAttention
from harness.backends.tensorflow.encoders.composed import Bidirectional, Identity, Stack
from harness.backends.tensorflow.encoders.recurrent import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional", "Identity", "SelfAttention", "Stack"]
