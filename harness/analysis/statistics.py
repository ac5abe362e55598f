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
from scipy.special import stdtrit

from harness.analysis.differences import Differences
from harness.analysis.intervals import ALPHA
from harness.analysis.variances import Array, Sample, Scale, Spread, estimate

FEWEST = 3
"""Verdicts need so many seeds."""

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
    differences = Differences(means_K, spread, chosen, scale, alpha)
    for index, standing in zip(ranked, _standings(differences, with_seeds_needed), strict=True):
        before = standings[index]
        standings[index] = replace(standing, half=before.half if before else None)
    return standings


def _standings(differences: Differences, with_seeds_needed: bool) -> list[Standing]:
    """The standing of each variant that has enough seeds."""
    means_K, best = differences.means_K, differences.best
    worse_K, at_most_K = differences.decide()
    behind_K = means_K[best] - means_K
    open_K = ~worse_K & ~(at_most_K < differences.margin)
    open_K[best] = False
    needed = differences.seeds_needed(open_K) if with_seeds_needed else [None] * len(means_K)
    standings = []
    for i in range(len(means_K)):
        verdict: Verdict = "worse" if worse_K[i] else "open" if open_K[i] else "equivalent"
        behind, at_most = (differences.in_words(float(max(one[i], 0.0))) for one in (behind_K, at_most_K))
        standings.append(Standing("best" if i == best else verdict, behind, at_most, needed[i]))
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
