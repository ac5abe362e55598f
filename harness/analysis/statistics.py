"""The verdicts of a comparison: which of k variants is best, with a known error. Numbers in, numbers out.

Of equal variants, one is called worse in at most 5 of 100 comparisons, however many there are. The rule:

1. A variance over few seeds is uncertain, so each is drawn towards what the variances of all variants have in common
   (moderated variances, Smyth 2004), and none is below that of one test item.
2. The standard error of a difference counts the seeds and, where the predictions of every item are known, the finite
   test set: without the latter, more seeds would make claims about the task less true.
3. A variant is *worse* by a closed, step-down test of "it is among the best" (Marcus, Peritz & Gabriel 1976), with the
   critical values of ``critical_values``. A variant that is not worse is *equivalent* if, with 95 % confidence, it is
   less than a margin behind all others that are not worse (Hsu 1984); else it is *open*.

Times, rates and memory are compared as logarithms, with seeds as blocks, because a machine drifts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from harness.analysis.critical_values import critical_value
from harness.analysis.intervals import ALPHA
from harness.analysis.variances import Array, Sample, Scale, Spread, estimate, items_part

FEWEST = 3
"""Verdicts need so many seeds."""
MOST_SEEDS = 100_000
"""What so many seeds cannot decide, no number of seeds will."""
EXACT_UP_TO = 20

Verdict = Literal["best", "equivalent", "worse", "open", "few seeds"]


@dataclass(frozen=True)
class Standing:
    """The verdict on a variant.

    - ``behind``: how far its mean is behind the best mean. ``at_most``: the bound that, with 95 % confidence, holds for
      all variants together. Both are None with few seeds, and else at least 0; where logarithms are compared, both are
      shares of the best mean (0.12: 12 % less of what should be high, or 12 % more of what should be low).
    - ``seeds_needed``: of an open variant, the number of seeds each that would decide it if means and spreads stayed;
      None where no number of seeds will, because the test split has too few items for this margin.
    - ``half``: half the 95 % interval of its mean over other seeds, in the unit of the metric; None with one seed.
    - ``reason``: why there is no verdict.
    """

    verdict: Verdict
    behind: float | None = None
    at_most: float | None = None
    seeds_needed: int | None = None
    half: float | None = None
    reason: str = ""


def rank(
    samples: Sequence[Sample], scale: Scale, alpha: float = ALPHA, with_seeds_needed: bool = True
) -> list[Standing | None]:
    """The standing of each variant; None for a variant without values.

    ``with_seeds_needed=False`` leaves out the numbers of seeds, which take most of the time.
    """
    if scale.exact:
        return _rank_exact(samples, scale)
    numbers = [len(sample.values) for sample in samples]
    standings: list[Standing | None] = [_few(n) if n else None for n in numbers]
    # what seeds have in common, such as the drift of a machine, belongs to a mean's own interval
    several, alone = [index for index, n in enumerate(numbers) if n > 1], replace(scale, blocks=False)
    own = estimate([samples[index] for index in several], alone)
    _set_halves(standings, samples, several, alone, *own)
    ranked = [index for index in several if numbers[index] >= FEWEST]
    if len(ranked) < 2:
        return standings
    chosen, scale = _comparable([samples[index] for index in ranked], scale)
    means_K, spread = own if scale == alone and ranked == several else estimate(chosen, scale)
    table = _Table(means_K, spread, chosen, scale, alpha)
    for index, standing in zip(ranked, table.standings(with_seeds_needed), strict=True):
        before = standings[index]
        standings[index] = replace(standing, half=before.half if before else None)
    return standings


def _set_halves(
    standings: list[Standing | None], samples: Sequence[Sample], places: list[int], scale: Scale,
    means_K: Array, spread: Spread,
) -> None:  # fmt: skip
    """Give the standings at these places the intervals of their own means."""
    for place, index in enumerate(places):
        half = _half(means_K[place], spread, place, len(samples[index].values), scale)
        standings[index] = replace(standings[index] or _few(len(samples[index].values)), half=half)


def _comparable(samples: list[Sample], scale: Scale) -> tuple[list[Sample], Scale]:
    """With blocks, only the seeds that all variants have; without blocks where these are fewer than three.

    Seeds that only some variants have would need the effects of their blocks, which are as uncertain as the runs.
    """
    if not scale.blocks:
        return samples, scale
    seeds = set.intersection(*(set(sample.values) for sample in samples))
    if len(seeds) < FEWEST:
        return samples, replace(scale, blocks=False)
    shared = [{seed: value for seed, value in sample.values.items() if seed in seeds} for sample in samples]
    return [replace(sample, values=own) for sample, own in zip(samples, shared, strict=True)], scale


def _half(mean: float, spread: Spread, place: int, n: int, scale: Scale) -> float:
    """Half the interval of a variant's own mean over seeds, in the unit of the metric; of logarithms the upper half."""
    half = float(stdtrit(spread.nu_K[place], 1 - ALPHA / 2) * np.sqrt(spread.v_K[place] / n))
    if not scale.logs:
        return half
    return float(np.exp(mean if scale.higher_is_better else -mean) * np.expm1(half))


def _few(n: int) -> Standing:
    return Standing("few seeds", reason={1: "one seed", 2: "two seeds"}.get(n, "no other variant has three seeds"))


