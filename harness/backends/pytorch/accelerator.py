"""What an accelerator needs that a processor does not: its kernels loaded, and batches copied to it."""

import numpy as np
import torch
from torch import Tensor, nn


def warm_up(device: torch.device) -> None:
    """Load the context and the kernels of products and of recurrent layers, forward and backward.

    Their code takes hundreds of MiB of the host's memory, which belong to no model.
    """
    x_BLD = torch.ones(1, 2, 8, device=device, requires_grad=True)
    y_BLD, _ = nn.LSTM(8, 8, batch_first=True, device=device)(x_BLD @ torch.eye(8, device=device))
    y_BLD.sum().backward()


def on_device(array: np.ndarray, device: torch.device) -> Tensor:
    """The array as a tensor on the device.

    For a GPU it goes through pinned memory, so that the call returns at once: where no step is waited for, the next
    batch is made and its copy queued while the GPU computes. The copy has its place in the order of the GPU's work, so
    that no step can begin before it.
    """
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
