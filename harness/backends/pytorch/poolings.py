"""One vector for a sequence: ``Pooling(in_dim, **own)``, ``out_dim``, ``(y_BLE, mask_BL) -> z_BE``.

Padded positions do not count; an empty sequence gives 0.

Dimension letters: B batch, L length, E width, A attention width.
"""

import numpy as np
import torch
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.pytorch.layers import Dense, clear_padding


class _Pooling(nn.Module):
    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.out_dim = in_dim

    def flops(self, length: int) -> int:
        return 0


class Sum(_Pooling):
    """The sum over real steps."""

    def forward(self, y_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        return clear_padding(y_BLE, mask_BL).sum(1)


class Mean(Sum):
    """The mean over real steps."""

    def forward(self, y_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        return super().forward(y_BLE, mask_BL) / mask_BL.sum(1, keepdim=True).clamp(min=1)


class Max(_Pooling):
    """The largest value over real steps, feature by feature."""

    def forward(self, y_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        largest_BE = y_BLE.masked_fill(~mask_BL[:, :, None], -torch.inf).amax(1)
        return largest_BE.masked_fill(~mask_BL.any(1, keepdim=True), 0)


class Last(_Pooling):
    """The last real step."""

    def forward(self, y_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        last_B = (mask_BL.sum(1) - 1).clamp(min=0)
        last_BE = y_BLE[torch.arange(last_B.shape[0], device=last_B.device), last_B]
        return last_BE * mask_BL.any(1, keepdim=True)


class AdditiveAttention(nn.Module):
    """``e = tanh(yW + b)``, ``a = softmax(e.u)`` over real steps, ``z = sum of a.y`` (Yang et al. 2016).

    Args:
        in_dim: width E of the input.
        hidden_size: width A of e.
    """

    def __init__(self, in_dim: int, hidden_size: int = 128) -> None:
        super().__init__()
        self.out_dim = in_dim
        self.dense = Dense(in_dim, hidden_size)
        self.u = nn.Parameter(torch.empty(hidden_size))

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"u": initializers.glorot(rng, len(self.u), 1)[:, 0]}

    def attention(self, y_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        """The attention weights of the steps, ``a_BL``; all 0 for an empty sequence."""
        score_BL = torch.tanh(self.dense(y_BLE)) @ self.u
        # padding is masked out; an empty sequence would have a softmax over nothing, so it is masked afterwards
        counted_BL = mask_BL | ~mask_BL.any(1, keepdim=True)
        return score_BL.masked_fill(~counted_BL, -torch.inf).softmax(1).masked_fill(~mask_BL, 0)

    def forward(self, y_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        return torch.einsum("bl,ble->be", self.attention(y_BLE, mask_BL), y_BLE)

    def flops(self, length: int) -> int:
        return self.dense.flops(length) + 2 * length * len(self.u) + 2 * length * self.out_dim
