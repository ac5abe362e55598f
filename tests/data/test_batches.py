"""Batches are a pure function of split, batch size, seed and epoch."""

import numpy as np
import pytest

from harness.data import Batches, Split
from harness.data.batches import gather, plan

LENGTHS = np.random.default_rng(0).integers(0, 40, 1013).astype(np.int32)


@pytest.mark.parametrize("bucket", [True, False])
def test_every_row_is_in_one_batch_per_epoch(bucket):
    rows = np.concatenate(plan(LENGTHS, 7, seed=3, epoch=5, bucket=bucket))
    assert sorted(rows) == list(range(1013))


@pytest.mark.parametrize("bucket", [True, False])
def test_batches_depend_on_seed_and_epoch(bucket):
    def flat(seed, epoch):
        return np.concatenate(plan(LENGTHS, 7, seed, epoch, bucket)).tolist()

    assert flat(3, 5) == flat(3, 5)
    assert flat(3, 5) != flat(3, 6)
    assert flat(3, 5) != flat(4, 5)


def test_bucketed_batches_hold_similar_lengths():
    spread = [np.ptp(LENGTHS[rows]) for rows in plan(LENGTHS, 7, seed=0, epoch=0, bucket=True)]
    unsorted = [np.ptp(LENGTHS[rows]) for rows in plan(LENGTHS, 7, seed=0, epoch=0, bucket=False)]
    assert np.mean(spread) < np.mean(unsorted) / 10


def test_bucketed_batches_are_not_ordered_by_length():
    longest = [LENGTHS[rows].max() for rows in plan(LENGTHS, 7, seed=0, epoch=0, bucket=True)]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


def test_a_batch_is_cut_to_its_longest_member_and_counts_real_tokens():
    x_NL = np.arange(21, dtype=np.int32).reshape(3, 7)
    split = Split.from_padded(x_NL, np.array([2, 5, 3]), np.array([1, 0, 1]))
    batch = gather(split, np.array([2, 0]))
    assert batch.x.tolist() == [[14, 15, 16], [0, 1, 0]]
    assert (batch.tokens, batch.sequences, batch.y.tolist()) == (5, 2, [1, 1])


def test_a_batch_of_empty_sequences_keeps_one_step():
    split = Split.from_padded(np.zeros((2, 3), np.int32), np.zeros(2, np.int32), np.zeros(2, np.int64))
    assert gather(split, np.array([0, 1])).x.shape == (2, 1)


def test_evaluation_goes_through_all_rows_once_the_batch_of_the_longest_first():
    split = Split.from_padded(np.zeros((1013, 40), np.int32), LENGTHS, np.zeros(1013, np.int64))
    batches = Batches(split, 10)
    lengths = np.concatenate([batch.length_B for batch in reversed(list(batches))])
    assert len(batches) == 102
    assert lengths.tolist() == sorted(LENGTHS)
    assert np.sort(np.concatenate(batches.rows())).tolist() == list(range(1013))


def test_the_last_batch_may_be_smaller_and_the_epoch_is_chosen():
    split = Split.from_padded(np.zeros((10, 2), np.int32), np.full(10, 2, np.int32), np.arange(10))
    batches = Batches(split, 4, seed=1)
    first = [batch.y.tolist() for batch in batches]
    batches.set_epoch(1)
    assert sorted(len(y) for y in first) == [2, 4, 4]
    assert first != [batch.y.tolist() for batch in batches]


def test_the_largest_batch_has_the_most_steps_with_padding():
    split = Split.from_padded(np.zeros((1013, 40), np.int32), LENGTHS, np.zeros(1013, np.int64))
    batches = Batches(split, 10, seed=3)
    assert batches.largest().x.size == max(batch.x.size for batch in batches)
    assert Batches(split, 10, seed=3, share=(1, 2)).largest().x.shape[0] == 5
