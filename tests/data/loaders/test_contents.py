"""Files that are something else than their names say, and files that were joined."""

import bz2
import gzip
import io
import lzma
import zipfile

import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import refused

from harness.data.loaders.tables import read_file

CSV = "text,label\na,x\nb,y\n"
ROWS = [["a", "x"], ["b", "y"]]


def made(folder, content, name="a.csv"):
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


def zipped():
    with zipfile.ZipFile(content := io.BytesIO(), "w") as archive:
        archive.writestr("a.csv", CSV)
    return content.getvalue()


def parquet():
    pa.parquet.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), content := io.BytesIO())
    return content.getvalue()


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 134\n"


@pytest.mark.parametrize(("content", "name", "said"), [
    (gzip.compress(CSV.encode(), mtime=0), "a.csv", "a.csv is compressed with gzip; add .gz to its name"),
    (bz2.compress(CSV.encode()), "a.csv", "a.csv is compressed with bzip2; add .bz2"),
    (lzma.compress(CSV.encode()), "a.csv.gz", "a.csv.gz is compressed with xz; add .xz"),
    (zipped(), "a.csv", "a.csv is a zip archive or a spreadsheet; add .zip to its name, or save it as CSV UTF-8"),
    (parquet(), "a.csv", "a.csv is Parquet; let its name end in .parquet"),
    (POINTER, "a.parquet", "a.parquet is a pointer of Git LFS, not the data; git lfs pull brings them"),
    (POINTER, "a.jsonl.gz", "is a pointer of Git LFS"),
    (POINTER, "a.zip", "is a pointer of Git LFS"),
    ("\n<!DOCTYPE html>\n<html>404", "a.csv", "a.csv is a web page, maybe the answer of a failed download"),
    (CSV.encode("utf-16-le"), "a.csv", "a.csv is UTF-16 without a byte order mark; save it as UTF-8"),
    (CSV.encode("utf-16-be"), "a.csv", "a.csv is UTF-16 without a byte order mark; save it as UTF-8"),
    (CSV.encode("utf-16"), "a.csv", "line 1 (byte 0 of it); it is UTF-16: save"),
    (CSV.encode("utf-32"), "a.csv", "line 1 (byte 0 of it); it is UTF-32: save"),
])  # fmt: skip
def test_a_file_that_is_something_else_is_named(tmp_path, content, name, said):
    assert said in refused(read_file, made(tmp_path, content, name))


def test_a_csv_may_begin_like_other_formats(tmp_path):
    assert read_file(made(tmp_path, "PAR1,html\n%a,<b\n")).to_numpy().tolist() == [["%a", "<b"]]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(("quotes", "row"), [("auto", 3), ("enclose", 3), ("text", 3)])
def test_a_header_among_the_rows_is_refused(tmp_path, mark, quotes, row):
    # cat a.csv b.csv: the label "label" would be one more class
    file = made(tmp_path, mark + CSV + mark + CSV)
    said = f"row {row} repeats the header, as in joined files; remove the row"
    assert said in refused(read_file, file, {"data.text": "text", "data.label": "label"}, quotes)


def test_byte_order_marks_of_joined_files_are_no_text(tmp_path):
    assert read_file(made(tmp_path, "\ufeff\ufeff" + CSV)).to_numpy().tolist() == ROWS
    lines = '\ufeff{"text": "a", "label": "x"}\n\ufeff{"text": "b", "label": "y"}\n'
    assert read_file(made(tmp_path, lines, "a.jsonl")).to_numpy().tolist() == ROWS


def test_a_field_beyond_the_limit_is_not_taken_for_an_open_quote(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.data.loaders.delimited.LONGEST_FIELD", 11)
    file = made(tmp_path, f'text,label\n"{"a" * 12}",x\n')
    said = "row 1 has a field of more than 11 characters, as after a quote that nothing closes"
    assert said in refused(read_file, file, None, "enclose")


def test_another_separator_can_be_declared(tmp_path):
    content = "text|label\na|x\nb|y\n"
    said = refused(read_file, made(tmp_path, content), {"data.text": "text"})
    assert "it has text|label; set data.text to one of them (a file's first line names its columns" in said
    assert "add a first line such as sep=|)" in said
    assert read_file(made(tmp_path, "sep=|\n" + content)).to_numpy().tolist() == ROWS
