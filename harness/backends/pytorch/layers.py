"""Small layers that several modules share, and their initialization.

Dimension letters: B batch, L length, D input width, E output width.
"""

import numpy as np
import torch
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.pytorch.embedding_table import EmbeddingTable
from harness.data.dataset import UNKNOWN


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


class Embedding(EmbeddingTable):
    """Token ids ``x_BL -> x_BLD``, uniform in +-0.05.

    In training a share ``word_dropout`` of the tokens is read as unknown (Iyyer et al. 2015, who remove them).
    """

    def __init__(self, rows: int, width: int, word_dropout: float = 0.0) -> None:
        super().__init__(rows, width)
        self.word_dropout = nn.Dropout(word_dropout) if word_dropout else None

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"weight": initializers.embedding(rng, self.num_embeddings, self.embedding_dim)}

    def read(self, x_BL: Tensor) -> Tensor:
        """The ids; in training, with the dropped words replaced by the unknown one."""
        if not (self.training and self.word_dropout):
            return x_BL
        dropped_BL = self.word_dropout(torch.ones(x_BL.shape, device=x_BL.device)) == 0
        return x_BL.masked_fill(dropped_BL, UNKNOWN)

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
