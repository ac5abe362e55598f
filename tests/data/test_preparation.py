"""How rows became ids: several columns by hand, and the same ids from the saved files."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import refused
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from harness.data import copy_preparation, load_preparation, open_prepared, prepare
from harness.data.loaders.text import load_files
from harness.data.loaders.text_rows import read_texts
from harness.data.loaders.timeseries import load_timeseries
from harness.data.preparation import TextPreparation, shortened
from harness.data.tokenizers import special_tokens, train_tokenizer

ROWS = [("Café ist gut, 电影很好看!", "pos"), ("nicht gut 🙂 \\n so", "neg"), ("d'accord (B)", "pos"), ("", "neg")] * 15


def ids_of(split):
    return [split.sequence(row).tolist() for row in range(len(split))]


def new_ids(preparation, frame):
    rows = read_texts(frame, "new.jsonl", preparation.columns, preparation.line_break)
    return [list(ids) for ids in preparation.encode(rows)]


def write_file_tokenizer(path):
    library = Tokenizer(models.WordLevel({"gut": 0, "(B)": 1}, unk_token="<unk>"))
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    path.write_text(library.to_str())
    return str(path)


@pytest.mark.parametrize("tokenizer", ["words", "subwords", "characters", "bytes", "file"])
@pytest.mark.parametrize("text", ["body", ["title", "body"]])
def test_the_files_of_a_run_give_the_same_ids(tmp_path, tokenizer, text):
    if tokenizer == "file":
        tokenizer = write_file_tokenizer(tmp_path / "tokenizer.json")
    rows = [{"title": f"t{n % 7} gut", "body": body, "label": label} for n, (body, label) in enumerate(ROWS)]
    frame = pd.DataFrame(rows)
    files = {}
    for role, part in {"train": frame, "validation": frame[1:], "test": frame[::-1]}.items():
        files[role] = str(tmp_path / f"{role}.jsonl")
        part.to_json(files[role], orient="records", lines=True)
    settings = {"text": text, "tokenizer": tokenizer, "max_length": 4, "truncate": "tail", "line_break": "\\n"}
    prepared = prepare(load_files, {**files, **settings}, tmp_path / "cache")
    (tmp_path / "run").mkdir()
    copy_preparation(prepared, tmp_path / "run")
    data, preparation = open_prepared(prepared), load_preparation(tmp_path / "run")
    assert new_ids(preparation, frame[::-1]) == ids_of(data.test)
    assert preparation.tokenizer.vocabulary == data.vocabulary
    assert max(map(len, ids_of(data.test))) == 4  # all kinds have longer rows


def test_the_file_of_words_with_tags_gives_the_same_ids_and_characters(tmp_path):
    rows = [{"words": ["Ann", "met", f"Bob{n % 3}"], "tags": ["P", "O", "P"]} for n in range(60)]
    pd.DataFrame(rows).to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    settings = {"train": str(tmp_path / "a.jsonl"), "test": None, "tokens": "words", "tags": "tags", "max_length": 2}
    prepared = prepare(load_files, settings, tmp_path / "cache")
    data, preparation = open_prepared(prepared), load_preparation(prepared)
    assert preparation.columns == ("words",)
    assert preparation.alphabet == data.alphabet
    rows = [("Ann", "met", "Bob1"), ("nn", "Zoe")]
    assert preparation.encode(rows) == [[2, 3], [1, 1]]
    characters = preparation.spell(rows)
    spelled = ["".join(preparation.alphabet[one] for one in word if one) for word in characters.table_SW]
    assert [spelled[number] for number in characters.spelling_T] == ["Ann", "met", "nn", "[UNK][UNK]e"]


def test_data_without_texts_have_no_preparation(tmp_path):
    assert load_preparation(tmp_path) is None
    copy_preparation(tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def prepared_texts(folder, texts=("a b", "c")):
    tokenizer = train_tokenizer("words", texts, 99, special_tokens(0))
    preparation = TextPreparation(tokenizer, "words", False, ("text",), None, 5, "head")
    preparation.save(folder)
    return preparation


@pytest.mark.parametrize("damage", [
    lambda folder: (folder / "tokenizer.json").unlink(),
    lambda folder: (folder / "tokenizer.json").write_text("{"),
    lambda folder: (folder / "preparation.json").write_text("{"),
    lambda folder: (folder / "preparation.json").write_text(json.dumps({"kind": "texts"})),
])  # fmt: skip
def test_damaged_files_are_named(tmp_path, damage):
    prepared_texts(tmp_path)
    damage(tmp_path)
    assert f"{tmp_path / 'preparation.json'} is damaged" in refused(load_preparation, tmp_path)


def test_columns_are_joined_by_a_separator_and_the_longest_is_cut():
    tokenizer = train_tokenizer("words", ["a b c d e"], 99, special_tokens(1))
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", "[SEP]", "a", "b", "c", "d", "e"]
    rows = [("a", "b c d e"), ("a b c d e", "d"), ("a b c d e", "e d c b"), ("", "b"), ("a", ""), ("", ""), ("z", "a")]

    def ids(truncate):
        preparation = TextPreparation(tokenizer, "words", False, ("x", "y"), None, 5, truncate)
        return [list(row) for row in preparation.encode(rows)]

    short = [[2, 4], [3, 2], [], [1, 2, 3]]
    assert ids("head") == [[3, 2, 4, 5, 6], [3, 4, 5, 2, 6], [3, 4, 2, 7, 6], *short]
    assert ids("tail") == [[3, 2, 5, 6, 7], [5, 6, 7, 2, 6], [6, 7, 2, 5, 4], *short]


def test_three_columns_need_room_for_five_tokens():
    tokenizer = train_tokenizer("words", ["a"], 99, special_tokens(2))
    message = refused(TextPreparation, tokenizer, "words", False, ("x", "y", "z"), None, 4, "head")
    assert message.startswith("data.max_length=4 has no room for a token of each column of data.text")
    assert message.endswith("set it to 5 or more")


@pytest.mark.parametrize(("lengths", "total", "kept"), [
    ([7, 9], 7, [3, 4]), ([9, 7], 7, [4, 3]), ([2, 9], 7, [2, 5]), ([9, 2], 7, [5, 2]), ([3, 4], 7, [3, 4]),
    ([5, 0, 5], 7, [3, 0, 4]), ([8, 3, 8], 13, [5, 3, 5]),
])  # fmt: skip
def test_the_longest_is_shortened_first(lengths, total, kept):
    assert shortened(lengths, total) == kept


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(5, 60))
def test_shortened_lengths_fill_the_total_and_no_column_vanishes(lengths, total):
    kept = shortened(lengths, total)
    assert sum(kept) == min(total, sum(lengths))
    assert all(0 < one <= before or one == before == 0 for one, before in zip(kept, lengths, strict=True))
    cut = [one for one, before in zip(kept, lengths, strict=True) if one < before]
    assert not cut or min(cut) >= max(kept) - 1


@pytest.mark.parametrize("standardise", [True, False])
def test_the_file_of_series_gives_the_same_features(tmp_path, standardise):
    """By hand: train's values 1, 3 and 5 have mean 3 and deviation sqrt(8/3); a gap is the mean of its neighbours."""
    x_NL = np.array([[1, np.nan, 3], [5, np.nan, np.nan], [np.nan, np.nan, np.nan], [7, 7, 7]])
    np.savez(tmp_path / "a.npz", x=x_NL[:2], y=["a", "b"])
    np.savez(tmp_path / "b.npz", x=x_NL, y=["a", "b", "a", "b"])
    np.savez(tmp_path / "c.npz", x=x_NL[1:], y=["b", "a", "b"])
    files = {"train": str(tmp_path / "a.npz"), "validation": str(tmp_path / "b.npz"), "test": str(tmp_path / "c.npz")}
    prepared = prepare(load_timeseries, {**files, "standardise": standardise}, tmp_path / "cache")
    data, preparation = open_prepared(prepared), load_preparation(prepared)
    assert (preparation.standardise, preparation.missing, preparation.channels) == (standardise, "interpolate", None)
    raw = [np.array(row)[:, None] for row in ([1, np.nan, 3], [5], [np.nan, np.nan], [7, 7, 7])]
    found = [x_LD[:, 0].tolist() for x_LD in preparation.encode(raw)]
    deviation = (8 / 3) ** 0.5 if standardise else 1
    mean = 3 if standardise else 0
    by_hand = [[1, 2, 3], [5], [3, 3], [7, 7, 7]]
    assert found == [pytest.approx([(value - mean) / deviation for value in row]) for row in by_hand]
    np.testing.assert_allclose(data.validation.sequence(0)[:, 0], found[0], rtol=1e-6)
    np.testing.assert_allclose(data.test.sequence(2)[:, 0], found[3], rtol=1e-6)


@pytest.mark.parametrize("scale", [{"mean": [0.0]}, None])
def test_a_damaged_file_of_series_is_named(tmp_path, scale):
    content = {"kind": "series", "columns": [], "standardise": True, "missing": "error", "channels": None}
    content["scale"] = scale
    (tmp_path / "preparation.json").write_text(json.dumps(content))
    assert f"{tmp_path / 'preparation.json'} is damaged" in refused(load_preparation, tmp_path)


def test_the_tokens_of_a_row_are_counted_before_they_are_cut():
    tokenizer = train_tokenizer("words", ["a b c d e"], 99, special_tokens(1))
    one = TextPreparation(tokenizer, "words", False, ("x",), None, 2, "tail")
    assert [(list(ids), count) for ids, count in one.encode_and_count(["a b c", "a b", ""])] == [
        ([4, 5], 3), ([3, 4], 2), ([], 0),
    ]  # fmt: skip
    several = TextPreparation(tokenizer, "words", False, ("x", "y"), None, 3, "head")
    rows = [("a", "b"), ("a b", "c"), ("", "b"), ("", "")]
    assert [count for _, count in several.encode_and_count(rows)] == [3, 4, 2, 0]
