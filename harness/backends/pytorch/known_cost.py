"""An encoder of known time and memory, by which ``python -m harness selfcheck`` checks the measurements.

Dimension letters: B batch, L length, D input width.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from harness.backends.pytorch.layers import clear_padding

WORK_MIB = 256
"""The buffer that a device works on, MiB: larger than its caches, so that its memory decides how long a pass takes."""
CALIBRATION = 200
"""Passes over the buffer by which the time of one is measured, after as many to warm up."""


class KnownCost(nn.Module):
    """Returns its input; every forward pass takes a given time and holds a given amount of memory, on its device.

    Args:
        in_dim: width D of the input.
        train_ms, inference_ms: milliseconds of a pass in training and in evaluation: of a processor in a busy loop, of
            an accelerator in work that it is given and that nothing here waits for.
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
        self.work: DeviceWork | None = None

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        end = time.perf_counter() + self.milliseconds[self.training] / 1000
        held = torch.ones(self.mib[self.training] * 2**20, dtype=torch.uint8, device=x_BLD.device)
        if x_BLD.device.type == "cpu":
            while time.perf_counter() < end:
                pass  # a busy loop: after a sleep, the rest of the step would find the processor's caches cold
        else:
            self.work = self.work or DeviceWork(x_BLD.device)
            self.work.begin(self.milliseconds[self.training])
        del held
        return clear_padding(x_BLD, mask_BL)

    def flops(self, length: int) -> int:
        return 0


class DeviceWork:
    """Work of a known time for an accelerator: additions to a large buffer.

    How long one pass over the buffer takes is measured by the device's own clock. Memory decides it, whose frequency
    does not change under load as that of the cores does.
    """

    def __init__(self, device: torch.device) -> None:
        with torch.inference_mode(False):  # training and inference change the same buffer
            self.buffer = torch.zeros(WORK_MIB * 2**18, device=device)  # floats of 4 bytes
        self._add(CALIBRATION)
        self.pass_ms = device_ms(lambda: self._add(CALIBRATION), device) / CALIBRATION

    def begin(self, milliseconds: float) -> None:
        """Give the device work of so many milliseconds; returns at once."""
        whole, part = divmod(milliseconds / self.pass_ms, 1)
        self._add(int(whole))
        self.buffer[: int(part * len(self.buffer))].add_(1)

    def _add(self, passes: int) -> None:
        for _ in range(passes):
            self.buffer.add_(1)


def device_ms(work: Callable[[], None], device: torch.device) -> float:
    """Milliseconds that a device needs for this work, by its own clock."""
    kind = torch.mps if device.type == "mps" else torch.cuda
    begins, ends = kind.Event(enable_timing=True), kind.Event(enable_timing=True)
    begins.record()
    work()
    ends.record()
    ends.synchronize()
    return float(begins.elapsed_time(ends))
