"""Compressed files, folders of class folders, fastText's lines, JSON in its shapes, and Parquet of any type."""

import bz2
import datetime
import decimal
import gzip
import json
import lzma
import zipfile

import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import refused

from harness.data.loaders.tables import read_file
from harness.data.loaders.text import load_files

WANTED = {"data.text": "text", "data.label": "label"}
CSV = b"text,label\na,1\nb,0\n"
ROWS = [("a", "1"), ("b", "0")]


def rows_of(file):
    frame = read_file(file, WANTED)
    return list(zip(frame["text"], frame["label"], strict=True))


@pytest.mark.parametrize(("name", "module"), [("a.csv.gz", gzip), ("a.csv.bz2", bz2), ("A.CSV.XZ", lzma)])
def test_compressed_files(tmp_path, name, module):
    (tmp_path / name).write_bytes(module.compress(CSV))
    assert rows_of(tmp_path / name) == ROWS
    (tmp_path / name).write_bytes(module.compress(CSV * 99)[:-20])
    assert f"{name} cannot be read as csv" in refused(read_file, tmp_path / name)
    (tmp_path / name).write_bytes(module.compress("text,label\ncaf\u00e9,1\n".encode("cp1252")))
    assert f"{name} is not UTF-8 at line 2 (byte 3 of it)" in refused(read_file, tmp_path / name)


def zipped(file, *names):
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, CSV)
    return file


def test_a_zip_with_one_file(tmp_path):
    assert rows_of(zipped(tmp_path / "a.zip", "data/", "data/rows.csv", "__MACOSX/data/._rows.csv")) == ROWS
    message = refused(read_file, zipped(tmp_path / "b.zip", "train.csv", "test.csv"))
    assert "b.zip has 2 files in it (train.csv, test.csv); expected one: unpack it" in message
    assert "'a.doc' in" in refused(read_file, zipped(tmp_path / "c.zip", "a.doc"))
    (tmp_path / "d.zip").write_bytes(CSV)
    assert "d.zip cannot be read as zip" in refused(read_file, tmp_path / "d.zip")


def reviews(folder):
    for name in ("pos/2.txt", "pos/10.txt", "neg/1.txt", "neg/.DS_Store", ".git/x.txt", "README.txt", "neg/more/3"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}\nline, two", encoding="utf-8-sig")
    (folder / "pos" / "picture.png").write_bytes(b"\xff")
    return folder


def test_a_folder_with_a_folder_for_each_class(tmp_path, capfd):
    found = rows_of(reviews(tmp_path / "reviews"))
    names = [("neg/1.txt", "neg"), ("neg/more/3", "neg"), ("pos/10.txt", "pos"), ("pos/2.txt", "pos")]
    assert found == [(f"{name}\nline, two", label) for name, label in names]
    said = capfd.readouterr().err
    assert "read 4 rows of" in said
    assert "(neg 2, pos 2; 1 files that do not end in .txt are left out)" in said
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "pos").symlink_to(tmp_path / "reviews" / "pos")
    assert [label for _, label in rows_of(tmp_path / "linked")] == ["pos", "pos"]
    (tmp_path / "empty" / "pos").mkdir(parents=True)
    assert "expected a folder for each class with .txt files" in refused(read_file, tmp_path / "empty")
    (tmp_path / "reviews" / "pos" / "2.txt").write_bytes(b"\xff")
    assert "2.txt is not UTF-8 (byte 0)" in refused(read_file, tmp_path / "reviews")


def test_folders_are_prepared_again_when_a_file_changes(tmp_path):
    for number in range(40):
        (tmp_path / "a" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / "ab"[number % 2] / f"{number}.txt").write_text(f"word{number % 2}")
    key = load_files.cache_key(train=str(tmp_path / "a"))
    assert load_files.cache_key(train=str(tmp_path / "a")) == key
    assert load_files(str(tmp_path / "a")).classes == ["a", "b"]
    (tmp_path / "a" / "b" / "1.txt").rename(tmp_path / "a" / "a" / "1.txt")
    assert load_files.cache_key(train=str(tmp_path / "a")) != key


