"""Self-attention with rotary positions.

Dimension letters: B batch, L length, D input width, H heads, S width of a head.
"""

import torch
from torch import Tensor

from harness.backends.pytorch.encoders.attention import SelfAttention
from harness.errors import UserError


class RotarySelfAttention(SelfAttention):
    """Self-attention whose queries and keys are rotated by their position (Su et al. 2021).

    Component i of the first half of a head and component i of the second half are a pair, which is rotated by the angle
    ``p / 10000 ** (2 i / S)`` at position p: a score depends only on the distance between two positions.

    Raises:
        UserError: the width of a head is odd.
    """

    def __init__(self, in_dim: int, hidden_size: int = 128, num_heads: int = 1) -> None:
        super().__init__(in_dim, hidden_size, num_heads)
        if hidden_size // num_heads % 2:
            raise UserError(
                f"encoder: rotary=true rotates pairs, and a head is {hidden_size // num_heads} wide; take another "
                "hidden_size or num_heads, so that the width of a head is even"
            )

    def _project(self, x_BLD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q_BHLS, k_BHLS, v_BHLS = super()._project(x_BLD)
        return rotate(q_BHLS), rotate(k_BHLS), v_BHLS


def rotate(x_BHLS: Tensor) -> Tensor:
    """Every vector rotated by its position; in float32, because positions are too large for half precision."""
    length, width = x_BHLS.shape[-2:]
    speed_S = 10_000 ** -(torch.arange(0, width, 2, device=x_BHLS.device) / width)
    angle_LS = torch.arange(length, device=x_BHLS.device)[:, None] * speed_S
    sin_LS, cos_LS = angle_LS.sin(), angle_LS.cos()
    first, second = x_BHLS.float().chunk(2, -1)
    rotated = torch.cat([first * cos_LS - second * sin_LS, first * sin_LS + second * cos_LS], -1)
    return rotated.to(x_BHLS.dtype)
