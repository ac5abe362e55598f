"""Self-attention.

Dimension letters: B batch, L length (also K for the attended side), D input width, E encoder width, H heads, S width of
a head.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.arguments import check_attention
from harness.backends.pytorch.layers import clear_padding


class SelfAttention(nn.Module):
    """Query, key and value from one input, without bias: ``(x_BLD, mask_BL) -> y_BLE``.

    Args:
        in_dim: width D of the input.
        hidden_size: width E of query, key, value and output, over all heads.
        num_heads: heads H, which must divide ``hidden_size``.
        score: ``dot``, ``scale * q.k`` (Vaswani et al. 2017), or ``additive``, ``scale * u.tanh(q + k)`` (Bahdanau et
            al. 2015).
        normalize: ``softmax`` over real positions, or ``relu``: ``relu(score)`` over the number of real positions
            (Wortsman et al. 2023).
        scale: None means 1 / sqrt(E / H) for ``dot`` and 1 for ``additive``.

    Raises:
        UserError: an argument has another value.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_size: int = 128,
        num_heads: int = 1,
        score: str = "dot",
        normalize: str = "softmax",
        scale: float | None = None,
    ) -> None:
        super().__init__()
        check_attention(hidden_size, num_heads, score, normalize)
        self.in_dim, self.out_dim, self.num_heads = in_dim, hidden_size, num_heads
        self.score, self.normalize = score, normalize
        head_width = hidden_size // num_heads
        self.scale = scale if scale is not None else head_width**-0.5 if score == "dot" else 1.0
        self.query_key_value = nn.Parameter(torch.empty(3 * hidden_size, in_dim))
        self.u = nn.Parameter(torch.empty(num_heads, head_width)) if score == "additive" else None

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        kernels = [initializers.glorot(rng, self.in_dim, self.out_dim).T for _ in range(3)]
        values = {"query_key_value": np.concatenate(kernels)}
        if self.u is not None:
            values["u"] = initializers.glorot(rng, self.u.shape[1], self.num_heads).T
        return values

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        q_BHLS, k_BHLS, v_BHLS = self._project(x_BLD)
        attended_B11K = _attended(mask_BL)
        if self.score == "dot" and self.normalize == "softmax":
            y_BHLS = F.scaled_dot_product_attention(q_BHLS, k_BHLS, v_BHLS, attended_B11K, scale=self.scale)
        else:
            y_BHLS = self._weights(q_BHLS, k_BHLS, attended_B11K) @ v_BHLS
        return clear_padding(y_BHLS.transpose(1, 2).flatten(2), mask_BL)

    def attention(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """The attention weights of all positions over all positions, ``a_BHLK``."""
        q_BHLS, k_BHLS, _ = self._project(x_BLD)
        return self._weights(q_BHLS, k_BHLS, _attended(mask_BL))

    def _project(self, x_BLD: Tensor) -> Tensor:
        batch, length, _ = x_BLD.shape
        projected = F.linear(x_BLD, self.query_key_value)
        return projected.view(batch, length, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)

    def _weights(self, q_BHLS: Tensor, k_BHLS: Tensor, attended_B11K: Tensor) -> Tensor:
        if self.score == "dot":
            score_BHLK = self.scale * q_BHLS @ k_BHLS.transpose(-1, -2)
        else:
            sum_BHLKS = torch.tanh(q_BHLS[:, :, :, None] + k_BHLS[:, :, None])
            score_BHLK = self.scale * _dot(sum_BHLKS, self.u)
        if self.normalize == "softmax":
            return score_BHLK.masked_fill(~attended_B11K, -torch.inf).softmax(-1)
        return score_BHLK.relu().masked_fill(~attended_B11K, 0) / attended_B11K.sum(-1, keepdim=True)

    def flops(self, length: int) -> int:
        projections = 2 * length * self.in_dim * 3 * self.out_dim
        # scores and weighted sum: L x L x E multiply-adds each; u.tanh(q + k) counts as many as q.k
        return projections + 2 * 2 * length * length * self.out_dim


def _dot(sum_BHLKS: Tensor, u_HS: Tensor) -> Tensor:
    if torch.compiler.is_compiling():  # einsum decides by the sizes how to multiply, which an exported graph must not
        return (sum_BHLKS * u_HS[:, None, None]).sum(-1)
    return torch.einsum("bhlks,hs->bhlk", sum_BHLKS, u_HS)


def _attended(mask_BL: Tensor) -> Tensor:
    """The positions that are attended to, ``mask_B11K``; all if the sequence is empty, for the softmax."""
    return (mask_BL | ~mask_BL.any(1, keepdim=True))[:, None, None, :]
