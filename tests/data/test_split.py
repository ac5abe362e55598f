"""Splits are flat arrays with offsets: padded again, they are what padded arrays are, and their hash is the same.

Dimension letters: N sequences, L length, D feature width, S longest target, B batch, W characters of a word.
"""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data import Dataset, Split, from_sequences
from harness.data.batches import gather
from harness.data.characters import Characters
from harness.data.flat import chunks, offsets_of, padded

WORDS = [str(number) for number in range(11)]


def padded_rows(rows, width, fill, kind):
    """Rows one after the other into an array that is padded from the start: the plain way."""
    more = np.asarray(rows[0]).shape[1:] if len(rows) else ()
    whole = np.full((len(rows), width, *more), fill, kind)
    for row, values in enumerate(rows):
        for step, value in enumerate(values):
            whole[row, step] = value
    return whole


@st.composite
def sequences(draw, task):
    """Rows of token ids or features and their labels, some rows empty; and the numbers of some of them."""
    lengths = draw(st.lists(st.integers(0, 7), min_size=1, max_size=13))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    features = draw(st.booleans())
    x = [rng.normal(size=(n, 3)).astype(np.float32) if features else rng.integers(1, 11, n) for n in lengths]
    if task == "tagging":
        y = [[None if label == 2 else int(label) for label in rng.integers(0, 3, n)] for n in lengths]
    elif task == "ctc":
        y = [rng.integers(0, 2, rng.integers(0, n + 1)).tolist() for n in lengths]
    else:
        y = [float(value) if task == "regression" else int(value > 0) for value in rng.normal(size=len(lengths))]
    rows = draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=17))
    return x, y, features, np.array(rows)


def made(task, x, y, features):
    part, classes = (x, y), () if task == "regression" else (0, 1)
    return from_sequences(part, part, part, classes=classes, vocabulary=() if features else WORDS, task=task)


