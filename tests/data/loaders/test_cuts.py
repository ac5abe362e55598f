"""What a cut leaves in train."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from harness.data.loaders import cuts

CUTS = {"at_random": cuts.at_random, "beside_rare": cuts.beside_rare, "keeping": cuts.keeping(lambda label: {label})}


@pytest.mark.parametrize("name", CUTS)
@given(labels=st.lists(st.integers(0, 9), min_size=30, max_size=90), share=st.sampled_from([0.1, 0.2, 0.5]))
def test_every_row_is_in_one_of_the_two_parts(name, labels, share):
    rows, kept = CUTS[name](labels, share)
    assert sorted([*rows, *kept]) == list(range(len(labels)))
    assert abs(len(rows) - share * len(labels)) <= 10 + 1
    if name != "at_random":
        assert {labels[row] for row in kept} == set(labels)


def test_a_plain_cut_is_scikit_learns():
    labels = ["a", "b"] * 50
    expected = train_test_split(np.arange(100), test_size=0.8, stratify=labels, random_state=0)
    assert [part.tolist() for part in cuts.evenly(labels, 0.2)] == [part.tolist() for part in expected]


def test_common_classes_keep_their_shares_beside_rare_ones():
    labels = ["a"] * 300 + ["b"] * 100 + ["c"] * 2 + ["d"]
    rows, _ = cuts.beside_rare(labels, 0.2)
    counts = Counter(labels[row] for row in rows)
    assert counts["a"] == pytest.approx(60, abs=1)
    assert counts["b"] == pytest.approx(20, abs=1)
    assert counts["c"] == counts["d"] == 0


def test_many_small_classes_are_cut_together():
    """Three rows a class make no tenth of each class: train has all classes, the share has a tenth of the rows."""
    labels = [f"intent {row % 150}" for row in range(450)]
    rows, kept = cuts.beside_rare(labels, 0.1)
    assert len(rows) == 45
    assert {labels[row] for row in kept} == set(labels)


def test_too_few_rows_for_any_cut():
    with pytest.raises(ValueError, match=r"n_samples=0"):
        cuts.beside_rare(["a", "b", "c"], 0.2)
