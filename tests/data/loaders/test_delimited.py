"""Quotes, spaces and line ends of csv and tsv: every row is read, or the row is named."""

import pytest
from conftest import refused

from harness.data.loaders.tables import read_file
from harness.data.loaders.text import load_files

WANTED = {"data.text": "text", "data.label": "label"}
FILMS = [(f"film {number}", str(number % 2)) for number in range(100)]


def write(file, rows, separator="\t", header="text{}label\n", end="\n"):
    file.write_bytes((header.format(separator) + "".join(separator.join(row) + end for row in rows)).encode())
    return file


def rows_of(file, **settings):
    frame = read_file(file, WANTED, **settings)
    return list(zip(frame["text"], frame["label"], strict=True))


def test_a_quote_that_nothing_closes_is_part_of_its_text_and_this_is_said(tmp_path, capfd):
    rows = [(f'"{text}' if row % 10 == 7 else text, label) for row, (text, label) in enumerate(FILMS)]
    assert rows_of(write(tmp_path / "a.tsv", rows)) == rows
    assert "read 100 rows of" in (said := capfd.readouterr().err)
    assert "quotes as part of the texts (row 8 opens a quote" in said
    data = load_files(str(tmp_path / "a.tsv"))
    assert sum(len(split) for split in data.splits.values()) == 100


@pytest.mark.parametrize("separator", ["\t", ","])
def test_two_stray_quotes_that_swallow_the_rows_between_them_are_named(tmp_path, separator):
    file = write(tmp_path / "a.csv", [*FILMS[:5], ('"one', "1"), *FILMS, ('two"', "0"), *FILMS[:5]], separator)
    message = refused(read_file, file, WANTED)
    assert "row 6 below the header (lines 7 to 108) is one text in quotes, or several rows" in message
    assert len(rows_of(file, quotes="text")) == 112
    merged = rows_of(file, quotes="enclose")
    assert len(merged) == 11
    assert merged[5] == ("\n".join(separator.join(row) for row in [("one", "1"), *FILMS, ("two", "")])[:-1], "0")


def test_texts_in_quotes_keep_line_breaks_and_separators(tmp_path):
    letters = [('"Dear Ann,\nthis film, I think, is\n\nno good"', "0"), ('"a\tb, ""c"" "', "1")] * 20
    texts = ["Dear Ann,\nthis film, I think, is\n\nno good", 'a\tb, "c" ']
    assert rows_of(write(tmp_path / "a.csv", letters, ",")) == [(texts[row % 2], str(row % 2)) for row in range(40)]


def test_numbers_to_predict_do_not_repeat_and_swallowed_rows_are_noticed_all_the_same(tmp_path):
    rows = [(f"house {number}", f"{number}.5") for number in range(50)]
    file = write(tmp_path / "a.csv", [*rows[:30], ('"one', "1.25"), ('two"', "-3e5"), *rows[30:]], ",")
    assert "row 31 below the header (lines 32 to 33)" in refused(read_file, file, WANTED)


@pytest.mark.parametrize(("row", "message"), [
    ('"he said "no" twice","1"', "row 101 opens a quote, and something other than a separator follows the next quote"),
    ('"never closed","1', "row 101 opens a quote that nothing closes; close it"),
    ('"a","1","2"', "row 101 has 3 fields and those before it 2; put double quotes"),
    ('"a"', "row 101 below the header has no 'label': it has 1 of 2 fields"),
])  # fmt: skip
def test_a_bad_row_in_a_file_that_a_program_quoted_is_named(tmp_path, row, message):
    quoted = "".join(f'"{text}","{label}"\n' for text, label in FILMS)
    (tmp_path / "a.csv").write_text(f'"text","label"\n{quoted}{row}\n')
    assert message in refused(read_file, tmp_path / "a.csv", WANTED)


def test_a_bad_row_is_named_in_a_file_with_doubled_quotes_or_quoted_labels(tmp_path):
    for row in (('"say ""yes"""', "1"), ("plain", '"1"')):
        file = write(tmp_path / "a.csv", [*FILMS, row, ('"say "no" twice"', "0")], ",")
        assert "row 102 opens a quote" in refused(read_file, file, WANTED)


def test_a_bad_row_is_named_in_both_readings(tmp_path):
    file = write(tmp_path / "a.tsv", [*FILMS[:4], ('"stray', "1"), *FILMS, ("a", "0", "1")])
    message = refused(read_file, file, WANTED)
    assert "row 5 opens a quote that nothing closes" in message
    assert "(with data.quotes=text, row 106 has 3 fields and those before it 2)" in message


def test_quotes_has_three_values(tmp_path):
    message = refused(read_file, write(tmp_path / "a.csv", FILMS), WANTED, "none")
    assert message == "data.quotes is one of auto, enclose, text, not 'none'"


@pytest.mark.parametrize("header", ["label, text", "label,text", 'label, "text"', "label,   text"])
def test_spaces_behind_separators_before_quoted_texts(tmp_path, header):
    rows = [f'{number % 2}, "word {number}, it is"\n' for number in range(30)]
    (tmp_path / "a.csv").write_text(f"{header}\n{''.join(rows)}")
    assert rows_of(tmp_path / "a.csv") == [(f"word {number}, it is", str(number % 2)) for number in range(30)]


def test_spaces_behind_separators_without_a_separator_in_the_texts_or_without_quotes(tmp_path):
    (tmp_path / "a.csv").write_text('label,text\n0, "a b"\n1, "c"\n')
    assert rows_of(tmp_path / "a.csv") == [("a b", "0"), ("c", "1")]
    (tmp_path / "b.csv").write_text("label, text\n0, a b\n1, c\n")
    assert rows_of(tmp_path / "b.csv") == [("a b", "0"), ("c", "1")]


def test_spaces_at_the_start_of_texts_stay_where_separators_have_none(tmp_path):
    (tmp_path / "a.csv").write_text('label,text\n0, a\n1," ""b"" c"\n')
    assert rows_of(tmp_path / "a.csv") == [(" a", "0"), (' "b" c', "1")]


def test_quotes_behind_spaces_that_do_not_enclose_a_field_are_part_of_it(tmp_path):
    (tmp_path / "a.csv").write_text('label,text\n0, "a" b\n1,c\n')
    assert rows_of(tmp_path / "a.csv") == [(' "a" b', "0"), ("c", "1")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_and_blank_lines(tmp_path, end):
    file = write(tmp_path / "a.csv", [("a b", "0"), ("",), ("  ",), ("c", "1")], ",", f"{end}text,label{end}", end)
    assert rows_of(file) == [("a b", "0"), ("c", "1")]


def test_rows_may_lack_fields_that_are_not_needed(tmp_path):
    file = write(tmp_path / "a.csv", [("a", "0", "x"), ("b", "1")], ",", "text,label,more\n")
    assert rows_of(file) == [("a", "0"), ("b", "1")]


def test_a_million_characters_and_a_nul_character_in_a_text(tmp_path):
    texts = ["x" * 1_000_000, "a\0b"]
    assert rows_of(write(tmp_path / "a.csv", [(text, "1") for text in texts], ",")) == [(text, "1") for text in texts]