def test_fasttext_lines(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("__label__good  a fine  film\n\n__label__bad\tdull\r\nnice __label__good one\n__label__bad\nno\n")
    found = [("a fine  film", ["good"]), ("dull", ["bad"]), ("nice one", ["good"]), ("", ["bad"]), ("no", [])]
    assert rows_of(file) == found
    file.write_text("__label__a __label__b two\n__label__a one\nnone\n")
    assert rows_of(file) == [("two", ["a", "b"]), ("one", ["a"]), ("none", [])]
    file.write_text("a fine film\n")
    assert "no line of" in refused(read_file, file, WANTED)


RECORDS = [{"text": "a", "label": 10**25, "id": 10**20}, {"label": 1, "text": "b", "more": {"deep": [1, "x", None]}}]


@pytest.mark.parametrize("shape", [
    RECORDS,
    {"data": RECORDS, "version": "1"},
    {"text": ["a", "b"], "label": [10**25, 1], "more": [{}, {}]},
    {"text": {"0": "a", "1": "b"}, "label": {"0": 10**25, "1": 1}},
    {"7": RECORDS[0], "8": RECORDS[1]},
    {"columns": ["text", "label"], "index": [0, 1], "data": [["a", 10**25], ["b", 1]]},
])  # fmt: skip
def test_shapes_of_json(tmp_path, shape):
    (tmp_path / "a.json").write_text(json.dumps(shape), encoding="utf-8-sig")
    assert rows_of(tmp_path / "a.json") == [("a", 10**25), ("b", 1)]


def test_lines_of_json_in_either_ending(tmp_path):
    lines = [json.dumps(record) for record in RECORDS]
    lines.append('{"text": "c\\ud83d", "label": -Infinity, "long": ' + "9" * 5000 + ', "none": NaN}')
    for name in ("a.jsonl", "a.ndjson", "a.json"):
        (tmp_path / name).write_text("\r\n\r\n".join(lines) + "\r\n", encoding="utf-8-sig")
        assert rows_of(tmp_path / name) == [("a", 10**25), ("b", 1), ("c\ufffd", -float("inf"))]


@pytest.mark.parametrize(("text", "message"), [
    ('[{"text": "a"', "line 1, column 14: Expecting ',' delimiter"),
    ('[{"text": "a", "label": 1}, 3]', "item 2 is no object"),
    ('{"text": ["a"], "label": [1, 2]}', "different numbers of rows (1 in 'text', 2 in 'label')"),
    ('{"text": "a", "label": 1}', "it holds one object"),
    ('{"x": [1]}', "has no column 'text'; it has x; set data.text"),
    ("3", "it holds 3"),
    ("[]", "has no rows"),
    ("[" * 100_000, "nested too deeply"),
])  # fmt: skip
def test_json_that_is_no_table(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    assert message in refused(read_file, tmp_path / "a.json", WANTED)


@pytest.mark.parametrize(("labels", "found"), [
    (pa.array([1, None, 2**62 + 1]), [1, None, 2**62 + 1]),
    (pa.array(["b", "a", "b"]).dictionary_encode(), ["b", "a", "b"]),
    (pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.00")]), ["1.50", None, "2.00"]),
    (pa.array([b"\xc3\xa4", b"", None]), ["ä", "", None]),
    (pa.array([True, False, True]), [True, False, True]),
    (pa.array([datetime.date(2024, 1, 1)] * 3), [datetime.date(2024, 1, 1)] * 3),
    (pa.array([["a"], [], None]), [["a"], [], None]),
])  # fmt: skip
def test_parquet_of_any_type(tmp_path, labels, found):
    others = {"map": pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int8())), "a.b": pa.nulls(3)}
    table = pa.table({"text": ["x", None, "z"], "label": labels, **others})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    assert rows_of(tmp_path / "a.parquet") == list(zip(["x", None, "z"], found, strict=True))
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert rows_of(tmp_path / "a.parquet.gz") == rows_of(tmp_path / "a.parquet")


def test_bytes_in_parquet_that_are_no_text_are_named(tmp_path):
    table = pa.table({"text": [b"a"] * 3 + [b"\xff"], "label": [1] * 4})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    assert "row 4 has bytes in 'text' that are not UTF-8" in refused(read_file, tmp_path / "a.parquet", WANTED)


def test_classes_that_are_categories_or_decimals(tmp_path):
    for labels in (
        pa.array(["1.5", "2"] * 20).dictionary_encode(),
        pa.array([decimal.Decimal(1), decimal.Decimal(2)] * 20),
    ):
        pyarrow.parquet.write_table(pa.table({"text": ["a", "b"] * 20, "label": labels}), tmp_path / "a.parquet")
        assert len(load_files(str(tmp_path / "a.parquet"), task="classification").classes) == 2


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_numbers_of_parquet_have_the_digits_that_were_written(tmp_path, kind):
    table = pa.table({"text": ["a", "b", "c"], "label": pa.array([0.1, None, 2.5], pa.float64()).cast(kind)})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    labels = read_file(tmp_path / "a.parquet", WANTED)["label"]
    assert labels.isna().tolist() == [False, True, False]
    assert [f"{one}" for one in labels if one == one] == ["0.1", "2.5"]
