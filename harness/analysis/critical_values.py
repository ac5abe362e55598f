"""Critical values for comparing k means with the best of them, from the exact distributions of normal samples.

``critical_value(k, s, nu, alpha)`` is the number c with

    P(largest of k means - smallest of s of these k > c * se) = alpha

where all k variants are equal, ``se`` is the estimated standard error of a difference of two means, and its square has
``nu`` degrees of freedom. s = k is Tukey's range (Tukey 1953) divided by the square root of 2, s = 1 is Dunnett's
one-sided comparison with one of the k (Dunnett 1955).
"""

from functools import lru_cache

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import chi2

MOST_CERTAIN = 1e6
"""From so many degrees of freedom on, a variance counts as known."""
LEAST = 2.0
"""The smallest number of degrees of freedom: of three seeds without anything to learn from other variants."""
DEGREE = 12
_NODES, _WEIGHTS = leggauss(96)
Array = NDArray[np.float64]


def critical_value(k: int, s: int, nu: Array | float, alpha: float = 0.05) -> Array:
    """The critical values of the largest of ``k`` means against ``s`` of them, one for each ``nu``.

    Raises:
        ValueError: not 1 <= s <= k, k < 2, or a ``nu`` below 2.
    """
    if not (k >= 2 and 1 <= s <= k and np.min(nu) >= LEAST):
        raise ValueError(f"no critical value for k={k}, s={s}, nu={nu}")
    values: Array = np.exp(_over_freedom(k, s, alpha)(1 / np.minimum(nu, MOST_CERTAIN)))
    return values


@lru_cache(maxsize=4096)
def _over_freedom(k: int, s: int, alpha: float) -> Chebyshev:
    """The logarithm of the critical value as a polynomial in 1/nu: it is smooth, and exact values are slow."""
    return Chebyshev.interpolate(
        lambda inverse_N: np.log([exact_critical_value(k, s, 1 / max(one, 1 / MOST_CERTAIN), alpha)
                                  for one in inverse_N]),
        DEGREE, domain=[0, 1 / LEAST],
    )  # fmt: skip


def exact_critical_value(k: int, s: int, nu: float, alpha: float) -> float:
    """The critical value by integrating and solving, without the interpolation."""
    return float(brentq(lambda c: 1 - alpha - _below(c, k, s, nu), 0.0, 2000.0, xtol=1e-10, rtol=1e-10))


def _below(c: float, k: int, s: int, nu: float) -> float:
    """P(largest of k - smallest of s <= c * se), integrated over the estimated standard deviation."""
    if nu >= MOST_CERTAIN:
        return float(_range_below(np.array([c * np.sqrt(2)]), k, s)[0])
    scale_N, density_N = _scales(nu)
    return float(_range_below(c * np.sqrt(2) * scale_N, k, s) @ density_N)


@lru_cache(maxsize=1024)
def _scales(nu: float) -> tuple[Array, Array]:
    """Values of the estimated over the true standard deviation, and their weights, for an integral."""
    low, high = np.sqrt(chi2.ppf([1e-12, 1 - 1e-12], nu) / nu)
    scale_N = (high - low) / 2 * _NODES + (high + low) / 2
    density_N = chi2.pdf(nu * scale_N**2, nu) * 2 * nu * scale_N
    weight_N = _WEIGHTS * (high - low) / 2 * density_N
    return scale_N, weight_N / weight_N.sum()


def _range_below(width_N: Array, k: int, s: int) -> Array:
    """P(largest of k - smallest of s <= width) for standard normal variables, by conditioning on the largest."""
    largest_M = 9.0 * _NODES
    density_M = np.exp(-(largest_M**2) / 2) / np.sqrt(2 * np.pi) * 9.0 * _WEIGHTS
    under_M = ndtr(largest_M)
    near_NM = np.maximum(under_M - ndtr(largest_M - width_N[:, None]), 0.0)
    # the largest is one of the s, or one of the others
    inside = s * near_NM ** (s - 1) * under_M ** (k - s)
    outside = (k - s) * near_NM**s * under_M ** (k - s - 1) if k > s else 0.0
    total: Array = (inside + outside) @ density_M
    return total
