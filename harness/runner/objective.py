"""What a sweeper that searches gets for a run: a score, of which it looks for the best."""

import math
from enum import Enum
from typing import Any

from hydra.types import RunMode

from harness.records.record import Record


def search(hydra: Any) -> str | None:
    """The direction of a sweeper that searches, ``maximize`` or ``minimize``; None without one.

    ``hydra`` is Hydra's own part of a job's config.
    """
    if hydra.mode != RunMode.MULTIRUN or "direction" not in hydra.sweeper:
        return None
    direction = hydra.sweeper.direction
    return direction.name if isinstance(direction, Enum) else str(direction)


def objective(record: Record | None, monitor: str, direction: str | None) -> float:
    """The validation score that a search optimizes.

    A run without a score gets the worst possible score, so that the search continues; without a search, NaN.
    """
    from harness.tasks.task import task_of_summary

    worst = {"maximize": -math.inf, "minimize": math.inf}.get(direction or "", math.nan)
    return float(record.metrics.get(task_of_summary(record.data).monitor(monitor), worst)) if record else worst
