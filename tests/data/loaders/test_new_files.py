"""New rows in every form of file, without labels, for a model that is made of texts, of words or of series."""

import gzip

import numpy as np
import pandas as pd
import pytest
from conftest import refused

from harness.data import from_sequences
from harness.data.dataset import SPECIAL
from harness.data.loaders.new_files import read_new, rows_of_lines
from harness.data.loaders.series import Scale
from harness.data.preparation import TextPreparation, WordPreparation
from harness.data.series_preparation import SeriesPreparation
from harness.data.tokenizers import special_tokens, train_tokenizer

GAP = np.nan


def made_of(preparation, width=None):
    """Data with this preparation: of tokens, or of features of this width."""
    x = [[2]] * 2 if width is None else [np.zeros((1, width), np.float32)] * 2
    vocabulary = [*SPECIAL, "a"] if width is None else []
    data = from_sequences(*[(x, ["p", "q"])] * 3, classes=["p", "q"], vocabulary=vocabulary)
    object.__setattr__(data, "preparation", preparation)
    return data


def texts(*columns):
    tokenizer = train_tokenizer("words", ["a b"], 99, special_tokens(len(columns) - 1))
    return made_of(TextPreparation(tokenizer, "words", False, columns, None, 9, "head"))


WORDS = made_of(WordPreparation(("tokens",), [*SPECIAL, "a"], [*SPECIAL, "a"], 3, 9, "head"))
SERIES = made_of(SeriesPreparation(Scale(np.zeros(2), np.ones(2)), True, channels=("u", "v")), width=2)
ONE_CHANNEL = made_of(SeriesPreparation(Scale(np.zeros(1), np.ones(1)), True), width=1)


def written(folder, name, content):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "body\nx y\nz\n\"\"\n"),
        ("a.csv", "label,body\n,x y\n,z\n,\n"),
        ("a.tsv", "body\tid\nx y\t1\nz\t2\n\t3\n"),
        ("a.jsonl", '{"body": "x y"}\n{"body": "z"}\n{"body": ""}\n'),
        ("a.json", '[{"body": "x y"}, {"body": "z"}, {"body": ""}]'),
        ("a.csv.gz", gzip.compress(b"body\nx y\nz\n\"\"\n")),
        ("a.txt", "\ufeffx y\r\nz\n\n"),
        ("a.txt", "__label__p x y\n__label__q z\n__label__q\n"),
    ],
)  # fmt: skip
def test_texts_need_no_labels(tmp_path, name, content):
    found = read_new(written(tmp_path, name, content), texts("body"), {"label": "label"})
    assert found.rows == ["x y", "z", ""]
    assert found.columns.iloc[:, 0].tolist() == ["x y", "z", ""]
    assert found.columns.columns.tolist() == ["text" if name.endswith("txt") else "body"]


def test_parquet_and_missing_texts(tmp_path):
    pd.DataFrame({"body": ["x", None, ""], "id": [7, 8, 9]}).to_parquet(tmp_path / "a.parquet")
    found = read_new(tmp_path / "a.parquet", texts("body"), {}, keep=["id"])
    assert found.rows == ["x", None, ""]
    assert found.columns["id"].tolist() == [7, 8, 9]
    assert found.part(1, 3).rows == [None, ""]
    assert found.part(1, 3).columns["id"].tolist() == [8, 9]


def test_a_missing_text_of_several_columns_is_an_empty_one(tmp_path):
    file = written(tmp_path, "a.jsonl", '{"title": "x", "body": null}\n{"title": null, "body": null}\n')
    assert read_new(file, texts("title", "body"), {}).rows == [("x", ""), ("", "")]


