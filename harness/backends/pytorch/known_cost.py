"""An encoder of known time and memory, by which ``python -m harness selfcheck`` checks the measurements.

Dimension letters: B batch, L length, D input width.
"""

import time

import torch
from torch import Tensor, nn

from harness.backends.pytorch.layers import clear_padding


class KnownCost(nn.Module):
    """Returns its input; every forward pass takes a given time and holds a given amount of memory.

    Args:
        in_dim: width D of the input.
        train_ms, inference_ms: milliseconds of a pass in training and in evaluation, spent in a busy loop.
        train_mib, inference_mib: MiB that a pass allocates and writes to, in training and in evaluation.
    """

    def __init__(
        self,
        in_dim: int,
        train_ms: float = 0.0,
        inference_ms: float = 0.0,
        train_mib: int = 0,
        inference_mib: int = 0,
    ) -> None:
        super().__init__()
        self.out_dim = in_dim
        self.milliseconds = {True: train_ms, False: inference_ms}
        self.mib = {True: train_mib, False: inference_mib}

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        end = time.perf_counter() + self.milliseconds[self.training] / 1000
        held = torch.ones(self.mib[self.training] * 2**20, dtype=torch.uint8)
        while time.perf_counter() < end:
            pass  # a busy loop: after a sleep, the rest of the step would find the processor's caches cold
        del held
        return clear_padding(x_BLD, mask_BL)

    def flops(self, length: int) -> int:
        return 0
