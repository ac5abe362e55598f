"""Rows that are kept as they were given: of validation, at equal distances, only in the cache."""

import pandas as pd

from harness.data import open_prepared, prepare
from harness.data.examples import load_examples, save_examples, some_rows, spread
from harness.data.loaders.text import load_files


def test_rows_are_those_of_validation_or_else_of_train_at_equal_distances():
    assert some_rows({"train": "abc", "validation": "de", "test": "f"}) == ["d", "e"]
    assert some_rows({"train": "abc", "validation": "", "test": "f"}) == ["a", "b", "c"]
    assert spread(0).tolist() == []
    assert spread(2).tolist() == [0, 1]
    many = spread(2045)
    assert many.tolist() == list(range(0, 2045, 4)), "511 steps of 4 from the first row to the last"


def test_texts_columns_and_lone_surrogates_come_back(tmp_path):
    assert load_examples(tmp_path) is None
    for rows in (["a \ud800", ""], [("a", "b"), ("", "c")]):
        save_examples(rows, tmp_path)
        assert load_examples(tmp_path) == rows


def test_a_loader_of_texts_keeps_them_before_anything_is_cut_or_lowered(tmp_path):
    table = pd.DataFrame({"text": [f"Text number {row}, as it was" for row in range(40)], "label": ["a", "b"] * 20})
    table.to_csv(tmp_path / "train.csv", index=False)
    folder = prepare(load_files, {"train": str(tmp_path / "train.csv"), "max_length": 2}, tmp_path / "cache")
    kept = load_examples(folder)
    assert len(kept) == len(open_prepared(folder).validation)
    assert set(kept) < set(table["text"])


def test_a_loader_of_words_keeps_them_too(tmp_path):
    lines = [f"Word{row % 7}\tN\nis\tV\nso\tV\n" for row in range(40)]
    (tmp_path / "train.conll").write_text("\n".join(lines))
    folder = prepare(load_files, {"train": str(tmp_path / "train.conll"), "max_length": 2}, tmp_path / "cache")
    assert all(row[0].startswith("Word") and row[1:] == ("is", "so") for row in load_examples(folder))
