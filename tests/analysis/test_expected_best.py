"""The expected best of n trials, against the mean over all samples of n trials."""

from itertools import product
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.expected_best import expected_best

SCORES = st.lists(st.floats(-5, 5), min_size=1, max_size=5)


@given(scores=SCORES, higher=st.booleans())
def test_it_is_the_mean_best_over_all_samples_with_replacement(scores, higher):
    best = max if higher else min
    brute = [fmean(map(best, product(scores, repeat=draws))) for draws in range(1, len(scores) + 1)]
    assert expected_best(scores, higher) == pytest.approx(brute, abs=1e-9)


def test_it_begins_with_the_mean_and_gets_better():
    found = expected_best([0.5, 0.9, 0.7], higher_is_better=True)
    assert found == pytest.approx([0.7, (0.5 + 3 * 0.7 + 5 * 0.9) / 9, (0.5 + 7 * 0.7 + 19 * 0.9) / 27])
    assert expected_best([2.0, 4.0], higher_is_better=False) == pytest.approx([3.0, 2.5])


def test_a_failed_trial_counts_as_the_worst():
    assert expected_best([0.5, None, 0.9], True) == expected_best([0.5, 0.5, 0.9], True)
    assert expected_best([0.5, None, 0.9], False) == expected_best([0.5, 0.9, 0.9], False)
    assert expected_best([None, None], True) == []
