"""Subsets of train: nested, with the shares of its classes, and validation and test as they are."""

import csv
import itertools
import random
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.data.loaders.digits import digits
from harness.data.loaders.splits import nested_rows
from harness.data.loaders.text import load_files


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60), st.booleans())
def test_a_larger_subset_contains_every_smaller_one(labels, stratify):
    subsets = [set(nested_rows(labels, count, stratify)) for count in range(1, len(labels) + 2)]
    assert [len(subset) for subset in subsets] == [*range(1, len(labels) + 1), len(labels)]
    assert all(smaller <= larger for smaller, larger in itertools.pairwise(subsets))


def test_no_limit_and_a_limit_that_train_does_not_reach_keep_all_rows_in_order():
    assert nested_rows(["a", "b", "a"], None, True).tolist() == [0, 1, 2]
    assert nested_rows(["a", "b", "a"], 7, True).tolist() == [0, 1, 2]


def test_each_class_keeps_its_share():
    labels = ["often"] * 800 + ["rare"] * 200
    random.Random(3).shuffle(labels)
    for count in (50, 100, 500):
        kept = Counter(labels[row] for row in nested_rows(labels, count, stratify=True))
        assert abs(kept["rare"] - count * 0.2) <= 1


def test_which_rows_are_taken_is_not_decided_by_their_order_in_the_file():
    rows = nested_rows(["a"] * 1000, 100, stratify=True)
    assert rows.min() < 100
    assert rows.max() > 900


def test_validation_and_test_of_digits_stay_and_train_is_nested():
    whole, large, small = digits(), digits(train_limit=500), digits(train_limit=100)
    for role in ("validation", "test"):
        assert np.array_equal(getattr(small, role).y, getattr(whole, role).y)
    assert (len(small.train), len(large.train)) == (100, 500)


def test_the_texts_that_remain_are_those_of_the_larger_subset(tmp_path):
    with open(tmp_path / "all.csv", "w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["text", "label"])
        writer.writerows((f"word{number} number{number}", "ab"[number % 2]) for number in range(200))
    loaded = {count: load_files(str(tmp_path / "all.csv"), train_limit=count) for count in (20, 60, None)}
    words = {count: {word for word in data.vocabulary if word.startswith("word")} for count, data in loaded.items()}
    assert words[20] < words[60] < words[None]  # the vocabulary is that of the rows that are left
    assert (len(words[20]), len(words[60])) == (20, 60)
    assert len({len(data.test) for data in loaded.values()}) == 1
