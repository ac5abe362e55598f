"""Any single-step cell as an encoder.

Dimension letters: B batch, L length, D input width, E output width, G gates times E.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.pytorch.layers import clear_padding


class Cell(nn.Module):
    """A cell unrolled over the steps: ``(x_BLD, mask_BL) -> y_BLE``.

    A Python loop over the steps: slow, above all on a GPU. Prefer ``encoder=rnn``, ``lstm`` or ``gru``, which have fast
    kernels, for those cells.

    Args:
        in_dim: width D of the input.
        cell: ``cell(in_dim, hidden_size)`` builds a module ``(x_BD, state) -> state``. The state is a tensor ``BE``, or
            a tuple of tensors whose first is the output, such as the (h, c) of ``torch.nn.LSTMCell``. The first state
            is None. A custom cell may report the operations of a number of steps by ``flops(length)``, and set its
            initial values by ``initial_values(rng)``.
        hidden_size: width E of the output.
    """

    def __init__(self, in_dim: int, cell: Callable[[int, int], nn.Module], hidden_size: int = 128) -> None:
        super().__init__()
        self.in_dim, self.out_dim = in_dim, hidden_size
        self.cell = cell(in_dim, hidden_size)

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """For torch's cells, those of the other recurrent encoders; a custom cell sets its own."""
        if not isinstance(self.cell, nn.RNNCellBase):
            return {}
        gates = len(self.cell.weight_hh) // self.out_dim
        forget = 1 if isinstance(self.cell, nn.LSTMCell) else None
        kernel_DG, recurrent_EG, bias_G = initializers.recurrent(rng, self.in_dim, self.out_dim, gates, forget)
        values = {"cell.weight_ih": kernel_DG.T, "cell.weight_hh": recurrent_EG.T}
        if self.cell.bias:
            values |= {"cell.bias_ih": bias_G, "cell.bias_hh": np.zeros_like(bias_G)}
        return values

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        state, outputs = None, []
        for x_BD in x_BLD.unbind(1):
            state = self.cell(x_BD, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return clear_padding(torch.stack(outputs, 1), mask_BL)

    def flops(self, length: int) -> int | None:
        if isinstance(self.cell, nn.RNNCellBase):
            return 2 * length * (self.cell.weight_ih.numel() + self.cell.weight_hh.numel())
        return self.cell.flops(length) if hasattr(self.cell, "flops") else None
