"""A linear recurrence computed for all steps at once.

Dimension letters: B batch, L length, E width.
"""

from typing import Any

import torch
from torch import Tensor


def linear_scan(keep_BLE: Tensor, add_BLE: Tensor) -> Tensor:
    """``h_t = keep_t * h_(t-1) + add_t`` for every step, ``h_BLE``, starting from 0.

    Each round combines pairs of steps into one, ``keep_2 keep_1`` and ``keep_2 add_1 + add_2``, which halves their
    number (parallel prefix sum, Blelloch 1990): ``log2(L)`` rounds, and work proportional to L. Factors of at most 1
    are only multiplied, without divisions or logarithms: they may become 0, and nothing overflows.
    """
    return _LinearScan.apply(keep_BLE, add_BLE)


class _LinearScan(torch.autograd.Function):
    """The scan. Its gradient is a scan in reverse, so that only the result is saved, not the rounds."""

    @staticmethod
    def forward(ctx: Any, keep_BLE: Tensor, add_BLE: Tensor) -> Tensor:
        h_BLE = _scan(keep_BLE, add_BLE)
        ctx.save_for_backward(keep_BLE, h_BLE)
        return h_BLE

    @staticmethod
    def backward(ctx: Any, by_h_BLE: Tensor) -> tuple[Tensor, Tensor]:
        keep_BLE, h_BLE = ctx.saved_tensors
        none_B1E = torch.zeros_like(h_BLE[:, :1])
        # step t affects the loss directly, and through step t + 1 by the factor that it keeps
        keep_next_BLE = torch.cat([keep_BLE[:, 1:], none_B1E], 1)
        by_add_BLE = _scan(keep_next_BLE.flip(1), by_h_BLE.flip(1)).flip(1)
        return by_add_BLE * torch.cat([none_B1E, h_BLE[:, :-1]], 1), by_add_BLE


def _scan(keep_BLE: Tensor, add_BLE: Tensor) -> Tensor:
    length = keep_BLE.shape[1]
    if length <= 1:
        return add_BLE
    first, second = slice(0, length - 1, 2), slice(1, length, 2)
    keep_second, add_second = keep_BLE[:, second], add_BLE[:, second]
    h_second = _scan(keep_second * keep_BLE[:, first], add_second.addcmul(keep_second, add_BLE[:, first]))
    h_BLE = torch.empty_like(add_BLE)
    h_BLE[:, second] = h_second
    h_BLE[:, 0] = add_BLE[:, 0]
    between = slice(2, length, 2)
    before = h_second[:, : (length - 1) // 2]
    h_BLE[:, between] = add_BLE[:, between].addcmul(keep_BLE[:, between], before)
    return h_BLE
