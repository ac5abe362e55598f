"""The statistics of a comparison: means, paired differences, p values and verdicts. Numbers in, numbers out.

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
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
SURE_WITHOUT_SPREAD = 3
"""From so many values without any spread on, a difference between them counts as certain."""
ROUNDING = 1e-12
"""Differences below this share of the values are rounding errors."""

Verdict = Literal["best", "tied", "worse", "unknown"]


@dataclass(frozen=True)
class Mean:
    """A mean over ``n`` values; ``half`` is half the width of its interval, None if there is no interval."""

    mean: float
    half: float | None
    n: int

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


def rank(values: Sequence[dict[int, float]], higher_is_better: bool, exact: bool = False) -> list[Verdict | None]:
    """The verdict on each of several variants, which are given as values by seed; None for a variant without values.

    - ``best``: the best mean. The others are compared with it by paired differences.
    - ``worse``: p < 0.05 after the correction, and the paired difference is to the variant's disadvantage.
    - ``tied``: p >= 0.05 even before the correction.
    - ``unknown``: anything else. p is below 0.05 only before the correction, or fewer than two seeds are shared, or the
      shared seeds contradict the means and put the variant ahead of the best.

    The best is chosen from the same numbers, so Holm's correction is over all k(k-1)/2 pairs of the k variants with
    enough values, not over the k-1 pairs that are tested; the other pairs count as p = 1, which can only make the
    verdict stricter. Among equal variants, one is then called worse in at most one comparison of twenty.
    """
    present = [index for index, by_seed in enumerate(values) if by_seed]
    verdicts: list[Verdict | None] = [None] * len(values)
    if not present:
        return verdicts
    sign = 1 if higher_is_better else -1
    best = max(present, key=lambda index: sign * float(np.mean(list(values[index].values()))))
    others = [index for index in present if index != best]
    differences = [paired_difference(values[index], values[best], exact) for index in others]
    verdicts[best] = "best"
    testable = sum(exact or len(values[index]) > 1 for index in present)
    tested = sum(difference is not None and difference.p is not None for difference in differences)
    untested = [1.0] * (testable * (testable - 1) // 2 - tested)
    corrected = holm([*(difference.p if difference else None for difference in differences), *untested])
    for index, difference, p in zip(others, differences, corrected, strict=False):
        if difference is None or difference.p is None or p is None:
            verdicts[index] = "unknown"
        elif difference.p >= ALPHA:
            verdicts[index] = "tied"
        else:
            verdicts[index] = "worse" if p < ALPHA and sign * difference.mean < 0 else "unknown"
    return verdicts


def welch_worse(before: Sequence[float], after: Sequence[float], higher_is_better: bool) -> float | None:
    """The one-sided p value of "``after`` is no worse than ``before``", by Welch's t test.

    None with fewer than two values on a side, or fewer than three if no side has spread and the means differ.
    """
    before_N, after_N = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if min(len(before_N), len(after_N)) < 2:
        return None
    loss = float(before_N.mean() - after_N.mean()) * (1 if higher_is_better else -1)
    scale = float(abs(before_N).max())
    if _no_spread(before_N, scale) and _no_spread(after_N, scale):
        if abs(loss) > ROUNDING * scale and min(len(before_N), len(after_N)) < SURE_WITHOUT_SPREAD:
            return None
        return 0.0 if loss > ROUNDING * scale else 1.0
    errors = [values.var(ddof=1) / len(values) for values in (before_N, after_N)]
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(values) - 1) for error, values in zip(errors, (before_N, after_N), strict=True)
    )
    return float(stdtr(freedom, -loss / np.sqrt(sum(errors))))


def _quantile(freedom: int) -> float:
    return float(stdtrit(freedom, 1 - ALPHA / 2))


def _no_spread(values_N: NDArray[np.float64], scale: float = 0.0) -> bool:
    """Whether values are equal up to rounding, relative to ``scale`` or to the values themselves."""
    return bool(np.ptp(values_N) <= ROUNDING * max(scale, float(abs(values_N).max())))
