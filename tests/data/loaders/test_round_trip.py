"""What pandas writes comes back row for row, or the row is named."""

import csv
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.data.loaders.tables import read_file
from harness.errors import UserError

WANTED = {"data.text": "text", "data.label": "label"}
TRICKY = st.text(st.sampled_from("ab1,;\t\"'\n\r \\\0\u0085\u00a0\u2028\ufeff😀"), max_size=8)
TEXTS = TRICKY | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from(["1", "0", "no", "01"]) | TEXTS), min_size=1, max_size=8)


def to_delimited(name, **options):
    def write(frame, folder):
        frame.to_csv(folder / name, index=False, **options)
        return folder / name

    return write


def to_jsonl(frame, folder):
    frame.to_json(folder / "a.jsonl", orient="records", lines=True)
    return folder / "a.jsonl"


def to_parquet(frame, folder):
    frame.to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


DELIMITED = [
    to_delimited("a.csv"),
    to_delimited("a.tsv", sep="\t"),
    to_delimited("a.csv", quoting=csv.QUOTE_ALL, sep=";"),
    to_delimited("a.tsv.gz", sep="\t", quoting=csv.QUOTE_ALL),
    to_delimited("a.csv", encoding="utf-8-sig", lineterminator="\r\n"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


def read_rows(file: Path, columns):
    """The rows of a file, or why it was refused."""
    try:
        frame = read_file(file, WANTED)
    except UserError as error:
        return None, str(error)
    return list(zip(*(frame[name] for name in columns), strict=True)), None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, columns=st.permutations(["text", "label"]), write=st.sampled_from(DELIMITED))
@example(rows=[("a\rb", "1"), ('"', "0")], columns=["text", "label"], write=DELIMITED[0])
@example(rows=[("x,1\ny", "1"), ("a", "1")], columns=["text", "label"], write=DELIMITED[0])
@example(rows=[("", "\r1"), ("", "\n,")], columns=["text", "label"], write=DELIMITED[0])
def test_csv_and_tsv_come_back_row_for_row_or_the_row_is_named(folder, rows, columns, write):
    file = write(pd.DataFrame(rows, columns=columns), folder)
    found, refusal = read_rows(file, columns)
    if refusal:
        assert re.search(r"row \d+ (below the header \(lines|has a line break \(CR\))", refusal)
        assert any({"\n", "\r"} & {*text} for row in rows for text in row)
        return
    # pandas does not quote a carriage return (CR): at the end of a line, it belongs to the line's end
    assert [(first, last.rstrip("\r")) for first, last in found] == [(first, last.rstrip("\r")) for first, last in rows]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, write=st.sampled_from([to_jsonl, to_parquet]))
def test_jsonl_and_parquet_come_back_row_for_row(folder, rows, write):
    columns = ["text", "label"]
    assert read_rows(write(pd.DataFrame(rows, columns=columns), folder), columns) == (rows, None)


UNQUOTED = st.lists(
    st.tuples(st.text(st.sampled_from('ab ,"'), max_size=6), st.sampled_from("01")), min_size=1, max_size=12
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=UNQUOTED, columns=st.permutations(["text", "label"]))
@example(rows=[('"a', "1"), ("b", "0"), ('c"', "1")], columns=["text", "label"])
@example(rows=[("a", "0"), ('"', "1"), ("b", "0"), ("c", "1"), ("", "1"), ('"', "0")], columns=["text", "label"])
def test_a_tsv_with_quotes_in_its_texts_loses_no_row_unless_a_row_is_named(folder, rows, columns):
    ordered = rows if columns[0] == "text" else [(label, text) for text, label in rows]
    lines = ["\t".join(row) for row in [columns, *ordered]]
    (folder / "b.tsv").write_text("\n".join(lines), encoding="utf8")
    found, refusal = read_rows(folder / "b.tsv", ["text", "label"])
    if refusal:
        assert re.search(r"row \d+ (below the header \(lines|opens a quote)", refusal)
        assert any('"' in text for text, _ in rows)
        return
    assert [label for _, label in found] == [label for _, label in rows]
    # a text in quotes may lose them, and spaces before them
    assert [re.sub('[ "]', "", text) for text, _ in found] == [re.sub('[ "]', "", text) for text, _ in rows]