def test_a_text_over_several_lines_is_one_row(tmp_path):
    """Without labels, nothing says that its lines are rows; with the run's labels in the file, they tell."""
    file = written(tmp_path, "a.csv", 'body\n"one\ntwo\nthree"\nfour\n')
    assert read_new(file, texts("body"), {"label": "label"}).rows == ["one\ntwo\nthree", "four"]
    swallowed = "".join(f"text,{'pq'[row % 2]}\n" for row in range(30)) + '"a,p\nb,q\nc",p\n'
    labelled = written(tmp_path, "b.tsv", "body\tlabel\n" + swallowed.replace(",", "\t"))
    assert "several rows between two stray quotes" in refused(read_new, labelled, texts("body"), {"label": "label"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "tokens\nx Y\nz\n"),
        ("a.jsonl", '{"tokens": ["x", "Y"]}\n{"tokens": ["z"]}\n'),
        ("a.conll", "x\nY\n\nz\n"),
        ("a.txt", "x O\nY O\n\nz B\n"),
        ("a.bio", "x\tO\nY\tO\n\nz\tB\n"),
        ("a.conllu", "1\tx\tx\tNOUN\t_\t_\t0\troot\n2\tY\ty\tNOUN\t_\t_\t1\tdep\n\n1\tz\tz\tNOUN\t_\t_\t0\troot\n\n"),
    ],
)  # fmt: skip
def test_words_need_no_tags(tmp_path, name, content):
    found = read_new(written(tmp_path, name, content), WORDS, {"tokens": "tokens", "tags": "tags"})
    assert found.rows == [("x", "Y"), ("z",)]


def test_a_row_without_words_is_empty_and_a_missing_one_missing(tmp_path):
    file = written(tmp_path, "a.jsonl", '{"tokens": []}\n{"tokens": null}\n{"tokens": "x  Y"}\n')
    assert read_new(file, WORDS, {}).rows == [(), None, ("x", "Y")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ts", "@classLabel false\n@data\n1,2,?:4,5,6\n7:8\n"),
        ("a.ts", "@classLabel true p q\n@data\n1,2,?:4,5,6:new\n7:8:?\n"),
        ("a.csv", "sequence,v,u\ns,4,1\nr,8,7\ns,5,2\ns,6,\n"),
        ("a.csv", "sequence,label,u,w,v\ns,p,1,0,4\nr,q,7,0,8\ns,p,2,0,5\ns,q,,0,6\n"),
    ],
)
def test_series_need_no_labels(tmp_path, name, content):
    found = read_new(written(tmp_path, name, content), SERIES, {"sequence": "sequence", "label": "label"})
    assert [x_LD.shape for x_LD in found.rows] == [(3, 2), (1, 2)]
    np.testing.assert_array_equal(found.rows[0], [[1, 4], [2, 5], [GAP, 6]])
    np.testing.assert_array_equal(found.rows[1], [[7, 8]])
    assert found.columns.to_dict("list") == ({"sequence": ["s", "r"]} if name == "a.csv" else {})
    assert len(found.columns) == 2


def test_series_of_arrays_need_no_labels(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([[1.0, 2], [3, 4]]))
    assert [x_LD.tolist() for x_LD in read_new(tmp_path / "a.npz", ONE_CHANNEL, {}).rows] == [[[1], [2]], [[3], [4]]]
    np.savez(tmp_path / "b.npz", x=np.array([1.0, 2, 3]), offsets=[0, 1, 3])
    assert [x_LD.tolist() for x_LD in read_new(tmp_path / "b.npz", ONE_CHANNEL, {}).rows] == [[[1]], [[2], [3]]]


def test_a_line_of_ucr_begins_with_its_label_also_where_it_is_none(tmp_path):
    file = written(tmp_path, "a.tsv", "?\t1\t2\n1\t3\t4\n")
    assert [x_LD.tolist() for x_LD in read_new(file, ONE_CHANNEL, {}).rows] == [[[1], [2]], [[3], [4]]]


def test_files_of_training_still_need_labels(tmp_path):
    from harness.data.loaders.series_tables import Columns
    from harness.data.loaders.tables import read_file
    from harness.data.loaders.timeseries import read_series

    ts = written(tmp_path, "a.ts", "@classLabel false\n@data\n1,2\n")
    assert "has no labels (@classLabel false)" in refused(read_series, ts, Columns())
    assert "has 1 column" in refused(read_file, written(tmp_path, "a.conll", "x\ny\n"))
    assert "no line of" in refused(read_file, written(tmp_path, "a.txt", "x\ny\n"), {"data.text": "text"})
    table = written(tmp_path, "a.csv", "sequence,u\ns,1\n")
    assert "has no column 'label'" in refused(read_series, table, Columns())


def test_lines_are_rows_of_texts_and_of_words():
    assert rows_of_lines(["x y", ""], texts("body")).rows == ["x y", ""]
    half = rows_of_lines(["x\udcff"], texts("body"))
    assert (half.rows, half.columns["body"].tolist()) == (["x\ufffd"], ["x\ufffd"])
    assert rows_of_lines(["x y", ""], WORDS).columns.to_dict("list") == {"tokens": ["x y", ""]}
