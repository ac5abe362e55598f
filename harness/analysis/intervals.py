"""Means, paired differences and their p values. Numbers in, numbers out; the verdicts are in ``statistics``.

Nothing here knows what a run is. All intervals are two-sided t-intervals at 95 %. A number that cannot be computed from
so few values, such as an interval from one value, is None, never 0.

Textbooks leave two points open:

- Values without any spread have no t value. Equal means then count as no difference (p = 1), and unequal means as a
  certain one (p = 0) if there are at least three values: two values may be equal by chance, because a share of a small
  test split takes few values. A counted number (``exact``) is certain from one value on.
- Only values of the same seed are paired. A value without a partner does not enter the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

ALPHA = 0.05
SURE_WITHOUT_SPREAD = 3
"""From so many values without any spread on, a difference between them counts as certain."""
NORMAL_QUANTILE = 1.959964
"""Of 95 % of a normal variable: it lies within so many standard deviations."""
ROUNDING = 1e-12
"""Differences below this share of the values are rounding errors."""


@dataclass(frozen=True)
class Mean:
    """A mean over ``n`` values; ``half`` is half the width of its interval, None if there is no interval.

    ``half`` covers other seeds; ``items_half`` is the same for other test items, None where it is not known.
    """

    mean: float
    half: float | None
    n: int
    items_half: float | None = None

    def bounds(self, least: float = -np.inf, most: float = np.inf) -> tuple[float, float] | None:
        """The interval, cut to the possible values: a share is never above 1. None if there is no interval."""
        if self.half is None:
            return None
        return max(least, self.mean - self.half), min(most, self.mean + self.half)


@dataclass(frozen=True)
class Difference:
    """Ours minus theirs: the mean over ``n`` pairs, its interval, and the two-sided p value of "no difference"."""

    mean: float
    low: float | None
    high: float | None
    p: float | None
    n: int


def mean_interval(values: Sequence[float], exact: bool = False) -> Mean:
    """The mean of at least one value with its interval; one exact value has an interval of width 0.

    Raises:
        ValueError: there is no value.
    """
    if not len(values):
        raise ValueError("a mean needs a value")
    values_N = np.asarray(values, dtype=float)
    n, mean = len(values_N), float(values_N.mean())
    if _no_spread(values_N):
        return Mean(mean, 0.0 if exact or n > 1 else None, n)
    return Mean(mean, float(_quantile(n - 1) * values_N.std(ddof=1) / np.sqrt(n)), n)


def paired_difference(ours: dict[int, float], theirs: dict[int, float], exact: bool = False) -> Difference | None:
    """The difference ours - theirs by a paired t test over the seeds that both have; None if they share no seed."""
    shared = sorted(ours.keys() & theirs.keys())
    if not shared:
        return None
    difference_N = np.array([ours[seed] - theirs[seed] for seed in shared], dtype=float)
    n, mean = len(shared), float(difference_N.mean())
    scale = max(abs(theirs[seed]) for seed in shared)
    if _no_spread(difference_N, scale):
        equal = abs(mean) <= ROUNDING * scale
        if not exact and (n == 1 or (n < SURE_WITHOUT_SPREAD and not equal)):
            return Difference(mean, None, None, None, n)
        return Difference(mean, mean, mean, 1.0 if equal else 0.0, n)
    error = float(difference_N.std(ddof=1) / np.sqrt(n))
    half = float(_quantile(n - 1) * error)
    p = float(2 * stdtr(n - 1, -abs(mean) / error))
    return Difference(mean, mean - half, mean + half, p, n)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's correction for testing several p values at once; None stays None and does not count as a test."""
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, index) in enumerate(known):
        least = max(least, min(1.0, (len(known) - rank) * p))
        corrected[index] = least
    return corrected


def _quantile(freedom: int) -> float:
    return float(stdtrit(freedom, 1 - ALPHA / 2))


def _no_spread(values_N: NDArray[np.float64], scale: float = 0.0) -> bool:
    """Whether values are equal up to rounding, relative to ``scale`` or to the values themselves."""
    return bool(np.ptp(values_N) <= ROUNDING * max(scale, float(abs(values_N).max())))
