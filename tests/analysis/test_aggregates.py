"""Ranks and profiles over data sets, against scipy, hand-computed values and an exhaustive bootstrap."""

import itertools

import numpy as np
import pytest
from scipy import stats

from harness.analysis import aggregates
from harness.analysis.aggregates import error_ratios, interquartile_mean, ranks, share_within


def values(estimates):
    return [estimate.value for estimate in estimates]


def test_ranks_of_runs_with_ties_by_hand():
    # a's runs 3 and 5; b's 4; c's 3 and 1. 3 of a: b beats it, of c one ties of two: 1 + 1 + 1/4
    scores = [[[3.0, 5.0], [4.0], [3.0, 1.0]]]
    found = ranks(scores, [True])
    assert found.by_data_DK[0].tolist() == [(2.25 + 1) / 2, 1.5, (2.75 + 3) / 2]
    lower = ranks(scores, [False])
    assert lower.by_data_DK[0].tolist() == [4 - rank for rank in found.by_data_DK[0]]


def test_with_one_seed_the_mean_ranks_are_those_of_friedmans_test():
    rng = np.random.default_rng(5)
    score_DK = rng.permuted(np.tile(np.arange(7.0), (11, 1)), axis=1)
    found = ranks([[[score] for score in row] for row in score_DK], [True] * 11)
    assert found.by_data_DK.tolist() == stats.rankdata(-score_DK, axis=1).tolist()
    statistic = 12 * 11 / (7 * 8) * sum((mean - 4) ** 2 for mean in values(found.mean))
    assert statistic == pytest.approx(stats.friedmanchisquare(*score_DK.T).statistic)
    assert found.critical is None
    assert found.behind(0) is None
    assert all(estimate.low is None and estimate.high is None for estimate in (*found.mean, *found.middle))


def test_two_variants_have_the_ranks_of_the_mann_whitney_statistic():
    rng = np.random.default_rng(7)
    ours, theirs = rng.integers(0, 5, 11), rng.integers(0, 5, 13)
    wins = stats.mannwhitneyu(theirs, ours).statistic / (11 * 13)
    found = ranks([[ours.tolist(), theirs.tolist()]], [True])
    assert values(found.mean) == pytest.approx([1 + wins, 2 - wins])


def test_ranks_do_not_depend_on_the_scales_and_metrics_of_the_data_sets():
    rng = np.random.default_rng(3)
    score_DKN = rng.random((2, 3, 5))
    plain = ranks(score_DKN.tolist(), [True, True])
    mse = (100 * np.exp(-3 * score_DKN[1])).tolist()
    assert ranks([score_DKN[0].tolist(), mse], [True, False]).mean == plain.mean
    assert sum(values(plain.mean)) == pytest.approx(6)
    assert values(plain.mean) == pytest.approx(plain.by_data_DK.mean(axis=0).tolist())


def test_the_interquartile_mean_is_that_of_scipy_and_cuts_a_value_across_a_quartile():
    value_BN = np.random.default_rng(2).random((3, 8))
    assert interquartile_mean(value_BN, np.full((3, 8), 1 / 8)) == pytest.approx(
        stats.trim_mean(value_BN, 0.25, axis=1)
    )
    # of 3 values the middle one counts whole, and of the others the quarter of each that is inside
    assert interquartile_mean(np.array([[9.0, 1.0, 2.0]]), np.full((1, 3), 1 / 3))[0] == pytest.approx(
        (0.25 * 1 + 2 + 0.25 * 9) / 1.5
    )
    assert interquartile_mean(np.array([[5.0, 1.0]]), np.array([[0.25, 0.75]]))[0] == pytest.approx(1)


