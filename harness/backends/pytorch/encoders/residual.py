"""A stack of residual blocks, shared by several encoders.

Dimension letters: B batch, L length, D input width, E encoder width.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from harness.backends.pytorch.layers import clear_padding, projection


class Residual(nn.Module):
    """Residual blocks in sequence and a final layer norm: ``(x_BLD, mask_BL) -> y_BLE``.

    An input of another width than E is projected first, because each block adds to its input.

    Args:
        in_dim: width D of the input.
        hidden_size: width E.
        blocks: ``(x_BLE, mask_BL) -> x_BLE``, each with ``flops(length)``.
    """

    def __init__(self, in_dim: int, hidden_size: int, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.out_dim = hidden_size
        self.project = projection(in_dim, hidden_size)
        self.layers = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        x_BLE = self.project(x_BLD)
        for layer in self.layers:
            x_BLE = layer(x_BLE, mask_BL)
        return clear_padding(self.norm(x_BLE), mask_BL)

    def flops(self, length: int) -> int:
        return self.project.flops(length) + sum(layer.flops(length) for layer in self.layers)
