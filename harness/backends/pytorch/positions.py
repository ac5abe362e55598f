"""Positional encodings, added to the input: ``Position(in_dim, max_length)``, ``x_BLD -> x_BLD``.

Dimension letters: B batch, L length, D width.
"""

import numpy as np
import torch
from torch import Tensor, nn

from harness.backends import initializers


class NoPosition(nn.Module):
    """Returns its input."""

    def __init__(self, in_dim: int, max_length: int) -> None:
        super().__init__()

    def forward(self, x_BLD: Tensor) -> Tensor:
        return x_BLD


class Sinusoidal(nn.Module):
    """Sines and cosines of geometrically growing wavelengths (Vaswani et al. 2017); no parameters."""

    def __init__(self, in_dim: int, max_length: int) -> None:
        super().__init__()
        table = torch.from_numpy(initializers.sinusoids(max_length, in_dim))
        self.register_buffer("table_LD", table, persistent=False)

    def forward(self, x_BLD: Tensor) -> Tensor:
        return x_BLD + self.table_LD[: x_BLD.shape[1]]


class Learned(nn.Module):
    """One learned vector per position, up to the longest sequence of the data."""

    def __init__(self, in_dim: int, max_length: int) -> None:
        super().__init__()
        self.table_LD = nn.Parameter(torch.empty(max_length, in_dim))

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"table_LD": initializers.embedding(rng, *self.table_LD.shape)}

    def forward(self, x_BLD: Tensor) -> Tensor:
        return x_BLD + self.table_LD[: x_BLD.shape[1]]
