"""Linear attention, whose cost is linear in sequence length.

Dimension letters: B batch, L length, D input width, E encoder width, H heads, S and T width of a head, N chunks of K
steps.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.backends import initializers
from harness.backends.arguments import check_attention
from harness.backends.pytorch.layers import clear_padding

CHUNK = 64
"""Steps per chunk of causal attention; within a chunk the attention weights are computed explicitly."""

TINY = 1e-6
"""As in the authors' code: the sum of the weights is 0 for an empty sequence, or after an underflow of f."""


class LinearAttention(nn.Module):
    """Attention with the weights ``f(q).f(k)``, ``f = elu + 1`` (Katharopoulos et al. 2020).

    ``(x_BLD, mask_BL) -> y_BLE``; query, key and value from one input, without bias. The weights are never computed:
    the sum of ``f(k) v`` over the steps is one matrix, which every query reads.

    Args:
        in_dim: width D of the input.
        hidden_size: width E of query, key, value and output, over all heads.
        num_heads: heads H, which must divide ``hidden_size``.
        causal: attend only to the step itself and earlier ones. The matrix is then accumulated from chunk to chunk, and
            within a chunk of ``CHUNK`` steps the weights are computed, which is faster than one matrix per step.

    Raises:
        UserError: ``num_heads`` does not divide ``hidden_size``.
    """

    def __init__(self, in_dim: int, hidden_size: int = 128, num_heads: int = 1, causal: bool = False) -> None:
        super().__init__()
        check_attention(hidden_size, num_heads, "dot", "softmax")
        self.in_dim, self.out_dim, self.num_heads, self.causal = in_dim, hidden_size, num_heads, causal
        self.query_key_value = nn.Parameter(torch.empty(3 * hidden_size, in_dim))

    def initial_values(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        kernels = [initializers.glorot(rng, self.in_dim, self.out_dim).T for _ in range(3)]
        return {"query_key_value": np.concatenate(kernels)}

    def project(self, x_BLD: Tensor, mask_BL: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``f(q)_BHLS``, ``f(k)_BHLS`` with 0 at padding, and ``v_BHLT``."""
        batch, length, _ = x_BLD.shape
        projected = F.linear(x_BLD, self.query_key_value).float()
        q_BHLS, k_BHLS, v_BHLT = projected.view(batch, length, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        return F.elu(q_BHLS) + 1, (F.elu(k_BHLS) + 1) * mask_BL[:, None, :, None], v_BHLT

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        q_BHLS, k_BHLS, v_BHLT = self.project(x_BLD, mask_BL)
        if self.causal:
            sum_BHLT, weight_BHLS = _causal_sum(q_BHLS, k_BHLS, v_BHLT), k_BHLS.cumsum(2)
        else:
            sum_BHLT, weight_BHLS = q_BHLS @ (k_BHLS.transpose(-1, -2) @ v_BHLT), k_BHLS.sum(2, keepdim=True)
        y_BHLT = sum_BHLT / ((q_BHLS * weight_BHLS).sum(-1, keepdim=True) + TINY)
        return clear_padding(y_BHLT.transpose(1, 2).flatten(2), mask_BL)

    def flops(self, length: int) -> int:
        head_width = self.out_dim // self.num_heads
        projections = 2 * length * self.in_dim * 3 * self.out_dim
        chunk = min(CHUNK, length)
        steps = length + -length % chunk if self.causal else length
        # f(k) v and its product with q: a matrix S x T per head; within chunks the weights and their weighted sums
        within = 2 * 2 * steps * chunk * self.out_dim if self.causal else 0
        return projections + 2 * 2 * steps * head_width * self.out_dim + within


def _causal_sum(q_BHLS: Tensor, k_BHLS: Tensor, v_BHLT: Tensor) -> Tensor:
    """``sum over j <= i of (q_i.k_j) v_j`` for every step i, ``y_BHLT``: chunk by chunk, all chunks at once."""
    length = q_BHLS.shape[2]
    chunk = min(CHUNK, length)
    chunks = (F.pad(part, (0, 0, 0, -length % chunk)).unflatten(2, (-1, chunk)) for part in (q_BHLS, k_BHLS, v_BHLT))
    q_BHNKS, k_BHNKS, v_BHNKT = chunks
    own_BHNST = (k_BHNKS.transpose(-1, -2) @ v_BHNKT).float()
    earlier_BHNST = own_BHNST.cumsum(2) - own_BHNST
    within_BHNKT = (q_BHNKS @ k_BHNKS.transpose(-1, -2)).tril() @ v_BHNKT
    return (within_BHNKT + q_BHNKS @ earlier_BHNST).flatten(2, 3)[:, :, :length].float()