def _rank_exact(samples: Sequence[Sample], scale: Scale) -> list[Standing | None]:
    """The standings in a counted metric, in which every difference is certain."""
    sign = 1 if scale.higher_is_better else -1
    means = [sign * float(np.mean(list(sample.values.values()))) if sample.values else None for sample in samples]
    known = [mean for mean in means if mean is not None]
    if len(known) < 2:
        return [None if mean is None else Standing("best", at_most=0.0, half=0.0) for mean in means]
    best = max(known)
    standings: list[Standing | None] = []
    for index, mean in enumerate(means):
        if mean is None:
            standings.append(None)
            continue
        behind = abs((best - mean) / best) if best else best - mean
        verdict: Verdict = "best" if index == means.index(best) else "worse" if mean < best else "equivalent"
        standings.append(Standing(verdict, behind, behind, half=0.0))
    return standings


class _Table:
    """k variants with at least three seeds each, and what is known of every difference between two of them.

    Dimension letters: K variants, twice for pairs; element ``ij`` is about j less i; O variants that are not worse.
    """

    def __init__(self, means_K: Array, spread: Spread, samples: Sequence[Sample], scale: Scale, alpha: float) -> None:
        self.means_K, self.spread, self.scale, self.alpha = means_K, spread, scale, alpha
        self.n_K = np.array([float(len(sample.values)) for sample in samples])
        self.items_KK = items_part(samples, means_K, scale)
        self.ahead_KK = means_K[None, :] - means_K[:, None]
        self.k = len(means_K)

    def standings(self, with_seeds_needed: bool) -> list[Standing]:
        """The standing of each variant."""
        best = int(self.means_K.argmax())
        worse_K, at_most_K = self.decide(self.n_K)
        behind_K = self.means_K[best] - self.means_K
        open_K = ~worse_K & ~(at_most_K < self.margin)
        open_K[best] = False
        needed = self.seeds_needed(open_K) if with_seeds_needed else [None] * self.k
        standings = []
        for i in range(self.k):
            verdict: Verdict = "worse" if worse_K[i] else "open" if open_K[i] else "equivalent"
            behind, at_most = (self._in_words(float(max(one[i], 0.0))) for one in (behind_K, at_most_K))
            standings.append(Standing("best" if i == best else verdict, behind, at_most, needed[i]))
        return standings

    @property
    def margin(self) -> float:
        """The margin on the scale of the comparison; on logarithms it is a share of the best mean."""
        margin = self.scale.margin
        if not self.scale.logs:
            return margin
        return float(-np.log1p(-margin) if self.scale.higher_is_better else np.log1p(margin))

    def _in_words(self, difference: float) -> float:
        """A difference on the scale of the comparison in the metric's unit; of logarithms, as a share of the best."""
        if not self.scale.logs:
            return difference
        return float(-np.expm1(-difference) if self.scale.higher_is_better else np.expm1(difference))

    def decide(self, n_K: Array) -> tuple[NDArray[np.bool_], Array]:
        """Which variants are worse, and how far each is at most behind all that are not, with ``n_K`` seeds each."""
        error_KK, nu_KK = self._errors(n_K)
        t_KK = self.ahead_KK / error_KK
        nearest_K = t_KK.argmax(1)
        worse_K = np.zeros(self.k, dtype=bool)
        order = np.argsort(-t_KK.max(1), kind="stable")
        for s, i in zip(range(self.k, 1, -1), order, strict=False):
            j = nearest_K[i]
            if i == j or t_KK[i, j] <= critical_value(self.k, s, nu_KK[i, j], self.alpha):
                break
            worse_K[i] = True
        others = np.flatnonzero(~worse_K)
        bounds_KO = self.ahead_KK[:, others]
        bounds_KO += critical_value(self.k, 1, nu_KK[:, others], self.alpha) * error_KK[:, others]
        bounds_KO[others, np.arange(len(others))] = -np.inf  # of a variant to itself
        at_most_K = bounds_KO.max(1)
        at_most_K[np.isneginf(at_most_K)] = 0.0  # the only one that is not worse
        return worse_K, at_most_K

    def _errors(self, n_K: Array) -> tuple[Array, Array]:
        """The standard errors of all differences and their degrees of freedom."""
        spread = self.spread.with_more(n_K - self.n_K) if (n_K > self.n_K).any() else self.spread
        of_seeds_K = spread.v_K / n_K
        seeds_KK = of_seeds_K[:, None] + of_seeds_K[None, :]
        squared_KK = seeds_KK + self.items_KK
        nu_KK = np.minimum(spread.nu_K[:, None], spread.nu_K[None, :]) * (squared_KK / seeds_KK) ** 2
        return np.sqrt(squared_KK), np.maximum(nu_KK, 2.0)

    def seeds_needed(self, open_K: NDArray[np.bool_]) -> list[int | None]:
        """For each open variant, the number of seeds of every variant with which it is not open any more.

        None for the others, and where no number is enough. Above 20 seeds the number is one of a ladder in steps of a
        tenth.
        """
        needed: list[int | None] = [None] * self.k
        waiting_K = open_K & self._decided(MOST_SEEDS)
        n = int(self.n_K.min())
        while waiting_K.any():
            n += max(1, n // 10 if n >= EXACT_UP_TO else 1)
            found_K = waiting_K & self._decided(n)
            for i in np.flatnonzero(found_K):
                needed[i] = n
            waiting_K &= ~found_K & (n < MOST_SEEDS)
        return needed

    def _decided(self, n: int) -> NDArray[np.bool_]:
        """Which variants are not open with at least ``n`` seeds each, if means and spreads stay."""
        worse_K, at_most_K = self.decide(np.maximum(self.n_K, n))
        decided_K: NDArray[np.bool_] = worse_K | (at_most_K < self.margin)
        return decided_K
