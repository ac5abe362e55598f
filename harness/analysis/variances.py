"""How much the results of k variants scatter, over seeds and over test items, on the scale of the comparison.

Dimension letters: K variants, N test items or values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma, psi

from harness.analysis.intervals import ROUNDING

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """How a metric is compared.

    - ``margin``: variants that are less than this behind the best are as good; of logarithms, a share of the best.
    - ``logs``: compare ratios. ``blocks``: what all variants of a seed have in common is the machine's drift; it is
      taken out where all variants have three seeds in common, and then only these count.
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
        nu_K = np.minimum(nu_K, freedom_K.sum() * (1 - 1 / len(freedom_K)))  # those of all residuals
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


def estimate(samples: Sequence[Sample], scale: Scale) -> tuple[Array, Spread]:
    """Means on the scale of the comparison, on which higher is better, and moderated variances.

    Every variant needs two seeds; with blocks, all variants need the same seeds.
    """
    if not samples:
        return np.empty(0), Spread(*(np.empty(0),) * 4, prior=0.0)
    values = _on_scale([list(sample.values.values()) for sample in samples], scale)
    own_K = np.array([len(one) - 1.0 for one in values])
    # one call for all variants where they have equally many seeds: numpy's calls take most of the time
    tables = [np.stack(values)] if len({*own_K}) == 1 else [one[None] for one in values]
    means_K = np.concatenate([table.mean(1) for table in tables])
    if blocks := scale.blocks and len(samples) > 1:
        y_KN = np.stack(_on_scale([[value for _, value in sorted(one.values.items())] for one in samples], scale))
        residual_KN = y_KN - means_K[:, None] - y_KN.mean(0) + y_KN.mean()
        k, n = y_KN.shape
        variances_K = (residual_KN**2).sum(1) * k / ((k - 1) * (n - 1))
    else:
        variances_K = np.concatenate([table.var(1, ddof=1) for table in tables])
    rounding = max(float(np.abs(means_K).max()) * ROUNDING, 1e-150)
    return means_K, moderate(np.maximum(variances_K, max(scale.floor, rounding) ** 2), own_K, blocks)


def _on_scale(values: Sequence[Sequence[float]], scale: Scale) -> list[Array]:
    """The values of each variant on the scale of the comparison, on which higher is better.

    A 0 has no logarithm: it counts as the smallest positive value of all variants.
    """
    arrays = [np.asarray(one, dtype=float) for one in values]
    if scale.logs:
        together = np.concatenate(arrays)
        least = together[together > 0].min(initial=np.inf)
        arrays = [np.log(np.where(one > 0, one, least if np.isfinite(least) else 1.0)) for one in arrays]
    return arrays if scale.higher_is_better else [-one for one in arrays]


def items_part(samples: Sequence[Sample], means_K: Array, scale: Scale) -> Array:
    """What the finite test set adds to the variance of each difference.

    The variance over items of the difference of two variants, less what the seeds explain of it, over the items. Where
    the items' scores of a variant are not known, the largest part of the other pairs stands for its pairs; 0 where no
    pair is known.
    """
    k = len(samples)
    places = [place for place, sample in enumerate(samples) if sample.items_N is not None]
    part_KK = np.zeros((k, k))
    if len(places) > 1:
        known_KK = _known_items_part([samples[place] for place in places], means_K[places], scale)
        part_KK[:] = known_KK.max()
        part_KK[np.ix_(places, places)] = known_KK
        np.fill_diagonal(part_KK, 0.0)
    return part_KK


def _known_items_part(samples: list[Sample], means_K: Array, scale: Scale) -> Array:
    q_KN = np.stack([sample.items_N for sample in samples if sample.items_N is not None])
    items = q_KN.shape[1]
    n_K = np.array([float(len(sample.values)) for sample in samples])
    of_seeds_K = np.array([sample.items_variance for sample in samples]) / n_K
    if scale.logs:  # the logarithm of a mean varies by the share of the mean
        value_K = np.exp(means_K if scale.higher_is_better else -means_K)
        q_KN, of_seeds_K = q_KN / value_K[:, None], of_seeds_K / value_K**2
    products_KK = q_KN @ q_KN.T / items
    squares_K = products_KK.diagonal()
    seeds_KK = of_seeds_K[:, None] + of_seeds_K[None, :]
    one_item_KK = scale.floor**2 * items / np.minimum(n_K[:, None], n_K[None, :])
    whole_KK = np.maximum(squares_K[:, None] + squares_K[None, :] - 2 * products_KK, 0.0) + one_item_KK
    part_KK: Array = np.maximum(whole_KK - seeds_KK, whole_KK / 4) / items
    np.fill_diagonal(part_KK, 0.0)
    return part_KK
