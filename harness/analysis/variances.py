"""Estimates of how much the runs of k variants scatter: moderated variances, on the scale of the comparison.

Dimension letters: K variants, N test items or values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma, psi

from harness.analysis.intervals import ROUNDING

LEAST_VALUE = 1e-3
"""What a value of 0 counts as where logarithms are compared."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """How a metric is compared.

    - ``margin``: variants that are less than this behind the best are as good; of logarithms, a share of the best.
    - ``logs``: compare ratios. ``blocks``: what all variants of a seed have in common is the machine's drift.
    - ``floor``: no standard deviation over seeds is below this.
    - ``exact``: counted, so that one value decides.
    """

    higher_is_better: bool
    margin: float
    logs: bool = False
    blocks: bool = False
    floor: float = 0.0
    exact: bool = False


@dataclass(frozen=True)
class Sample:
    """One variant: its values by seed, and, where known, its scores by test item.

    ``items_N`` is the score of each item, as the mean over the seeds, less the variant's mean score and scaled so that
    the metric is the mean over items; ``items_variance`` is the mean over items of their variance over the seeds.
    """

    values: dict[int, float]
    items_N: Array | None = None
    items_variance: float = 0.0


@dataclass(frozen=True)
class Spread:
    """The moderated variances of one run of k variants, ``v_K``, with ``nu_K`` degrees of freedom.

    ``own_v_K`` and ``own_nu_K`` are those of each variant's own seeds; ``blocks`` says whether the seeds' common part
    was taken out. ``prior`` are the degrees of freedom that all variances together give each of them.
    """

    v_K: Array
    nu_K: Array
    own_v_K: Array
    own_nu_K: Array
    prior: float
    blocks: bool = False

    def of(self, places: list[int]) -> "Spread":
        """The same of some of the variants."""
        v_K, nu_K, own_v_K, own_nu_K = (
            array[places] for array in (self.v_K, self.nu_K, self.own_v_K, self.own_nu_K)
        )  # fmt: skip
        return Spread(v_K, nu_K, own_v_K, own_nu_K, self.prior, self.blocks)

    def with_more(self, seeds_K: Array) -> "Spread":
        """The same if each variant had so many further seeds, and its own variance stayed."""
        return moderate(self.own_v_K, self.own_nu_K + seeds_K, self.blocks)


def moderate(variances_K: Array, freedom_K: Array, blocks: bool = False) -> Spread:
    """Variances drawn towards their common value, by how much they differ more than chance explains (Smyth 2004).

    No variance becomes smaller than it was: a variant of large spread is not helped by the others.
    """
    z_K = np.log(variances_K) - psi(freedom_K / 2) + np.log(freedom_K / 2)
    excess = z_K.var(ddof=1) - polygamma(1, freedom_K / 2).mean() if len(z_K) > 1 else np.nan
    if np.isnan(excess):
        prior, common = 0.0, 0.0
    elif excess > 0:
        prior = 2 * _inverse_trigamma(float(excess))
        common = float(np.exp(z_K.mean() + psi(prior / 2) - np.log(prior / 2)))
    else:
        prior, common = np.inf, float(np.average(variances_K, weights=freedom_K))
    prior_K = np.minimum(prior, freedom_K.sum() - freedom_K)
    v_K = np.maximum(variances_K, (prior_K * common + freedom_K * variances_K) / (prior_K + freedom_K))
    nu_K = prior_K + freedom_K
    if blocks:
        nu_K = np.minimum(nu_K, freedom_K.sum() * (1 - 1 / len(freedom_K)))
    return Spread(v_K, nu_K, variances_K, freedom_K, prior, blocks)


def _inverse_trigamma(x: float) -> float:
    """The y with trigamma(y) = x, by Newton's method on 1/trigamma, which is nearly linear (Smyth 2004)."""
    if x > 1e7:
        return float(1 / np.sqrt(x))
    if x < 1e-6:
        return 1 / x
    y = 0.5 + 1 / x
    for _ in range(50):
        trigamma = float(polygamma(1, y))
        step = trigamma * (1 - trigamma / x) / float(polygamma(2, y))
        y += step
        if -step / y < 1e-10:
            break
    return y


def scaled(values: Sequence[float] | Array, scale: Scale) -> Array:
    """Values on the scale of the comparison, on which higher is better."""
    values_N = np.asarray(values, dtype=float)
    if scale.logs:
        values_N = np.log(np.maximum(values_N, LEAST_VALUE))
    return values_N if scale.higher_is_better else -values_N


def estimate(samples: Sequence[Sample], scale: Scale) -> tuple[Array, Spread]:
    """Means on the scale of the comparison, and moderated variances, of variants of two seeds or more."""
    if not samples:
        return np.empty(0), Spread(*(np.empty(0),) * 4, prior=0.0)
    fitted = _without_blocks(samples, scale) if scale.blocks else None
    if fitted:
        means_K, variances_K, own_K = fitted
    else:
        values = [scaled(list(sample.values.values()), scale) for sample in samples]
        means_K = np.array([one.mean() for one in values])
        variances_K = np.array([one.var(ddof=1) for one in values])
        own_K = np.array([len(one) - 1.0 for one in values])
    rounding = max(float(np.abs(means_K).max()) * ROUNDING, 1e-150)
    return means_K, moderate(np.maximum(variances_K, max(scale.floor, rounding) ** 2), own_K, fitted is not None)


def _without_blocks(samples: Sequence[Sample], scale: Scale) -> tuple[Array, Array, Array] | None:
    """Means, variances of one run and their degrees of freedom, after an additive fit of variants and seeds.

    Only seeds that several variants have count. None if a variant has fewer than two of them.
    """
    k = len(samples)
    everywhere = sorted({seed for sample in samples for seed in sample.values})
    seeds = [seed for seed in everywhere if sum(seed in sample.values for sample in samples) > 1]
    shared = [{seed: sample.values[seed] for seed in seeds if seed in sample.values} for sample in samples]
    n_K = np.array([float(len(own)) for own in shared])
    if k < 2 or n_K.min() < 2:
        return None
    design = np.zeros((int(n_K.sum()), k + len(seeds)))
    cells = [(variant, seeds.index(seed)) for variant, own in enumerate(shared) for seed in own]
    for row, (variant, seed) in enumerate(cells):
        design[row, [variant, k + seed]] = 1
    y = scaled([value for own in shared for value in own.values()], scale)
    effects = np.linalg.lstsq(design, y, rcond=None)[0]
    of_variant = np.array([variant for variant, _ in cells])
    squares_K = np.bincount(of_variant, (y - design @ effects) ** 2, k)
    return effects[:k] + effects[k:].mean(), squares_K / (n_K - 1) * k / (k - 1), n_K - 1
