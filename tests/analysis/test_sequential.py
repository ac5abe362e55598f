"""The levels of several looks: against published constants, another integration, and a simulation."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from harness.analysis.sequential import crossing_probability, level_per_look


@pytest.mark.parametrize(
    ("looks", "level"),
    [(range(3, 11), 0.0146), (range(3, 21), 0.0095), ((3, 5, 7, 10), 0.0187)],
    ids=["3 to 10", "3 to 20", "3, 5, 7, 10"],
)
def test_levels_of_the_plans_that_choose_uses(looks: Sequence[int], level: float) -> None:
    assert level_per_look(looks) == pytest.approx(level, abs=1e-4)


@pytest.mark.parametrize(
    ("alpha", "looks", "bound"),
    # Jennison & Turnbull 2000, table 2.1: Pocock's constants for equally spaced looks
    [(0.05, 2, 2.178), (0.05, 3, 2.289), (0.05, 5, 2.413), (0.05, 10, 2.555), (0.05, 20, 2.672), (0.01, 5, 2.986)],
)
def test_equally_spaced_looks_have_pococks_constants(alpha: float, looks: int, bound: float) -> None:
    level = level_per_look(range(1, looks + 1), alpha)
    assert norm.isf(level / 2) == pytest.approx(bound, abs=6e-4)
    # only the ratios of the sizes matter
    assert level_per_look(range(7, 7 * looks + 1, 7), alpha) == pytest.approx(level, rel=1e-6)


def test_one_look_has_the_whole_level() -> None:
    assert level_per_look([3]) == pytest.approx(0.05)
    assert crossing_probability([3], norm.isf(0.025)) == pytest.approx(0.05)


@pytest.mark.parametrize("looks", [(3, 5), (3, 4, 50), (3, 5, 7, 10)])
def test_crossing_is_the_complement_of_a_normal_box(looks: tuple[int, ...]) -> None:
    correlation = [[math.sqrt(min(a, b) / max(a, b)) for a in looks] for b in looks]
    edge = np.full(len(looks), 2.3)
    inside = multivariate_normal(cov=correlation, abseps=1e-7, releps=1e-7, maxpts=10**6, seed=5).cdf(
        edge, lower_limit=-edge
    )
    assert crossing_probability(looks, 2.3) == pytest.approx(1 - inside, abs=2e-6)


def test_equal_variants_cross_in_five_of_a_hundred_plans() -> None:
    looks = np.arange(3, 11)
    sums = np.random.default_rng(11).standard_normal((200_000, 10)).cumsum(axis=1)[:, looks - 1]
    crossed = (abs(sums / np.sqrt(looks)) > norm.isf(level_per_look(looks.tolist()) / 2)).any(axis=1)
    assert crossed.mean() == pytest.approx(0.05, abs=0.0016)  # three standard errors
    naive = (abs(sums / np.sqrt(looks)) > norm.isf(0.025)).any(axis=1)
    assert naive.mean() > 0.12


@pytest.mark.parametrize("looks", [[], [0, 3], [3, 3], [5, 3]])
def test_looks_that_do_not_ascend_are_refused(looks: list[int]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        level_per_look(looks)


def test_an_alpha_that_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha is between"):
        level_per_look([3, 5], 1.0)
