"""Looking several times: the level of each look, so that all looks together keep alpha.

Who tests at 5 % after 3, 4, 5 ... seeds, and stops at the first difference, finds one between equal variants far more
often than in 5 % of the cases. Pocock's remedy is the same smaller level for every look. Here the looks need not be
equally far apart, and the first may come late, because the first three seeds come together.

The statistic of a look is a two-sided z: the sum of ``n`` independent normal values, divided by the square root of n.

Sources: Armitage, McPherson & Rowe 1969 (the recursion), Pocock 1977, Jennison & Turnbull 2000, section 2 and 19.2.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from harness.analysis.intervals import ALPHA

NODES = 4
"""Nodes of the integration for each standard deviation of the smallest step between looks; 1 gives ten digits."""


def level_per_look(looks: Sequence[int], alpha: float = ALPHA) -> float:
    """The two-sided level of each look, so that the chance of any difference between equals is ``alpha`` over all.

    ``looks`` are the sample sizes (seeds) at which one looks, ascending.

    Raises:
        ValueError: there is no look, the sizes do not ascend from 1 on, or alpha is no share.
    """
    sizes = tuple(looks)
    if not sizes or sizes[0] < 1 or any(later <= earlier for earlier, later in pairwise(sizes)):
        raise ValueError(f"looks are sample sizes that ascend, such as 3, 5, 10, and not {list(looks)}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is between 0 and 1, and not {alpha}")
    return _level(sizes, alpha)


@lru_cache(maxsize=128)
def _level(sizes: tuple[int, ...], alpha: float) -> float:
    if len(sizes) == 1:
        return alpha
    once = float(ndtri(1 - alpha / 2))  # the bound of a single look is below Pocock's, Bonferroni's is above it
    bonferroni = float(ndtri(1 - alpha / 2 / len(sizes)))
    bound = brentq(lambda c: crossing_probability(sizes, c) - alpha, once, bonferroni, xtol=1e-10)
    return float(2 * ndtr(-bound))


def crossing_probability(looks: Sequence[int], bound: float) -> float:
    """The probability that the absolute z of equal variants exceeds ``bound`` at one of the looks.

    The density of the sum, where no look has crossed yet, is carried from look to look by numerical integration.
    """
    sizes = [float(size) for size in looks]
    nodes, weights = _nodes(sizes, bound)
    edge = bound * np.sqrt(sizes[0])
    sum_N, weight_N = edge * nodes, edge * weights
    density_N = _normal(sum_N, sizes[0])
    for before, size in pairwise(sizes):
        edge = bound * np.sqrt(size)
        next_N = edge * nodes
        density_N = _normal(next_N[:, None] - sum_N[None, :], size - before) @ (weight_N * density_N)
        sum_N, weight_N = next_N, edge * weights
    return float(1 - weight_N @ density_N)


def _nodes(sizes: list[float], bound: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre nodes and weights on [-1, 1], close enough for the smallest step between two looks."""
    step = min(np.sqrt(later - earlier) for earlier, later in pairwise([0.0, *sizes]))
    count = int(np.ceil(NODES * bound * np.sqrt(sizes[-1]) / step)) + 32
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def _normal(value: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    return np.asarray(np.exp(-(value**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance))
