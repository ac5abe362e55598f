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
from numpy.polynomial.chebyshev import chebfit, chebpts1, chebval
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, gammaln, ndtr, ndtri, stdtrit

MOST_CERTAIN = 1e6
"""From so many degrees of freedom on, a variance counts as known."""
LEAST = 2.0
"""The smallest number of degrees of freedom: of three seeds without anything to learn from other variants."""
DEGREE, DEGREE_OF_MANY, DEGREE_OF_S = 12, 20, 9
FEW = 10
"""With more variants than that, the values for every s come from one interpolation over s, and not from one each."""
WIDEST = 16.0
"""The range of standard normal variables is below this, to the last digit, however many there are."""
_NODES, _WEIGHTS = leggauss(96)
_GRID = np.linspace(0, 1 / LEAST, 8193)
Array = NDArray[np.float64]


def critical_value(k: int, s: int, nu: Array | float, alpha: float = 0.05) -> Array:
    """The critical values of the largest of ``k`` means against ``s`` of them, one for each ``nu``.

    Raises:
        ValueError: not 1 <= s <= k, k < 2, or a ``nu`` below 2.
    """
    if not (k >= 2 and 1 <= s <= k and np.all(np.asarray(nu) >= LEAST)):
        raise ValueError(f"no critical value for k={k}, s={s}, nu={nu}")
    inverse = 1 / np.minimum(nu, MOST_CERTAIN)
    if np.size(nu) > len(_GRID):  # as exact as the polynomial is, and much faster for all pairs of many variants
        values: Array = np.interp(inverse, _GRID, _on_grid(k, s, alpha))
        return values
    return np.asarray(np.exp(_over_freedom(k, s, alpha)(inverse)))


def critical_values(k: int, s_N: NDArray[np.int_], nu_N: Array, alpha: float = 0.05) -> Array:
    """The critical values of the largest of ``k`` means, one for each pair of an ``s`` and a ``nu``."""
    if k > FEW:
        coefficients = chebval(_between_1_and_k(s_N, k), _over_s(k, alpha))
    else:
        coefficients = np.stack([_over_freedom(k, int(s), alpha).coef for s in s_N], axis=1)
    values: Array = np.exp(chebval(2 * LEAST / np.minimum(nu_N, MOST_CERTAIN) - 1, coefficients, tensor=False))
    return values


@lru_cache(maxsize=16)
def _on_grid(k: int, s: int, alpha: float) -> Array:
    values: Array = np.exp(_over_freedom(k, s, alpha)(_GRID))
    return values


@lru_cache(maxsize=4096)
def _over_freedom(k: int, s: int, alpha: float) -> Chebyshev:
    """The logarithm of the critical value as a polynomial in 1/nu: it is smooth, and exact values are slow."""
    if k > FEW:
        return Chebyshev(chebval(_between_1_and_k(s, k), _over_s(k, alpha)), domain=[0, 1 / LEAST])
    return _interpolated(k, s, alpha)


@lru_cache(maxsize=256)
def _over_s(k: int, alpha: float) -> Array:
    """The coefficients of these polynomials as polynomials in the logarithm of s, in which they are smooth too.

    The value for an s between two whole numbers has no meaning; its formula is the same.
    """
    at_P = chebpts1(DEGREE_OF_S + 1)
    s_P = np.exp((at_P + 1) / 2 * np.log(k))
    coefficients: Array = chebfit(at_P, np.array([_interpolated(k, s, alpha).coef for s in s_P]), DEGREE_OF_S)
    return coefficients


def _between_1_and_k(s: int | NDArray[np.int_], k: int) -> Array:
    """Where s lies between 1 and k on a scale of logarithms, from -1 to 1."""
    return np.asarray(2 * np.log(s) / np.log(k) - 1)


def _interpolated(k: int, s: float, alpha: float) -> Chebyshev:
    return Chebyshev.interpolate(
        lambda inverse_N: np.log([exact_critical_value(k, s, 1 / max(one, 1 / MOST_CERTAIN), alpha)
                                  for one in inverse_N]),
        DEGREE if k <= FEW else DEGREE_OF_MANY, domain=[0, 1 / LEAST],
    )  # fmt: skip


def exact_critical_value(k: int, s: float, nu: float, alpha: float) -> float:
    """The critical value by integrating and solving, without the interpolation.

    It lies between that of one pair and that of all k * s pairs by Bonferroni; a tenth is added for rounding.
    """
    of_one, of_all = stdtrit(nu, 1 - alpha), stdtrit(nu, 1 - alpha / (k * s))
    solved = brentq(lambda c: 1 - alpha - _below(c, k, s, nu), 0.9 * of_one, 1.1 * of_all, xtol=1e-9, rtol=1e-9)
    return float(solved)


def _below(c: float, k: int, s: float, nu: float) -> float:
    """P(largest of k - smallest of s <= c * se), integrated over the estimated standard deviation."""
    width = c * np.sqrt(2)
    if nu >= MOST_CERTAIN:
        return float(_range_below(np.array([width]), k, s)[0])
    # values of the estimated over the true standard deviation; above the highest the range is below for certain
    low, high = np.sqrt(chdtri(nu, np.array([1 - 1e-12, 1e-12])) / nu)
    high = min(high, max(WIDEST / width, low))
    scale_N = (high - low) / 2 * _NODES + (high + low) / 2
    log_density_N = np.log(2 * nu * scale_N) - np.log(2) * nu / 2 - gammaln(nu / 2)
    log_density_N += (nu / 2 - 1) * np.log(nu * scale_N**2) - nu * scale_N**2 / 2
    weight_N = _WEIGHTS * (high - low) / 2 * np.exp(log_density_N)
    return float(_range_below(width * scale_N, k, s) @ weight_N + chdtrc(nu, nu * high**2))


def _range_below(width_N: Array, k: int, s: float) -> Array:
    """P(largest of k - smallest of s <= width) for standard normal variables, by conditioning on the largest."""
    lowest = max(-9.0, float(ndtri(1e-16 ** (1 / (k - 1)))))  # the largest of k is above it for certain
    largest_M = (9.0 - lowest) / 2 * _NODES + (9.0 + lowest) / 2
    density_M = np.exp(-(largest_M**2) / 2) / np.sqrt(2 * np.pi) * (9.0 - lowest) / 2 * _WEIGHTS
    under_M = ndtr(largest_M)
    near_NM = np.maximum(under_M - ndtr(largest_M - width_N[:, None]), 0.0)
    others_NM = near_NM ** (s - 1)  # this power takes most of the time
    # the largest is one of the s, or one of the others
    inside = s * others_NM * under_M ** (k - s)
    outside = (k - s) * others_NM * near_NM * under_M ** (k - s - 1) if k > s else 0.0
    total: Array = (inside + outside) @ density_M
    return total
