"""Small layers that several modules share, and their initialization.

Dimension letters: B batch, L length, D input width, E output width.
"""

import numpy as np
import torch
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.pytorch.embedding_table import EmbeddingTable
from harness.data.dataset import UNKNOWN
from harness.data.vectors.kept import WordVectors


class Dense(nn.Linear):
    """A dense layer ``(..., D) -> (..., E)``, kernel by Glorot, bias 0."""

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        values = {"weight": initializers.glorot(rng, self.in_features, self.out_features).T}
        if self.bias is not None:
            values["bias"] = np.zeros(self.out_features, np.float32)
        return values

    def flops(self, length: int) -> int:
        return 2 * length * self.in_features * self.out_features


class AsIs(nn.Identity):
    """Returns its input; costs nothing."""

    def flops(self, length: int) -> int:
        return 0


def projection(in_dim: int, out_dim: int) -> Dense | AsIs:
    """A dense layer from one width to another, or ``AsIs`` if the widths are equal."""
    return AsIs() if in_dim == out_dim else Dense(in_dim, out_dim)


class BatchNorm(nn.Module):
    """Batch normalisation over the real steps of a batch (Ioffe & Szegedy 2015): ``(x_BLE, mask_BL) -> y_BLE``.

    torch's own would count padding as data, so that the output would depend on how long the other sequences are. In
    evaluation, the running mean and variance of training take the place of the batch's. Computed in float32. Where
    several processes share a training, each normalises over its own part of the batch.
    """

    def __init__(self, width: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_variance", torch.ones(width))

    def forward(self, x_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        x_BLE = x_BLE.float()  # sums over a batch in half precision would lose digits
        if self.training:
            mean_E, variance_E = self._of_batch(x_BLE, mask_BL)
        else:
            mean_E, variance_E = self.running_mean, self.running_variance
        return (x_BLE - mean_E) * (variance_E + self.eps).rsqrt() * self.weight + self.bias

    def _of_batch(self, x_BLE: Tensor, mask_BL: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance over the real steps; the running ones move towards them."""
        steps = mask_BL.sum()
        mean_E = clear_padding(x_BLE, mask_BL).sum((0, 1)) / steps.clamp(min=1)
        variance_E = clear_padding(x_BLE - mean_E, mask_BL).square().sum((0, 1)) / steps.clamp(min=1)
        with torch.no_grad():
            moved = self.momentum * (steps > 0)  # a batch without a real step says nothing
            unbiased_E = variance_E * steps / (steps - 1).clamp(min=1)
            self.running_mean += moved * (mean_E - self.running_mean)
            self.running_variance += moved * (unbiased_E - self.running_variance)
        return mean_E, variance_E


class WordDropout(nn.Dropout):
    """Token ids; in training a share of them is replaced by the unknown one (Iyyer et al. 2015, who remove them)."""

    def forward(self, x_BL: Tensor) -> Tensor:
        if not (self.training and self.p):
            return x_BL
        dropped_BL = super().forward(torch.ones(x_BL.shape, device=x_BL.device)) == 0
        return x_BL.masked_fill(dropped_BL, UNKNOWN)


class Embedding(EmbeddingTable):
    """Token ids ``x_BL -> x_BLD``, uniform in +-0.05; ``read`` gives the ids after word dropout."""

    def __init__(self, rows: int, width: int, word_dropout: float = 0.0) -> None:
        super().__init__(rows, width)
        self.out_dim, self.read = width, WordDropout(word_dropout)
        self.vectors: WordVectors | None = None

    def start_from(self, vectors: WordVectors, frozen: bool) -> None:
        """Start from these vectors; with ``frozen`` they, and the rows that they lack, are not trained."""
        self.vectors = vectors
        self.weight.requires_grad_(not frozen)

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"weight": initializers.embedding(rng, self.num_embeddings, self.embedding_dim, self.vectors)}

    def forward(self, x_BL: Tensor) -> Tensor:
        return super().forward(self.read(x_BL))

    def flops(self, length: int) -> int:
        return 0


def initialise(model: nn.Module, seed: int) -> None:
    """Set the ``initial_values`` of every layer that has them, by its path; other layers keep torch's."""
    for path, module in model.named_modules():
        if not hasattr(module, "initial_values"):
            continue
        parameters = dict(module.named_parameters())
        with torch.no_grad():
            for name, value in module.initial_values(initializers.generator(seed, path)).items():
                parameters[name].copy_(torch.from_numpy(np.ascontiguousarray(value)))


def length_mask(length_B: Tensor, longest: int) -> Tensor:
    """``mask_BL``, True at real steps."""
    return torch.arange(longest, device=length_B.device) < length_B[:, None]


def clear_padding(y_BLE: Tensor, mask_BL: Tensor) -> Tensor:
    """Set padded positions to exactly 0, whatever finite values they hold."""
    return y_BLE * mask_BL[:, :, None]  # four times as fast as masked_fill on a processor, forward and backward
