"""Encoders built from other encoders, and the identity.

The inner encoders are passed in as functions of the input width: ``inner(in_dim) -> encoder``.

Dimension letters: B batch, L length, D input width, E output width.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from harness.backends.build import operations
from harness.backends.pytorch.layers import clear_padding

MakeEncoder = Callable[[int], nn.Module]


class Identity(nn.Module):
    """Returns its input. With a pooling this is a bag of embeddings, the baseline of every comparison."""

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.out_dim = in_dim

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        return clear_padding(x_BLD, mask_BL)

    def flops(self, length: int) -> int:
        return 0


class Bidirectional(nn.Module):
    """Any encoder in both directions, outputs concatenated (Schuster & Paliwal 1997): ``(x_BLD, mask_BL) -> y_BL(2E)``.

    The backward direction is an encoder with its own weights that reads each sequence reversed within its length.
    """

    def __init__(self, in_dim: int, inner: MakeEncoder) -> None:
        super().__init__()
        self.forwards = inner(in_dim)
        self.backwards = inner(in_dim)
        self.out_dim = self.forwards.out_dim + self.backwards.out_dim

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        turn_BL = reversal(mask_BL)
        forwards_BLE = self.forwards(x_BLD, mask_BL)
        backwards_BLE = _take(self.backwards(_take(x_BLD, turn_BL), mask_BL), turn_BL)
        return torch.cat([forwards_BLE, backwards_BLE], -1)

    def flops(self, length: int) -> int | None:
        return operations([self.forwards, self.backwards], length)


def reversal(mask_BL: Tensor) -> Tensor:
    """For each position the position that it changes places with: real steps reversed, padding unchanged."""
    position_1L = torch.arange(mask_BL.shape[1], device=mask_BL.device)[None]
    return torch.where(mask_BL, mask_BL.sum(1, keepdim=True) - 1 - position_1L, position_1L)


def _take(x_BLD: Tensor, order_BL: Tensor) -> Tensor:
    return x_BLD.gather(1, order_BL[:, :, None].expand_as(x_BLD))


class Stack(nn.Module):
    """Encoders in sequence; each reads the output of the one before."""

    def __init__(self, in_dim: int, layers: Mapping[str, MakeEncoder]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict()
        self.out_dim = in_dim
        for name, make in layers.items():
            self.layers[name] = make(self.out_dim)
            self.out_dim = self.layers[name].out_dim

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        for layer in self.layers.values():
            x_BLD = layer(x_BLD, mask_BL)
        return x_BLD

    def flops(self, length: int) -> int | None:
        return operations(self.layers.values(), length)
