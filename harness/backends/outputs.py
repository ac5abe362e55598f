"""The outputs of a model for a split, put together from those of its batches.

Dimension letters: N sequences of a split, B those of a batch, L length, C outputs.
"""

from collections.abc import Iterable

import numpy as np

from harness.data import Split
from harness.tasks.task import Task


def in_order(split: Split, task: Task, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Outputs ``NC``, or ``NLC`` if the task needs an output at every step, in the order of the split's rows; float32.

    Each of ``batches`` is the row numbers ``B`` and their outputs, ``BC`` or ``BLC``, padded to the batch's longest.
    """
    shape = (len(split), split.longest) if task.per_step else (len(split),)
    outputs = np.zeros((*shape, task.width), np.float32)
    for rows, found in batches:
        if found.ndim == 2:
            outputs[rows] = found
        else:
            outputs[rows, : found.shape[1]] = found
    return outputs
