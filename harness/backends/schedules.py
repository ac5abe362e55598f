"""Learning-rate schedules: the factor of the learning rate at each step, the same in both backends."""

import math
from collections.abc import Callable
from typing import Literal

from harness.backends.history import Metrics, costs
from harness.config.schema import OptimizerConfig


def schedule_factor(
    schedule: Literal["constant", "cosine", "inverse_time", "plateau"], decay: float, total_steps: int
) -> Callable[[int], float]:
    """The factor of the learning rate at a step, counted from 0.

    ``constant``: 1. ``cosine``: from 1 to 0 over the training (Loshchilov & Hutter 2017). ``inverse_time``:
    1 / (1 + decay * step). ``plateau``: 1, because the epochs decide and not the steps (``rate_of``).
    """
    if schedule in ("constant", "plateau"):
        return lambda step: 1.0
    if schedule == "cosine":
        return lambda step: 0.5 * (1 + math.cos(math.pi * min(step, total_steps) / total_steps))
    return lambda step: 1 / (1 + decay * step)


RateOf = Callable[[list[Metrics]], float]
"""The learning rate of the next epoch, from the metrics of the epochs before it."""


def rate_of(settings: OptimizerConfig, monitor: str) -> RateOf | None:
    """How the learning rate follows the metric ``monitor``; None with a schedule that does not follow one.

    With ``plateau``, the rate is multiplied by ``factor`` whenever ``patience`` epochs in a row have brought no better
    score, and never falls below ``min_lr``. It depends on the history alone, so that a resumed training has the same.
    """
    if settings.schedule != "plateau":
        return None
    factor, patience, least = settings.factor, settings.patience, settings.min_lr or 0.0
    assert factor is not None, "harness.config.rules asks for it"
    assert patience is not None, "harness.config.rules asks for it"
    return lambda history: max(settings.lr * factor ** plateaus(costs(history, monitor), patience), least)


def plateaus(scores: list[float], patience: int) -> int:
    """How often ``patience`` epochs in a row have brought no score below the lowest; each such wait starts anew."""
    count = waited = 0
    lowest = math.inf
    for score in scores:
        waited = 0 if score < lowest else waited + 1
        lowest = min(lowest, score)
        if waited == patience:
            count, waited = count + 1, 0
    return count
