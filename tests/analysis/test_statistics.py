import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis.statistics import Mean, holm, mean_interval, paired_difference, rank, welch_worse


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


def test_rank_marks_best_tied_and_worse():
    best = {0: 0.90, 1: 0.92, 2: 0.91}
    near = {0: 0.91, 1: 0.90, 2: 0.90}
    far = {0: 0.501, 1: 0.52, 2: 0.509}
    assert rank([far, best, {}, near], higher_is_better=True) == ["worse", "best", None, "tied"]
    assert rank([far, best, near], higher_is_better=False) == ["best", "worse", "worse"]


def test_variants_with_one_seed_make_the_verdict_on_others_no_harder():
    best, other = {0: 0.90, 1: 0.91, 2: 0.92}, {0: 0.70, 1: 0.712, 2: 0.718}
    single = [{0: 0.5}] * 20
    assert rank([best, other], higher_is_better=True) == ["best", "worse"]
    assert rank([best, other, *single], higher_is_better=True) == ["best", "worse", *["unknown"] * 20]


def test_rank_cannot_say_with_one_seed():
    assert rank([{0: 0.9}, {0: 0.1}], higher_is_better=True) == ["best", "unknown"]
    assert rank([{0: 0.9, 1: 0.8}, {5: 0.1, 6: 0.2}], higher_is_better=True) == ["best", "unknown"]
    assert rank([{}, {}], higher_is_better=True) == [None, None]


def test_rank_of_counted_numbers_needs_one_seed():
    assert rank([{0: 10}, {0: 20}, {0: 10}], higher_is_better=False, exact=True) == ["best", "worse", "tied"]


def test_rank_calls_nothing_worse_that_is_better_on_the_seeds_it_shares_with_the_best():
    best = {0: 0.50, 1: 0.51, 2: 0.52, 3: 0.99, 4: 0.99}
    ahead = {0: 0.60, 1: 0.611, 2: 0.619}
    assert rank([best, ahead], higher_is_better=True) == ["best", "unknown"]
    assert rank([{seed: -value for seed, value in one.items()} for one in (best, ahead)], higher_is_better=False) == [
        "best",
        "unknown",
    ]


def test_rank_corrects_for_all_pairs_because_the_best_is_chosen_from_the_same_numbers():
    best, other = {0: 0.90, 1: 0.91, 2: 0.92, 3: 0.93}, {0: 0.868, 1: 0.892, 2: 0.892, 3: 0.915}
    third, fourth = {0: 0.93, 1: 0.87, 2: 0.93, 3: 0.92}, {0: 0.87, 1: 0.93, 2: 0.93, 3: 0.92}
    assert 0.05 / 6 < paired_difference(other, best).p < 0.05 / 3  # four variants are six pairs, three of them tested
    assert rank([best, other], higher_is_better=True) == ["best", "worse"]
    assert rank([best, other, third, fourth], higher_is_better=True) == ["best", "unknown", "tied", "tied"]


def test_among_ten_equal_variants_some_is_called_worse_in_one_draw_of_twenty_at_most():
    draws_RKN = np.random.default_rng(22).normal(0.9, 0.01, (300, 10, 5))
    wrong = sum("worse" in rank([dict(enumerate(variant)) for variant in draw], True) for draw in draws_RKN)
    assert wrong / 300 <= 0.06


def test_welch_is_that_of_scipy():
    random = np.random.default_rng(3)
    before, after = random.normal(10, 1, 5), random.normal(9, 3, 4)
    for higher, alternative in ((True, "greater"), (False, "less")):
        reference = stats.ttest_ind(before, after, equal_var=False, alternative=alternative).pvalue
        assert welch_worse(before, after, higher) == pytest.approx(reference)


def test_welch_without_spread():
    assert welch_worse([5, 5], [5, 5], True) == 1
    assert welch_worse([5, 5, 5], [6, 6, 6], higher_is_better=True) == 1
    assert welch_worse([5, 5, 5], [6, 6, 6], higher_is_better=False) == 0
    assert welch_worse([0.1 * 3, 0.3], [0.3, 0.1 * 3], False) == 1


def test_welch_cannot_say_from_two_values_without_spread():
    assert welch_worse([5, 5], [6, 6], higher_is_better=False) is None
    assert welch_worse([5, 5, 5], [4, 4], higher_is_better=True) is None


def test_welch_needs_two_values_a_side():
    assert welch_worse([5], [1, 2], True) is None


def test_false_alarms_of_welch_are_as_many_as_asked_for():
    draws_RN = np.random.default_rng(4).normal(100, 5, (2000, 6))
    alarms = sum(welch_worse(draw[:3], draw[3:], higher_is_better=True) < 0.05 for draw in draws_RN)
    assert math.isclose(alarms / 2000, 0.05, abs_tol=0.02)
