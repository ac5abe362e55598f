
import numpy as np
import pytest
from scipy import stats

from harness.analysis.intervals import Mean, holm, mean_interval, paired_difference


def test_mean_and_interval_of_three_values_by_hand():
    # mean 4, standard deviation 2, t(0.975, 2) = 4.30265: half = 4.30265 * 2 / sqrt(3)
    interval = mean_interval([2, 4, 6])
    assert (interval.mean, interval.n) == (4, 3)
    assert interval.half == pytest.approx(4.968275)


def test_interval_is_that_of_scipy():
    values = np.random.default_rng(1).normal(3, 2, 7)
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    assert mean_interval(values).bounds() == pytest.approx((low, high))


def test_one_seed_has_no_interval_unless_it_was_counted():
    assert mean_interval([0.9]) == Mean(0.9, None, 1)
    assert mean_interval([0.9]).bounds() is None
    assert mean_interval([1234], exact=True) == Mean(1234, 0.0, 1)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([0.1, 0.1, 0.1]).bounds() == pytest.approx((0.1, 0.1))


def test_no_value_is_refused():
    with pytest.raises(ValueError, match="a mean needs a value"):
        mean_interval([])


def test_interval_is_cut_to_what_is_possible():
    assert Mean(0.98, 0.05, 3).bounds(0, 1) == pytest.approx((0.93, 1))
    assert Mean(2.0, 5.0, 2).bounds(0) == pytest.approx((0, 7))


def test_interval_covers_the_truth_in_95_of_100_draws():
    draws_RN = np.random.default_rng(20).normal(0.9, 0.01, (2000, 3))
    covered = 0
    for draw in draws_RN:
        low, high = mean_interval(draw).bounds()
        covered += low <= 0.9 <= high
    assert covered / 2000 == pytest.approx(0.95, abs=0.02)


def test_paired_interval_covers_the_true_difference_in_95_of_100_draws():
    random = np.random.default_rng(21)
    covered = 0
    for _ in range(2000):
        shared = random.normal(0, 0.05, 5)  # what a seed does to both
        ours, theirs = shared + random.normal(0.91, 0.01, 5), shared + random.normal(0.90, 0.01, 5)
        difference = paired_difference(dict(enumerate(ours)), dict(enumerate(theirs)))
        covered += difference.low <= 0.01 <= difference.high
    assert covered / 2000 == pytest.approx(0.95, abs=0.02)


def test_paired_difference_is_that_of_scipy():
    random = np.random.default_rng(2)
    ours, theirs = random.normal(1, 1, 5), random.normal(0.5, 1, 5)
    difference = paired_difference(dict(enumerate(ours)), dict(enumerate(theirs)))
    reference = stats.ttest_rel(ours, theirs)
    interval = reference.confidence_interval(0.95)
    assert (difference.mean, difference.n) == (pytest.approx((ours - theirs).mean()), 5)
    assert (difference.low, difference.high) == pytest.approx((interval.low, interval.high))
    assert difference.p == pytest.approx(reference.pvalue)


def test_seeds_without_a_partner_are_left_out():
    difference = paired_difference({0: 5.0, 1: 7.0, 9: 100.0}, {1: 6.0, 0: 3.0, 4: -100.0})
    # differences 2 and 1: mean 1.5, standard deviation 1/sqrt(2), t(0.975, 1) = 12.7062
    assert (difference.mean, difference.n) == (1.5, 2)
    assert difference.high - difference.mean == pytest.approx(12.7062 * 0.5, rel=1e-5)


def test_no_seed_in_common_is_no_difference_at_all():
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_one_shared_seed_gives_a_difference_without_interval():
    difference = paired_difference({0: 1.0, 1: 2.0}, {0: 0.5})
    assert (difference.mean, difference.low, difference.high, difference.p, difference.n) == (0.5, None, None, None, 1)


def test_equal_in_every_seed_is_no_difference():
    assert paired_difference({0: 0.1, 1: 0.3}, {0: 0.1, 1: 0.3}).p == 1


def test_the_same_difference_in_every_seed_is_sure_from_three_seeds_on():
    three = paired_difference({0: 0.3, 1: 0.4, 2: 0.5}, {0: 0.2, 1: 0.3, 2: 0.4})
    assert (three.p, three.low) == (0, pytest.approx(0.1))
    two = paired_difference({0: 0.3, 1: 0.4}, {0: 0.2, 1: 0.3})
    assert (two.p, two.low) == (None, None)


def test_counted_numbers_differ_surely_with_one_seed():
    assert paired_difference({0: 300}, {0: 200}, exact=True).p == 0
    assert paired_difference({0: 300}, {0: 300}, exact=True).p == 1


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, never falling
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.9]) == pytest.approx([1, 1])
    assert holm([]) == []


def test_holm_counts_only_what_is_known():
    assert holm([None, 0.02, None, 0.5]) == [None, pytest.approx(0.04), None, pytest.approx(0.5)]
