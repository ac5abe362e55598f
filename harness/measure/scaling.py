"""How a cost grows with length: the exponent p of ``cost = c * length**p``."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

FEWEST = 3
"""So many of the longest lengths are fitted at least, where there are as many."""


def exponent(curves: Iterable[Sequence[tuple[float, float]]]) -> float | None:
    """Least-squares slope of log cost against log length, one for all curves; None where no curve has two lengths.

    A curve is ``(length, cost)`` pairs of one batch size; curves may lie at different heights. Only the longer half of
    a curve's lengths is fitted, three at least: at short ones, what every pass costs (starting kernels, the model's
    own weights) outweighs what grows. Costs that are not above 0 carry no exponent and are left out.
    """
    along, both = 0.0, 0.0
    for curve in curves:
        points = sorted((length, cost) for length, cost in curve if cost > 0)
        x, y = np.log(points[-max(FEWEST, math.ceil(len(points) / 2)) :]).T if points else np.zeros((2, 1))
        along += float(np.sum((x - x.mean()) ** 2))
        both += float(np.sum((x - x.mean()) * (y - y.mean())))
    return both / along if along else None
