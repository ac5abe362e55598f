"""The characters of words: how they are stored, cut, hashed and batched.

Dimension letters: B batch, L length, W characters of a word.
"""

from dataclasses import replace

import numpy as np
import pytest

from harness.data import Dataset, one_sequence, open_prepared, prepare
from harness.data.batches import Batches
from harness.data.characters import LONGEST_WORD, Characters
from harness.data.loaders.tagging import encode_tagged
from harness.errors import UserError


def tagged(test=("ab", "ba")) -> Dataset:
    rows = [("abc", "a"), ("b",), ("a", "bc", "abcab")]
    parts = {role: (rows, [tuple(word[0] for word in row) for row in rows]) for role in ("train", "validation")}
    return encode_tagged(parts | {"test": ([test], [tuple("ab")])}, source="here")


def test_each_spelling_is_kept_once_and_batches_are_cut_to_their_longest_word():
    data = tagged()
    assert data.alphabet == ["[PAD]", "[UNK]", "a", "b", "c"]
    assert len(data.train.characters.table_SW) == 1 + len({"abc", "a", "b", "bc", "abcab"})
    first, last = (data.train.characters_of(np.array(rows), longest) for rows, longest in (([0, 1], 2), ([2], 3)))
    assert first.tolist() == [[[2, 3, 4], [2, 0, 0]], [[3, 0, 0], [0, 0, 0]]]
    assert last.tolist() == [[[2, 0, 0, 0, 0], [3, 4, 0, 0, 0], [2, 3, 4, 2, 3]]]


def test_batches_hold_the_characters_of_their_words_if_the_split_has_characters():
    data = tagged()
    for batch in Batches(data.train, 2, seed=0):
        words = [[data.vocabulary[number] for number in row if number] for row in batch.x]
        spelled = [["".join(data.alphabet[n] for n in word if n) for word in row] for row in batch.characters_BLW]
        assert [[word for word in row if word] for row in spelled] == words
    (batch,) = Batches(replace(data.train, characters=None), 3)
    assert batch.characters_BLW is None


def test_very_long_words_keep_their_first_characters():
    long = "a" * (LONGEST_WORD - 1) + "b" * 7
    parts = {role: ([(long, "c")], [("x", "y")]) for role in ("train", "validation", "test")}
    table_SW = encode_tagged(parts, source="here").train.characters.table_SW
    assert table_SW.shape == (3, LONGEST_WORD)
    assert table_SW[1, -2:].tolist() == [2, 3]


def test_the_hash_covers_the_characters_of_unknown_words():
    assert tagged(("zz", "ba")).test.x.tolist() == tagged(("zzz", "ba")).test.x.tolist()
    assert tagged(("zz", "ba")).hash == tagged(("zz", "ba")).hash != tagged(("zzz", "ba")).hash


def test_prepared_data_has_the_same_hash_whether_its_characters_are_opened_or_not(tmp_path):
    data = tagged()
    folder = prepare(tagged, {}, tmp_path)
    with_characters, without = open_prepared(folder), open_prepared(folder, characters=False)
    assert data.hash == with_characters.hash == without.hash
    for name, split in data.splits.items():
        np.testing.assert_array_equal(with_characters.splits[name].characters.table_SW, split.characters.table_SW)
        np.testing.assert_array_equal(with_characters.splits[name].characters.spelling_T, split.characters.spelling_T)
        assert without.splits[name].characters is None
    assert with_characters.alphabet == data.alphabet


def test_one_sequence_has_words_of_full_length_and_the_same_ids_with_and_without_characters():
    data = tagged()
    bare = Dataset(*(replace(split, characters=None) for split in data.splits.values()), data.classes, data.vocabulary)
    one, without = one_sequence(data, 7), one_sequence(bare, 7)
    np.testing.assert_array_equal(one.x, without.x)
    characters_BLW = one.characters_of()
    assert characters_BLW.shape == (1, 7, 5)
    assert characters_BLW.min() >= 1
    assert characters_BLW.max() < len(data.alphabet)
    assert without.characters is None


@pytest.mark.parametrize(
    ("characters", "message"),
    [
        (Characters(np.ones(5, np.int32), np.zeros((2, 4), np.int32)), "must name a row of table_SW"),
        (Characters(np.ones(6, np.int32), np.zeros((1, 4), np.int32)), "must name a row of table_SW"),
        (Characters(np.ones(6, np.int32), np.array([[0], [5]], np.int32)), "the train split must be in 0..4"),
        (Characters(np.ones(6, np.int32), np.array([[2], [2]], np.int32)), "row of table_SW must be all 0"),
    ],
)
def test_characters_that_do_not_match_the_words_are_refused(characters, message):
    data = tagged()
    with pytest.raises(UserError, match=message):
        replace(data, train=replace(data.train, characters=characters)).check()
