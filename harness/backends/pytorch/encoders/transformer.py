"""The transformer encoder.

Dimension letters: B batch, L length, D input width, E encoder width.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from harness.backends.arguments import check_counts
from harness.backends.pytorch.encoders.attention import SelfAttention
from harness.backends.pytorch.encoders.residual import Residual
from harness.backends.pytorch.encoders.rotary import RotarySelfAttention
from harness.backends.pytorch.layers import Dense


class Transformer(Residual):
    """Blocks of self-attention and feed-forward (Vaswani et al. 2017), with layer norm before each (Xiong et al. 2020).

    ``(x_BLD, mask_BL) -> y_BLE``; a final layer norm follows the last block.

    Args:
        in_dim: width D of the input.
        hidden_size: width E.
        num_layers: blocks.
        num_heads: heads of attention, which must divide ``hidden_size``.
        feed_forward_size: hidden width of the feed-forward part.
        dropout: share dropped in training, of the output of each part and inside the feed-forward part.
        rotary: rotary position embeddings (Su et al. 2021); otherwise ``position=`` adds the positions.

    Raises:
        UserError: ``num_heads`` does not divide ``hidden_size``, or a number is not a whole number of 1 or more.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        num_heads: int = 1,
        feed_forward_size: int = 512,
        dropout: float = 0.0,
        rotary: bool = False,
    ) -> None:
        check_counts(num_layers=num_layers, feed_forward_size=feed_forward_size)
        attention = RotarySelfAttention if rotary else SelfAttention
        blocks = (
            _Block(attention(hidden_size, hidden_size, num_heads), feed_forward_size, dropout)
            for _ in range(num_layers)
        )
        super().__init__(in_dim, hidden_size, blocks)


class _Block(nn.Module):
    """``x + attention(norm(x))``, then ``x + feed_forward(norm(x))``: ``(x_BLE, mask_BL) -> x_BLE``."""

    def __init__(self, attention: SelfAttention, feed_forward_size: int, dropout: float) -> None:
        super().__init__()
        width = attention.out_dim
        self.self_attention, self.mixed = attention, Dense(width, width)
        self.inner, self.outer = Dense(width, feed_forward_size), Dense(feed_forward_size, width)
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BLE: Tensor, mask_BL: Tensor) -> Tensor:
        attended_BLE = self.mixed(self.self_attention(self.attention_norm(x_BLE), mask_BL))
        x_BLE = x_BLE + self.dropout(attended_BLE)
        fed_BLE = self.outer(self.dropout(F.gelu(self.inner(self.feed_forward_norm(x_BLE)))))
        return x_BLE + self.dropout(fed_BLE)

    def flops(self, length: int) -> int:
        return sum(part.flops(length) for part in (self.self_attention, self.mixed, self.inner, self.outer))
