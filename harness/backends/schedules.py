"""Learning-rate schedules: the factor of the learning rate at each step, the same in both backends."""

import math
from collections.abc import Callable
from typing import Literal


def schedule_factor(
    schedule: Literal["constant", "cosine", "inverse_time"], decay: float, total_steps: int
) -> Callable[[int], float]:
    """The factor of the learning rate at a step, counted from 0.

    ``constant``: 1. ``cosine``: from 1 to 0 over the training (Loshchilov & Hutter 2017). ``inverse_time``:
    1 / (1 + decay * step).
    """
    if schedule == "constant":
        return lambda step: 1.0
    if schedule == "cosine":
        return lambda step: 0.5 * (1 + math.cos(math.pi * min(step, total_steps) / total_steps))
    return lambda step: 1 / (1 + decay * step)