def test_the_intervals_are_those_of_all_possible_draws():
    scores = [[[0.5, 0.7, 0.9], [0.6, 0.8, 0.65]], [[3.0, 1.0, 2.0], [2.5, 2.0, 0.5]]]
    draws = list(itertools.product(range(3), repeat=2))  # n - 1 of n seeds
    drawn = []
    for chosen in itertools.product(draws, repeat=4):
        means = []
        for (ours, theirs), (first, second) in zip(scores, (chosen[:2], chosen[2:]), strict=True):
            pairs = [(ours[i], theirs[j]) for i in first for j in second]
            means.append(1 + np.mean([(y > x) + 0.5 * (y == x) for x, y in pairs]))
        drawn.append(np.mean(means))
    found = ranks(scores, [True, True])
    assert found.mean[0].value == pytest.approx(np.mean(drawn))
    assert found.mean[0].low == pytest.approx(np.quantile(drawn, 0.025), abs=0.03)
    assert found.mean[0].high == pytest.approx(np.quantile(drawn, 0.975), abs=0.03)
    # with two variants the one gains what the other loses
    assert found.critical == pytest.approx(np.quantile(2 * np.abs(drawn - np.mean(drawn)), 0.95), abs=0.06)
    assert ranks(scores, [True, True]) is not found
    assert ranks(scores, [True, True]).mean == found.mean


def test_runs_without_spread_have_intervals_without_width():
    found = ranks([[[0.9] * 3, [0.8] * 3, [0.7] * 3]] * 2, [True, True])
    assert [(one.value, one.low, one.high) for one in found.mean] == [(rank, rank, rank) for rank in (1, 2, 3)]
    assert found.middle == found.mean
    assert found.critical == 0
    assert [found.behind(variant) for variant in range(3)] == [False, True, True]


def test_two_seeds_of_one_variant_on_one_data_set_leave_no_interval():
    full, short = [0.9, 0.8, 0.7], [0.9, 0.8]
    assert ranks([[full, full], [full, full]], [True, True]).critical is not None
    assert ranks([[full, full], [short, full]], [True, True]).critical is None


def test_a_data_set_counts_as_much_as_another_however_many_runs_it_has():
    few, many = [[2.0], [1.0]], [[1.0] * 9, [2.0] * 9]
    found = ranks([few, many], [True, True])
    assert values(found.mean) == [1.5, 1.5]
    assert values(found.middle) == pytest.approx([1.5, 1.5])


def test_equal_variants_are_rarely_called_different_and_the_interval_holds_the_true_rank(monkeypatch):
    monkeypatch.setattr(aggregates, "DRAWS", 400)
    rng = np.random.default_rng(11)
    different, held = 0, []
    for _ in range(300):
        found = ranks(rng.normal(size=(3, 7, 3)).tolist(), [True] * 3)
        different += np.ptp(values(found.mean)) > found.critical
        held += [estimate.low <= 4 <= estimate.high for estimate in found.mean]
    assert different <= 0.08 * 300
    assert 0.91 < np.mean(held) < 0.97


def test_a_variant_without_a_run_is_refused():
    with pytest.raises(ValueError, match="every data set"):
        ranks([[[0.9], []]], [True])


def test_ratios_are_to_the_best_mean_error_of_the_data_set():
    ratios = error_ratios([[[0.1, 0.3], [0.4, 0.8]], [[8.0, 8.0], [2.0, 6.0]]], [0.0, 0.0])
    assert ratios == [[pytest.approx([0.5, 1.5]), pytest.approx([2, 4])], [[2, 2], [0.5, 1.5]]]
    ours = [data[0] for data in ratios]
    assert [share_within(ours, most) for most in (0.4, 1, 1.5, 2)] == [0, 0.25, 0.5, 1]


def test_a_best_variant_without_errors_counts_as_one_with_the_least_error():
    errors = [[[0.0, 0.0], [0.01, 0.03]]]
    assert error_ratios(errors, [0.005]) == [[[0, 0], pytest.approx([2, 6])]]
    assert error_ratios(errors, [0.0]) == [[[1, 1], [float("inf")] * 2]]
    assert share_within([[float("inf"), 1.0]], 1e9) == 0.5


def test_a_rounding_error_does_not_put_a_run_above_the_best():
    ratios = error_ratios([[[1 - 0.9] * 3, [0.5] * 3]], [0.0])
    assert share_within([ratios[0][0]], 1.0) == 1
    assert share_within([[1 + 1e-15]], 1.0) == 1


def test_profiles_count_data_sets_alike():
    assert share_within([[1.0], [2.0, 3.0, 4.0]], 1) == 0.5
    assert share_within([[1.0], [2.0, 3.0, 4.0]], 3) == pytest.approx((1 + 2 / 3) / 2)
