"""Jordan's network, which feeds back its output.

Dimension letters: B batch, L length, D input width, E output width, H hidden width.
"""

import torch
from torch import Tensor, nn

from harness.backends.arguments import check_counts
from harness.backends.pytorch.layers import Dense, clear_padding


class JordanRNN(nn.Module):
    """``h_t = tanh(x_t W + y_(t-1) U + b)``, ``y_t = tanh(h_t V + c)`` (Jordan 1986): ``(x_BLD, mask_BL) -> y_BLE``.

    A Python loop over the steps, because no kernel computes this recurrence: slow, above all on a GPU.

    Args:
        in_dim: width D of the input.
        hidden_size: width H of the hidden layer.
        output_size: width E of the output, the only information that a step has about earlier steps.
    """

    def __init__(self, in_dim: int, hidden_size: int = 128, output_size: int = 128) -> None:
        super().__init__()
        check_counts(output_size=output_size)
        self.out_dim = output_size
        self.input = Dense(in_dim, hidden_size)
        self.feedback = Dense(output_size, hidden_size, bias=False)
        self.output = Dense(hidden_size, output_size)

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        y_BE, outputs = x_BLD.new_zeros(len(x_BLD), self.out_dim), []
        for x_BH in self.input(x_BLD).unbind(1):
            y_BE = torch.tanh(self.output(torch.tanh(x_BH + self.feedback(y_BE))))
            outputs.append(y_BE)
        return clear_padding(torch.stack(outputs, 1), mask_BL)

    def flops(self, length: int) -> int:
        return sum(part.flops(length) for part in (self.input, self.feedback, self.output))
