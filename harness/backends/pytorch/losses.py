"""The loss of each task: ``(outputs, y, length_B)`` of a batch to one number.

Dimension letters: B batch, L length, T longest target, K classes and blank.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.data.dataset import IGNORED

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean over the sequences, or over the positions that have a label; 0 if none has one."""
    loss = F.cross_entropy(logits.flatten(0, -2).float(), y.flatten(), ignore_index=IGNORED)
    if y.ndim == 1:
        return loss
    # selected on the device: reading the number of positions would make every step wait for the device
    return torch.where((y != IGNORED).any(), loss, 0.0)


def squared_error(prediction_B1: Tensor, y_B: Tensor, length_B: Tensor) -> Tensor:
    """Mean over the sequences of the squared error."""
    return F.mse_loss(prediction_B1[:, 0].float(), y_B)


def ctc(logits_BLK: Tensor, y_BT: Tensor, length_B: Tensor) -> Tensor:
    """Mean over the sequences of -log p(target) per label, nats (Graves et al. 2006); the last symbol is the blank."""
    log_p_LBK = logits_BLK.float().log_softmax(-1).transpose(0, 1)
    inside_BT = y_BT != IGNORED
    targets_BT = y_BT.masked_fill(~inside_BT, 0)  # padding is not read, but has to be a valid class
    return F.ctc_loss(log_p_LBK, targets_BT, length_B, inside_BT.sum(1), blank=logits_BLK.shape[-1] - 1)


LOSSES: dict[str, Loss] = {
    "classification": lambda logits, y, length_B: cross_entropy(logits, y),
    "tagging": lambda logits, y, length_B: cross_entropy(logits, y),
    "regression": squared_error,
    "ctc": ctc,
}
