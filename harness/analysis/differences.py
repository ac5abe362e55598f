"""What is known of the differences between k variants: which are worse, how far each is at most behind, seeds needed.

Dimension letters: K variants; O variants that are not worse; R and C some variants, as the rows and columns of pairs.
Element ``ij`` is about j less i.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis.critical_values import critical_value, critical_values
from harness.analysis.variances import Array, Sample, Scale, Spread, items_part

MOST_SEEDS = 100_000
"""What so many seeds cannot decide, no number of seeds will."""
EXACT_UP_TO = 20
DIGITS = 12
"""Means that differ only behind so many decimals are equal, and the first of them is called the best."""
ROUNDING = 10.0**-DIGITS
AT_ONCE = 2**16
"""So many pairs are computed at once: arrays of that size stay in the processor's cache."""

Places = NDArray[np.intp]


@dataclass(frozen=True)
class _Means:
    """The variances of the variants' means over some numbers of seeds, and their degrees of freedom."""

    v_K: Array
    nu_K: Array


class Differences:
    """k variants with at least three seeds each, and what is known of every difference between two of them."""

    def __init__(self, means_K: Array, spread: Spread, samples: Sequence[Sample], scale: Scale, alpha: float) -> None:
        self.means_K, self.spread, self.scale, self.alpha = means_K, spread, scale, alpha
        self.n_K = np.array([float(len(sample.values)) for sample in samples])
        self.items_KK = items_part(samples, means_K, scale)
        self.has_items = bool(self.items_KK.any())
        self.k = len(means_K)
        self.best = int((means_K >= means_K.max() - ROUNDING).argmax())

    @property
    def margin(self) -> float:
        """The margin on the scale of the comparison; on logarithms it is a share of the best mean."""
        margin = self.scale.margin
        if not self.scale.logs:
            return margin
        return float(-np.log1p(-margin) if self.scale.higher_is_better else np.log1p(margin))

    def in_words(self, difference: float) -> float:
        """A difference on the scale of the comparison in the metric's unit; of logarithms, as a share of the best."""
        if not self.scale.logs:
            return difference
        return float(-np.expm1(-difference) if self.scale.higher_is_better else np.expm1(difference))

    def decide(self) -> tuple[NDArray[np.bool_], Array]:
        """Which variants are worse, and how far each is at most behind all that are not."""
        means = self._means(self.n_K)
        worse_K = self._worse(means)
        others_O = np.flatnonzero(~worse_K)
        bounds_KO = self._bounds(means, np.arange(self.k)[:, None], others_O)
        at_most_K = bounds_KO.max(1)
        at_most_K[np.isneginf(at_most_K)] = 0.0  # the only one that is not worse
        return worse_K, at_most_K

    def seeds_needed(self, open_K: NDArray[np.bool_]) -> list[int | None]:
        """For each open variant, the number of seeds of every variant with which it is not open any more.

        None for the others, and where no number is enough. Above 20 seeds the number is one of a ladder in steps of a
        tenth.
        """
        needed: list[int | None] = [None] * self.k
        opponent_K = np.full(self.k, self.best)
        waiting_K = open_K & self._decided(MOST_SEEDS, open_K, opponent_K)
        n = int(self.n_K.min())
        while waiting_K.any():
            n += max(1, n // 10 if n >= EXACT_UP_TO else 1)
            found_K = self._decided(n, waiting_K, opponent_K)
            for i in np.flatnonzero(found_K):
                needed[i] = n
            waiting_K &= ~found_K & (n < MOST_SEEDS)
        return needed

    def _decided(self, n: int, waiting_K: NDArray[np.bool_], opponent_K: Places) -> NDArray[np.bool_]:
        """Which of the waiting are not open with at least ``n`` seeds each, if means and spreads stay.

        One opponent that a variant may be a margin or more behind keeps it open. ``opponent_K`` holds the last one
        found; only where that one does not any more, all others are looked at.
        """
        means = self._means(np.maximum(self.n_K, n))
        worse_K = self._worse(means)
        decided_K = waiting_K & worse_K
        rows_R = np.flatnonzero(waiting_K & ~worse_K)
        opponents_R = opponent_K[rows_R]
        kept_R = ~worse_K[opponents_R] & ~(self._bounds(means, rows_R, opponents_R) < self.margin)
        others_O = np.flatnonzero(~worse_K)
        for block_R in self._blocks(rows_R[~kept_R], len(others_O)):
            bounds_RO = self._bounds(means, block_R[:, None], others_O)
            opponent_K[block_R] = others_O[bounds_RO.argmax(1)]
            decided_K[block_R] = bounds_RO.max(1) < self.margin
        return decided_K

    def _blocks(self, rows_R: Places, columns: int) -> Iterator[Places]:
        """The rows in parts that make about ``AT_ONCE`` pairs with so many columns."""
        step = max(1, AT_ONCE // columns)
        return (rows_R[start : start + step] for start in range(0, len(rows_R), step))

    def _means(self, n_K: Array) -> _Means:
        spread = self.spread.with_more(n_K - self.n_K) if (n_K > self.n_K).any() else self.spread
        return _Means(spread.v_K / n_K, spread.nu_K)

    def _errors(self, means: _Means, i: Places, j: Places) -> tuple[Array, Array]:
        """The standard errors of the differences of these pairs and their degrees of freedom."""
        of_seeds = means.v_K[i] + means.v_K[j]
        squared = of_seeds + self.items_KK[i, j]
        nu = np.minimum(means.nu_K[i], means.nu_K[j]) * (squared / of_seeds) ** 2
        return np.sqrt(squared), np.maximum(nu, 2.0)

    def _bounds(self, means: _Means, i: Places, j: Places) -> Array:
        """How far each i is at most behind j; of a variant to itself minus infinity."""
        errors, nu = self._errors(means, i, j)
        bounds = self.means_K[j] - self.means_K[i] + critical_value(self.k, 1, nu, self.alpha) * errors
        return np.where(i == j, -np.inf, bounds)

    def _worse(self, means: _Means) -> NDArray[np.bool_]:
        """Which variants are worse, by stepping down from the variant that is most clearly behind another."""
        t_K, nearest_K = self._most_clearly_behind(means)
        order_K = np.argsort(-t_K, kind="stable")[: self.k - 1]
        _, nu_K = self._errors(means, order_K, nearest_K[order_K])
        s_K = np.arange(self.k, 1, -1)
        holds_K = t_K[order_K] <= critical_values(self.k, s_K, nu_K, self.alpha)
        worse_K = np.zeros(self.k, dtype=bool)
        worse_K[order_K[: holds_K.argmax() if holds_K.any() else self.k - 1]] = True
        return worse_K

    def _most_clearly_behind(self, means: _Means) -> tuple[Array, Places]:
        """For each variant the largest t of a difference to another, and that other."""
        t_K, nearest_K = np.empty(self.k), np.empty(self.k, dtype=np.intp)
        columns_C = self._leaders(means)
        for rows_R in self._blocks(np.arange(self.k), len(columns_C)):
            squared_RC = means.v_K[rows_R][:, None] + means.v_K[columns_C]
            if self.has_items:
                squared_RC += self.items_KK[rows_R]
            t_RC = (self.means_K[columns_C] - self.means_K[rows_R][:, None]) / np.sqrt(squared_RC)
            place_R = t_RC.argmax(1)
            t_K[rows_R], nearest_K[rows_R] = t_RC[np.arange(len(rows_R)), place_R], columns_C[place_R]
        return t_K, nearest_K

    def _leaders(self, means: _Means) -> Places:
        """The variants that another can be most clearly behind of.

        Where the test items add nothing, these are the few for which no variant has both a mean as high and a variance
        as small.
        """
        if self.has_items:
            return np.arange(self.k)
        order_K = np.lexsort((means.v_K, -self.means_K))
        least_K = np.minimum.accumulate(means.v_K[order_K])
        is_less_K = np.append(True, means.v_K[order_K][1:] < least_K[:-1])
        return np.sort(order_K[is_less_K])
