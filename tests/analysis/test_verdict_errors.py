"""How often the verdicts err, over thousands of simulated comparisons: of equal variants none is to be called worse."""

from functools import partial

import numpy as np
import pytest

from harness.analysis.statistics import rank
from harness.analysis.variances import Sample, Scale

pytestmark = pytest.mark.slow
DRAWS = 1500
NUMBERS = (3, 7, 14)
"""The numbers of variants."""


def verdicts(draw_KN, scale):
    found = rank([Sample(dict(enumerate(row))) for row in draw_KN], scale, with_seeds_needed=False)
    return [standing.verdict for standing in found]


def false_worse(draw, scale, seed=1):
    """The percentage of tables of equal variants in which any is called worse, by number of variants."""
    random = np.random.default_rng(seed)
    return [
        100 * sum("worse" in verdicts(draw(random, k), scale) for _ in range(DRAWS)) / DRAWS for k in NUMBERS
    ]  # fmt: skip


def equal(n, random, k):
    return random.normal(0.9, 0.01, (k, n))


def half_noisier(n, random, k):
    return 0.9 + 0.01 * random.normal(size=(k, n)) * np.where(np.arange(k) < k // 2, 5, 1)[:, None]


def one_noisier(n, random, k):
    return 0.9 + 0.01 * random.normal(size=(k, n)) * np.where(np.arange(k) < 1, 5, 1)[:, None]


def near_the_ceiling(n, items, random, k):
    """One error expected a run."""
    return 1 - random.poisson(1, (k, n)) / items


def at_most(percent):
    """A percentage that so many draws exceed by chance in one case of a thousand."""
    return percent + 3.1 * np.sqrt(percent * (100 - percent) / DRAWS)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_of_equal_variants(n):
    assert max(false_worse(partial(equal, n), Scale(True, 0.01))) <= at_most(5)


@pytest.mark.parametrize("draw", [half_noisier, one_noisier])
@pytest.mark.parametrize(("n", "percent"), [(3, 8), (5, 6), (10, 5)])
def test_of_equal_variants_with_25_times_the_variance(draw, n, percent):
    # at three seeds the 5 % is not kept: so few seeds do not show that variances differ
    assert max(false_worse(partial(draw, n), Scale(True, 0.01))) <= at_most(percent)


@pytest.mark.parametrize("items", [360, 25_000])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_of_equal_variants_near_the_ceiling(n, items):
    draw = partial(near_the_ceiling, n, items)
    assert max(false_worse(draw, Scale(True, 0.01, floor=1 / items))) <= at_most(1)


def test_of_equal_times_on_a_machine_that_drifts():
    def times(random, k):
        drift_N = np.exp(random.normal(0, 0.2, 5))
        return drift_N * np.exp(random.normal(0, 0.02, (k, 5)))

    assert max(false_worse(times, Scale(False, 0.05, logs=True, blocks=True))) <= at_most(5)


@pytest.mark.parametrize("lacking", [lambda k: k // 2 + 1, lambda k: k], ids=["half", "all"])
@pytest.mark.parametrize("drift", [0.0, 0.02])
def test_of_equal_times_of_which_one_seed_of_four_was_left_out(lacking, drift):
    """A busy machine took one seed's times from this many of the variants."""
    random, scale = np.random.default_rng(4), Scale(False, 0.05, logs=True, blocks=True)

    def worse(k):
        draw_KN = np.exp(random.normal(0, drift, 4) + random.normal(0, 0.02, (k, 4)))
        rows = [dict(enumerate(row)) for row in draw_KN]
        for row in rows[: lacking(k)]:
            del row[1]
        samples = [Sample(row) for row in rows]
        return "worse" in [standing.verdict for standing in rank(samples, scale, with_seeds_needed=False)]

    assert max(100 * sum(worse(k) for _ in range(DRAWS)) / DRAWS for k in NUMBERS) <= at_most(5)


def test_a_variant_five_standard_deviations_behind_is_found():
    random = np.random.default_rng(2)
    found = 0
    for _ in range(DRAWS):
        draw_KN = equal(3, random, 14)
        draw_KN[0] -= 0.05
        found += verdicts(draw_KN, Scale(True, 0.01))[0] == "worse"
    assert 100 * found / DRAWS >= 97


def test_of_a_table_like_imdbs_no_equivalent_is_more_than_the_margin_behind():
    random = np.random.default_rng(3)
    gaps_K = np.array([0, 1, 2.7, 3.4, 3.5, 3.7, 5.1, 6.7, 8, 10.4, 13.7, 14.1, 18.7, 22.4]) / 1000
    false, undecided, count = 0, 0, DRAWS // 3
    for _ in range(count):
        draw_KN = 0.865 - gaps_K[:, None] + random.normal(0, 0.0028, (14, 3))
        found = verdicts(draw_KN, Scale(True, 0.01, floor=1 / 25_000))
        false += any(verdict == "equivalent" for verdict, gap in zip(found, gaps_K, strict=True) if gap > 0.01)
        undecided += found.count("open")
    assert 100 * false / count <= 1
    assert 100 * undecided / (14 * count) <= 40
