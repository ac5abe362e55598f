"""Learning-rate schedules, as factors of the step, in both backends the same."""

import math
from collections.abc import Callable

from harness.config.schema import SCHEDULES
from harness.errors import UserError


def schedule_factor(schedule: str, decay: float, total_steps: int) -> Callable[[int], float]:
    """What the learning rate is multiplied by at a step, counted from 0.

    ``constant``: 1. ``cosine``: from 1 to 0 over the training (Loshchilov & Hutter 2017). ``inverse_time``:
    1 / (1 + decay * step).

    Raises:
        UserError: there is no such schedule.
    """
    if schedule == "constant":
        return lambda step: 1.0
    if schedule == "cosine":
        return lambda step: 0.5 * (1 + math.cos(math.pi * min(step, total_steps) / total_steps))
    if schedule == "inverse_time":
        return lambda step: 1 / (1 + decay * step)
    raise UserError(f"optimizer.schedule is one of {', '.join(SCHEDULES)}, not {schedule!r}")
