"""How a cost scales with sequence length: the exponent p of ``cost = c * length**p``."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from harness.records.record import Point

FEWEST = 3
"""The fit uses at least this many of the longest lengths; a curve that has fewer says nothing."""


def memory_number(points: Iterable[Point], phase: str) -> str:
    """The name of the number that is the memory of a profile's passes; ``phase`` is forward or training.

    It is the accelerator's peak, less what was allocated before the pass, where there is one; otherwise the host's.
    """
    on_device = any(name.endswith("_device_peak_mib") for point in points for name in point.numbers)
    return f"{phase}_device_peak_mib" if on_device else f"{phase}_peak_mib"


def exponent(curves: Iterable[Sequence[tuple[float, float]]]) -> float | None:
    """Least-squares slope of log cost over log length, common to all curves; None if none has three lengths.

    A curve is a list of ``(length, cost)`` pairs of one batch size; each curve has its own intercept. Only the longer
    half of the lengths of a curve is fitted, and at least three: at short lengths the constant cost of a pass (kernel
    launches, the weights of the model) dominates. Costs of 0 or less are left out.
    """
    square_x, product = 0.0, 0.0
    for curve in curves:
        points = sorted((length, cost) for length, cost in curve if cost > 0)
        if len({length for length, _ in points}) < FEWEST:
            continue
        x, y = np.log(points[-max(FEWEST, math.ceil(len(points) / 2)) :]).T
        square_x += float(np.sum((x - x.mean()) ** 2))
        product += float(np.sum((x - x.mean()) * (y - y.mean())))
    return product / square_x if square_x else None