@pytest.mark.parametrize("task", ["classification", "tagging", "regression", "ctc"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_batch_is_what_the_padded_arrays_have_in_its_rows(task, data):
    x, y, features, rows = data.draw(sequences(task))
    dataset = made(task, x, y, features)
    longest = max(1, *map(len, x)) if len(x) > 1 else max(1, len(x[0]))
    x_NL = padded_rows(x, longest, 0, np.float32 if features else np.int32)
    if task in ("tagging", "ctc"):
        width = longest if task == "tagging" else max(1, max(map(len, y)))
        y_NL = padded_rows([[-100 if one is None else one for one in row] for row in y], width, -100, np.int64)
    else:
        y_NL = np.array(y, np.float32 if task == "regression" else np.int64)
    length_N = np.array([len(row) for row in x], np.int32)
    again = Split.from_padded(x_NL, length_N, y_NL, task)
    for split in (dataset.train, again):
        batch = gather(split, rows)
        cut = max(1, int(length_N[rows].max()))
        expected = (x_NL[rows, :cut], length_N[rows], y_NL[rows] if y_NL.ndim == 1 else y_NL[rows, :cut])
        for found, wanted in zip((batch.x, batch.length_B, batch.y), expected, strict=True):
            assert (found.dtype, found.shape, found.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())
        np.testing.assert_array_equal(split.padded(), x_NL)
        np.testing.assert_array_equal(split.labels(), y_NL)
        assert split.labels_shape == y_NL.shape
        np.testing.assert_array_equal(split.sequence(int(rows[0])), x[rows[0]])
    assert dataset.hash == Dataset(again, again, again, dataset.classes, dataset.vocabulary, task=task).hash
    assert dataset.hash == hash_of_padded(dataset, x_NL, length_N, y_NL)
    assert dataset.max_length == longest


def hash_of_padded(dataset, x_NL, length_N, y_NL, *characters):
    """The hash of data as it was computed when splits were padded arrays."""
    digest = hashlib.sha256()
    for name in ("train", "validation", "test"):
        for part in (x_NL, length_N, y_NL, *characters):
            digest.update(f"{name} {part.dtype} {part.shape}".encode())
            digest.update(part.tobytes())
    names = [*dataset.classes, "", *dataset.vocabulary, *(["", *dataset.alphabet] if dataset.alphabet else [])]
    digest.update("\0".join(names).encode())
    if dataset.task == "ctc":
        digest.update(b"ctc None")
    return digest.hexdigest()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_characters_of_a_batch_are_those_of_padded_arrays(data):
    x, y, _, rows = data.draw(sequences("classification").filter(lambda made: not made[2]))
    length_N = np.array([len(row) for row in x], np.int32)
    table_SW = np.array([[0, 0, 0], [2, 0, 0], [3, 2, 0], [2, 3, 3]], np.int32)
    spelled = [[1 + int(word) % 3 for word in row] for row in x]
    spelling_NL = padded_rows(spelled, max(1, int(length_N.max())), 0, np.int32)
    characters = Characters(np.array([number for row in spelled for number in row], np.int32), table_SW)
    base = made("classification", x, y, False)
    split = replace(base.train, characters=characters)
    whole = table_SW[spelling_NL[rows, : max(1, int(length_N[rows].max()))]]
    longest_word = max(1, max((int((word != 0).sum()) for row in whole for word in row), default=0))
    np.testing.assert_array_equal(gather(split, rows).characters_BLW, whole[:, :, :longest_word])
    dataset = Dataset(split, split, split, base.classes, WORDS, alphabet=["[PAD]", "[UNK]", "a", "b"])
    arrays = (split.padded(), length_N, split.y, spelling_NL, table_SW)
    assert dataset.hash == hash_of_padded(dataset, *arrays)


def test_rows_at_the_end_of_a_flat_array_are_padded_like_all_others():
    """Sequences 2 3, none, 4, 5 6 7 and none: a window of 3 steps fits only at the first of them."""
    flat, offsets = np.array([2, 3, 4, 5, 6, 7], np.int32), np.array([0, 2, 2, 3, 6, 6])
    start, length = offsets[:-1], np.diff(offsets)
    assert padded(flat, start, length, 3, -1).tolist() == [[2, 3, -1], [-1] * 3, [4, -1, -1], [5, 6, 7], [-1] * 3]
    assert padded(flat, start[:3], length[:3], 2, -1).tolist() == [[2, 3], [-1, -1], [4, -1]]
    assert padded(flat[::2], np.array([0, 1]), np.array([1, 1]), 2).tolist() == [[2, 0], [4, 0]]  # not contiguous
    assert padded(flat[:0], np.zeros(2, np.int64), np.zeros(2, np.int64), 2, -1).tolist() == [[-1, -1]] * 2
    assert offsets_of(length).tolist() == offsets.tolist()


def test_the_hash_is_the_same_if_few_rows_are_looked_at_together(monkeypatch):
    x = [np.arange(1, n + 1) % 11 for n in (3, 0, 7, 5, 2)]
    whole = made("tagging", x, [[0] * len(row) for row in x], False)
    at_once = whole.hash
    monkeypatch.setattr("harness.data.content.CHUNK", 64)  # bytes: 2 rows of x, 1 of y
    assert made("tagging", x, [[0] * len(row) for row in x], False).hash == at_once
    monkeypatch.setattr("harness.data.flat.CHUNK", 16)
    assert [part.tolist() for part in chunks(whole.train.x)][:2] == [[1, 2, 3, 1], [2, 3, 4, 5]]
    assert sum(part.size for part in chunks(whole.train.x)) == 17


@pytest.mark.parametrize("x", [np.ones((3, 4), np.int32), np.ones((3, 4, 2), np.float32)])
def test_padded_arrays_get_the_name_of_their_constructor(x):
    lengths, labels = np.array([4, 2, 1], np.int32), np.array([0, 1, 0])
    assert "for padded arrays write Split.from_padded(x, length_N, y)" in refused(Split, x, lengths, labels)
    assert len(Split.from_padded(x, lengths, labels).x) == 7


@pytest.mark.parametrize(
    ("length_N", "y", "task", "message"),
    [
        ([4, 2], [0, 1, 0], None, "a split has 3 sequences, 2 lengths and 3 labels"),
        ([4, 5, 1], [0, 1, 0], None, "a length of a split is negative or above 4, the steps of x"),
        ([4, 2, 1], [[0] * 4] * 3, None, "-100 at padding"),
        ([4, 2, 1], [[0, 1]] * 3, None, 'need task="ctc"'),
        ([4, 2, 1], [[0, -100, 1]] * 3, "ctc", "-100 only after their end"),
    ],
)
def test_padded_arrays_that_do_not_fit_together_are_refused(length_N, y, task, message):
    sentence = refused(Split.from_padded, np.ones((3, 4), np.int32), np.array(length_N), np.array(y), task)
    assert message in sentence


def test_offsets_and_labels_that_do_not_fit_are_refused():
    x, y = [[2, 3], [4], [5, 6, 7]], [["a", "b"], ["b"], ["a", "a", "b"]]
    good = from_sequences((x, y), (x, y), (x, y), classes=["a", "b"], vocabulary=WORDS)

    def sentence(**changes):
        return refused(replace(good, validation=replace(good.validation, **changes)).check)

    shifted = np.array([0, 1, 3, 6])
    assert "row 0 of validation has 2 steps and 1 labels" in sentence(y_offsets=shifted)
    assert "a length in the validation split is negative" in sentence(offsets=np.array([0, 4, 3, 6]))
    assert "has 3 sequences and labels of 2" in sentence(y_offsets=np.array([0, 2, 6]))
    assert "must rise from 0 to the number of labels, 6" in sentence(y_offsets=np.array([0, 2, 3, 5]))
    assert "task=tagging has several labels for each sequence" in sentence(y_offsets=None)
    assert "int64 in 0..1" in sentence(y=np.full(6, 2))
