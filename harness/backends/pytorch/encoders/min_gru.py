"""The minimal gated recurrent unit, whose gates read only the input.

Dimension letters: B batch, L length, D input width, E output width.
"""

from torch import Tensor, nn

from harness.backends.pytorch.encoders.scan import linear_scan
from harness.backends.pytorch.layers import Dense, clear_padding


class MinGRU(nn.Module):
    """``h_t = (1 - z_t) h_(t-1) + z_t c_t``, ``z = sigmoid(x W + b)``, ``c = x V + d`` (Feng et al. 2024, minGRU).

    ``(x_BLD, mask_BL) -> y_BLE``. No gate reads the state, so a parallel scan can compute all steps at once; see
    ``scan.py``. The authors scan in log space, which requires ``c`` above 0; this scan needs neither.
    """

    def __init__(self, in_dim: int, hidden_size: int = 128) -> None:
        super().__init__()
        self.out_dim = hidden_size
        self.update, self.candidate = Dense(in_dim, hidden_size), Dense(in_dim, hidden_size)

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        gate_BLE, candidate_BLE = self.update(x_BLD).float(), self.candidate(x_BLD).float()
        # 1 - sigmoid(g) = sigmoid(-g), without cancellation
        return clear_padding(linear_scan((-gate_BLE).sigmoid(), gate_BLE.sigmoid() * candidate_BLE), mask_BL)

    def flops(self, length: int) -> int:
        return self.update.flops(length) + self.candidate.flops(length)
