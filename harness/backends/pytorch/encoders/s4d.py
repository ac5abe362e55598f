"""Diagonal state-space models.

Dimension letters: B batch, L length, D input width, E encoder width, N complex numbers of a feature's state, R rows
and C columns of a kernel reshaped to a rectangle.
"""

from math import isqrt

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.backends.arguments import check_counts
from harness.backends.pytorch.encoders.residual import Residual
from harness.backends.pytorch.layers import Dense, clear_padding
from harness.errors import UserError


class S4D(Residual):
    """Blocks of a diagonal state-space model and a gated linear unit (Gu et al. 2022, S4D-Lin).

    ``(x_BLD, mask_BL) -> y_BLE``; causal. Layer norm before each block and after the last. ``flops`` does not count the
    Fourier transforms, which are no matrix products.

    Args:
        in_dim: width D of the input.
        hidden_size: width E.
        num_layers: blocks.
        state_size: real numbers in the state of each feature; even, because they form conjugate pairs.
        dropout: share of each block's output that is dropped in training.

    Raises:
        UserError: ``state_size`` is odd, or a number is not a whole number of 1 or more.
    """

    def __init__(
        self, in_dim: int, hidden_size: int = 128, num_layers: int = 1, state_size: int = 64, dropout: float = 0.0
    ) -> None:
        check_counts(num_layers=num_layers, state_size=state_size)
        if state_size % 2:
            raise UserError(f"encoder: state_size={state_size} must be even, because its numbers form conjugate pairs")
        blocks = (_Block(hidden_size, state_size, dropout) for _ in range(num_layers))
        super().__init__(in_dim, hidden_size, blocks)


class _Block(nn.Module):
    """``x + glu(gelu(state_space(norm(x))) W + b)``: ``(x_BLE, mask_BL) -> x_BLE``."""

    def __init__(self, width: int, state_size: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.states = nn.LayerNorm(width), DiagonalStateSpace(width, state_size)
        self.mixed, self.dropout = Dense(width, 2 * width), nn.Dropout(dropout)

    def forward(self, x_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        # cleared first: a Fourier transform spreads the rounding errors of the padding over all steps
        y_BLE = self.states(clear_padding(self.norm(x_BLE), mask_BL))
        return x_BLE + self.dropout(F.glu(self.mixed(F.gelu(y_BLE)), -1))

    def flops(self, length: int) -> int:
        return self.states.flops(length) + self.mixed.flops(length)


class DiagonalStateSpace(nn.Module):
    """One linear system per feature, ``h' = a h + x``, ``y = 2 Re(c.h) + skip x``: ``x_BLE -> y_BLE``.

    Each feature has its own step size s. With x constant during a step, the output is a convolution with
    ``k_l = 2 Re(sum over n of c_n (exp(s a_n) - 1) / a_n exp(s a_n l))``, computed by Fourier transforms: O(L log L).
    """

    def __init__(self, width: int, state_size: int) -> None:
        super().__init__()
        self.pairs = state_size // 2
        self.log_step_E = nn.Parameter(torch.empty(width))
        self.log_decay_EN = nn.Parameter(torch.empty(width, self.pairs))
        self.frequency_EN = nn.Parameter(torch.empty(width, self.pairs))
        self.c_2EN = nn.Parameter(torch.empty(2, width, self.pairs))
        self.skip_E = nn.Parameter(torch.empty(width))

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """``a_n = -1/2 + i pi n`` (S4D-Lin), step sizes log-uniform from 0.001 to 0.1."""
        width, shape = len(self.log_step_E), self.frequency_EN.shape
        return {
            "log_step_E": rng.uniform(np.log(0.001), np.log(0.1), width).astype(np.float32),
            "log_decay_EN": np.full(shape, np.log(0.5), np.float32),
            "frequency_EN": np.broadcast_to(np.pi * np.arange(self.pairs, dtype=np.float32), shape),
            "c_2EN": rng.normal(0, 0.5**0.5, self.c_2EN.shape).astype(np.float32),
            "skip_E": rng.normal(size=width).astype(np.float32),
        }

    def forward(self, x_BLE: Tensor) -> Tensor:
        with torch.autocast(x_BLE.device.type, enabled=False):  # a kernel in half precision would be another system
            length, x_BEL = x_BLE.shape[1], x_BLE.float().transpose(1, 2)
            padded = 2 * length  # so that the convolution is not circular
            product = torch.fft.rfft(x_BEL, padded) * torch.fft.rfft(self.kernel(length), padded)
            y_BEL = torch.fft.irfft(product, padded)[..., :length]
            return (y_BEL + self.skip_E[:, None] * x_BEL).transpose(1, 2)

    def kernel(self, length: int) -> Tensor:
        """``k_EL``. A power of l = rC + c is a product of two powers, so that about 2 sqrt(L) are computed."""
        pole_EN = torch.complex(-self.log_decay_EN.exp(), self.frequency_EN)
        turn_EN = self.log_step_E.exp()[:, None] * pole_EN
        weight_EN = 2 * torch.complex(*self.c_2EN) * torch.expm1(turn_EN) / pole_EN
        rows, columns = (torch.arange(size, device=pole_EN.device) for size in _rectangle(length))
        coarse_ENR = weight_EN[..., None] * (turn_EN[..., None] * len(columns) * rows).exp()
        fine_ENC = (turn_EN[..., None] * columns).exp()
        # the real part of a product of complex matrices, as one product of real matrices
        coarse_EMR = torch.cat([coarse_ENR.real, -coarse_ENR.imag], 1)
        k_ERC = coarse_EMR.transpose(1, 2) @ torch.cat([fine_ENC.real, fine_ENC.imag], 1)
        return k_ERC.flatten(1)[:, :length]

    def flops(self, length: int) -> int:
        rows, columns = _rectangle(length)
        return 2 * len(self.log_step_E) * rows * columns * 2 * self.pairs


def _rectangle(length: int) -> tuple[int, int]:
    """Rows and columns of a nearly square rectangle that holds ``length`` steps."""
    columns = isqrt(length - 1) + 1
    return -(-length // columns), columns
