"""The loss of each task: ``(outputs, y, length_B)`` of a batch to one number.

Dimension letters: B batch, L length, T longest target, C classes, K classes and blank, A all labels of the data.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.data import Dataset
from harness.data.dataset import IGNORED

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, y: Tensor, weights_C: Tensor | None = None) -> Tensor:
    """Mean over the sequences, or over the positions that have a label; 0 if none has one.

    With ``weights_C`` it is the weighted mean: the sum of weighted losses over the sum of the weights.
    """
    loss = F.cross_entropy(logits.flatten(0, -2).float(), y.flatten(), weights_C, ignore_index=IGNORED)
    if y.ndim == 1:
        return loss
    # selected on the device: reading the number of positions would make every step wait for the device
    return torch.where((y != IGNORED).any(), loss, 0.0)


def binary_cross_entropy(logits_BC: Tensor, y_BA: Tensor, length_B: Tensor) -> Tensor:
    """Mean over the sequences and the classes that have an output."""
    return F.binary_cross_entropy_with_logits(logits_BC.float(), y_BA[:, : logits_BC.shape[1]])


def squared_error(prediction_B1: Tensor, y_B: Tensor, length_B: Tensor, deviation: float = 1.0) -> Tensor:
    """Mean over the sequences of the squared error, in units of ``deviation``."""
    return F.mse_loss(prediction_B1[:, 0].float() / deviation, y_B / deviation)


def ctc(logits_BLK: Tensor, y_BT: Tensor, length_B: Tensor) -> Tensor:
    """Mean over the sequences of -log p(target) per label, nats (Graves et al. 2006); the last symbol is the blank."""
    log_p_LBK = logits_BLK.float().log_softmax(-1).transpose(0, 1)
    inside_BT = y_BT != IGNORED
    targets_BT = y_BT.masked_fill(~inside_BT, 0)  # padding is not read, but has to be a valid class
    return F.ctc_loss(log_p_LBK, targets_BT, length_B, inside_BT.sum(1), blank=logits_BLK.shape[-1] - 1)


LOSSES: dict[str, Loss] = {
    "classification": lambda logits, y, length_B: cross_entropy(logits, y),
    "tagging": lambda logits, y, length_B: cross_entropy(logits, y),
    "multilabel": binary_cross_entropy,
    "regression": squared_error,
    "ctc": ctc,
}


def make_loss(data: Dataset, class_weights_C: np.ndarray | None, device: torch.device) -> Loss:
    """The loss that a model of this data is trained by; ``class_weights_C`` only for a classification or tagging."""
    if class_weights_C is not None:
        weights_C = torch.from_numpy(class_weights_C).to(device)
        return lambda logits, y, length_B: cross_entropy(logits, y, weights_C)
    if data.label_scale is not None:
        return partial(squared_error, deviation=data.label_scale[1])
    return LOSSES[data.task]
