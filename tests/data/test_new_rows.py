"""New rows as a split: prepared as in training, in their order, with what was not read of them."""

import numpy as np
import pytest

from harness.data import from_sequences
from harness.data.dataset import SPECIAL
from harness.data.loaders.series import Scale
from harness.data.new_rows import encode_new
from harness.data.preparation import TextPreparation, WordPreparation
from harness.data.series_preparation import SeriesPreparation
from harness.data.tokenizers import special_tokens, train_tokenizer


def made_of(preparation, width=None, **settings):
    x = [[2, 3]] * 2 if width is None else [np.zeros((2, width), np.float32)] * 2
    vocabulary = [*SPECIAL, "a", "b", "c"] if width is None else []
    y = settings.pop("y", ["p", "q"])
    data = from_sequences(*[(x, y)] * 3, classes=["p", "q"], vocabulary=vocabulary, **settings)
    object.__setattr__(data, "preparation", preparation)
    return data


def texts(columns=1, line_break=None, max_length=3, truncate="head"):
    tokenizer = train_tokenizer("words", ["a a a b b c"], 99, special_tokens(columns - 1))
    named = ("title", "body")[:columns]
    return made_of(TextPreparation(tokenizer, "words", False, named, line_break, max_length, truncate))


def ids_of(new):
    return [new.split.sequence(row).tolist() for row in range(len(new.split))]


@pytest.mark.parametrize(("truncate", "first"), [("head", [2, 3, 4]), ("tail", [3, 4, 1])])
def test_texts(truncate, first):
    new = encode_new(texts(truncate=truncate), ["a b c new", None, "", "b", float("nan")])
    assert ids_of(new) == [first, [], [], [3], []]
    assert new.missing_N.tolist() == [False, True, False, False, True]
    assert new.whole_N.tolist() == [4, 0, 0, 1, 0]
    assert (new.cut, new.unread(), new.keeps_tail) == (1, [1, 0, 0, 0, 0], truncate == "tail")
    assert new.split.y.shape == (5,)


def test_a_line_break_of_training_is_a_space_in_new_texts_too():
    assert ids_of(encode_new(texts(line_break="\\n"), ["a\\nb"])) == [[2, 3]]
    several = encode_new(texts(2, line_break="|", max_length=9), [("a|b", "c"), (None, "b")])
    assert ids_of(several) == [[3, 4, 2, 5], [2, 4]]


def test_half_a_character_is_read_as_from_a_json_file():
    assert ids_of(encode_new(texts(), ["a \ud800 b"])) == ids_of(encode_new(texts(), ["a \ufffd b"]))
    assert ids_of(encode_new(texts(2), [("a", "\udc80 b")])) == ids_of(encode_new(texts(2), [("a", "\ufffd b")]))


@pytest.mark.parametrize(("longest", "kept"), [(None, 3), (2, 2), (9, 3)])
def test_no_more_steps_are_kept_than_the_model_reads(longest, kept):
    assert encode_new(texts(), ["a b c a"], longest).split.length_N.tolist() == [kept]
    x_LD = np.arange(6.0)[:, None]
    new = encode_new(made_of(None, width=1), [x_LD], longest)
    assert new.split.x[:, 0].tolist() == list(range(6))[:longest]
    assert new.unread() == [6 - min(longest or 6, 6)]


def test_words_are_a_list_or_a_text_with_spaces_and_have_characters_where_the_model_reads_them():
    preparation = WordPreparation(("words",), [*SPECIAL, "a", "b"], [*SPECIAL, "a", "b"], 2, 3, "head")
    data = made_of(preparation, y=[["p", "q"]] * 2)
    rows = [["a", "new"], "b  a", (), None, np.array(["a", "a", "b", "b"])]
    new = encode_new(data, rows)
    assert ids_of(new) == [[2, 1], [3, 2], [], [], [2, 2, 3]]
    assert new.split.characters is None
    assert new.split.y.shape == (7,)  # a tag for each word
    assert new.unread() == [0, 0, 0, 0, 1]


def test_series_are_filled_scaled_and_lose_the_steps_at_their_end_that_have_no_value():
    preparation = SeriesPreparation(Scale(np.array([1.0, 10]), np.array([2.0, 5])), True)
    gap = np.nan
    new = encode_new(made_of(preparation, width=2), [[[3, 20], [gap, 0], [gap, gap]], np.zeros((0, 2)), None])
    assert new.split.x.tolist() == [[1, 2], [1, -2]]
    assert new.split.length_N.tolist() == [2, 0, 0]
    assert new.cut == 0
