"""Files as other programs write them: read, or refused in one sentence that names the row."""

import csv
import json

import pytest
from conftest import refused

from harness.data import prepare
from harness.data.loaders.tables import read_file
from harness.data.loaders.text import load_files

TEXTS = ['she said "no", twice', "two\nlines", "smile 😀, 👍🏽", "semi;colon; here", "", "سيئ جدا", "don't"]
ROWS = [(f"{TEXTS[number % 7]} word{number % 5}", "ab"[number % 2]) for number in range(140)]


def write(file, rows=ROWS, header=("text", "label"), delimiter=",", encoding="utf8", first=""):
    with open(file, "w", newline="", encoding=encoding) as opened:
        opened.write(first)
        csv.writer(opened, delimiter=delimiter).writerows([header, *rows])
    return str(file)


@pytest.mark.parametrize("form", [
    {}, {"delimiter": ";"}, {"delimiter": ";", "encoding": "utf-8-sig"}, {"delimiter": "\t"},
    {"delimiter": ";", "encoding": "utf-8-sig", "first": "sep=;\r\n"},
])  # fmt: skip
def test_a_csv_is_read_with_any_separator(tmp_path, form):
    frame = read_file(tmp_path / write(tmp_path / "a.csv", **form))
    assert list(frame.columns) == ["text", "label"]
    assert list(frame.itertuples(index=False, name=None)) == ROWS


def test_commas_in_a_header_do_not_change_the_separator(tmp_path):
    write(tmp_path / "a.csv", header=("text, in words", "label"), delimiter=";")
    assert list(read_file(tmp_path / "a.csv").columns) == ["text, in words", "label"]


def test_a_text_longer_than_the_sample_for_the_separator(tmp_path):
    write(tmp_path / "a.csv", [("word; " * 50_000, "a"), ("", "b")], delimiter=",")
    assert [len(text) for text in read_file(tmp_path / "a.csv")["text"]] == [300_000, 0]


def test_a_hundred_thousand_rows_are_all_read(tmp_path):
    rows = [(f'{number} "quoted"\nand, 😀', "ab"[number % 2]) for number in range(100_000)]
    write(tmp_path / "a.csv", rows)
    frame = read_file(tmp_path / "a.csv")
    assert len(frame) == 100_000
    assert frame["text"].iloc[-1] == '99999 "quoted"\nand, 😀'


def test_a_right_to_left_language_in_texts_labels_and_header(tmp_path):
    rows = [(f"كان الفيلم {label} رقم{number}", label) for number in range(30) for label in ("جيد", "سيئ")]
    data = load_files(write(tmp_path / "a.csv", rows, header=("نص", "تصنيف")), text="نص", label="تصنيف")
    assert data.classes == ["جيد", "سيئ"]
    first = data.train.sequence(0)
    assert [data.vocabulary[one] for one in first[:2]] == ["كان", "الفيلم"]  # in the order in which it is read


def test_a_class_of_one_percent_has_its_share_in_every_split(tmp_path):
    rows = [(f"text {number}", "rare" if number % 100 == 0 else "usual") for number in range(2000)]
    data = load_files(write(tmp_path / "a.csv", rows))
    assert [int((split.y == 0).sum()) for split in data.splits.values()] == [14, 2, 4]


@pytest.mark.parametrize(("labels", "classes"), [
    ((0.5, 1.5), ["0.5", "1.5"]), ((1, 2), ["1", "2"]), ((1.0, 2.0), ["1", "2"]), ((True, False), ["False", "True"]),
])  # fmt: skip
def test_labels_that_are_not_texts_are_the_same_classes_in_jsonl_and_csv(tmp_path, labels, classes):
    rows = [(f"t{number}", labels[number % 2]) for number in range(40)]
    objects = [json.dumps({"text": text, "label": label}) for text, label in rows]
    (tmp_path / "a.jsonl").write_text("\n".join(objects))
    files = write(tmp_path / "a.csv", rows), str(tmp_path / "a.jsonl")
    loaded = [load_files(file, task="classification") for file in files]
    assert [data.classes for data in loaded] == [classes, classes]
    assert loaded[0].hash == loaded[1].hash


def lines(file, number, line, of=50):
    rows = [json.dumps({"text": "x", "label": "ab"[row % 2]}) for row in range(of)]
    rows[number - 1] = line
    file.write_text("\n".join(rows))
    return str(file)


@pytest.mark.parametrize(("line", "message"), [
    ('{"text": "x"}', "row 40 has no 'label' (1 such)"),
    ('{"label": "a"}', "row 40 has no 'text' (1 such)"),
    ('{"text": "x", "label": "a"', "line 40 is no JSON object"),
    ('["x", "a"]', "line 40 is no JSON object"),
    ('{"text": "x", "label": ["a", "b"]}', "row 40 has a list or an object in 'label'"),
    ('{"text": ["x", "y"], "label": "a"}', "row 40 has a list or an object in 'text'"),
])  # fmt: skip
def test_a_bad_line_of_jsonl_is_named(tmp_path, line, message):
    assert message in refused(load_files, lines(tmp_path / "a.jsonl", 40, line), unlabelled="error")


def test_bad_rows_of_a_csv_are_named_with_what_to_do(tmp_path):
    write(tmp_path / "more.csv", [*ROWS[:20], ("two, fields", "a", "x"), *ROWS[20:]])
    assert "row 21 has 3 fields and those before it 2; put double quotes" in refused(read_file, tmp_path / "more.csv")
    (tmp_path / "excel.csv").write_text("sep=;\ntext;label\n" + "fine;a\n" * 3 + "two; fields;a\n" + "fine;a\n" * 9)
    assert "row 4 has 3 fields and those before it 2" in refused(read_file, tmp_path / "excel.csv")
    write(tmp_path / "less.csv", [*ROWS[:20], ("alone",), *ROWS[20:]])
    message = refused(load_files, str(tmp_path / "less.csv"), unlabelled="error")
    assert "row 21 below the header has no 'label'" in message
    write(tmp_path / "all.csv", [(*row, "x") for row in ROWS])
    assert "more fields than its header has names" in refused(read_file, tmp_path / "all.csv")
    (tmp_path / "open.csv").write_text("text,label\nfine,a\n" + '"open,b\n' + "fine, too,a\n" * 20)
    assert "row 2 opens a quote that nothing closes" in refused(read_file, tmp_path / "open.csv")
    write(tmp_path / "headless.csv", ROWS, header=ROWS[1])
    assert "a file's first line names its columns" in refused(load_files, str(tmp_path / "headless.csv"))


def test_other_encodings_are_named_by_line_with_what_to_do(tmp_path):
    write(tmp_path / "a.csv", [("fine", "a"), ("schön – gut", "b")], delimiter=";", encoding="cp1252")
    assert "not UTF-8 at line 3 (byte 3 of it)" in refused(read_file, tmp_path / "a.csv")
    assert "iconv -f WINDOWS-1252 -t UTF-8" in refused(read_file, tmp_path / "a.csv")
    write(tmp_path / "b.csv", encoding="utf-16")
    assert "it is UTF-16" in refused(read_file, tmp_path / "b.csv")


def test_labels_that_do_not_repeat_are_refused_before_splits_are_cut(tmp_path):
    rows = [("x", f"id {number}") for number in range(300)]
    assert "300 different values in 300 rows" in refused(load_files, write(tmp_path / "a.csv", rows))


def test_columns_whose_names_are_numbers(tmp_path):
    rows = [(f"word{number % 9} is {number % 2}", number % 2) for number in range(200)]
    data = load_files(write(tmp_path / "a.csv", rows, header=("0", "1")), text=0, label=1)
    assert data.classes == ["0", "1"]
    assert sum(len(split) for split in data.splits.values()) == 200


@pytest.mark.parametrize("other", [10**20, [1, "x"], {"a": None}, True, 1e300, None])
def test_a_column_that_nobody_asked_for_may_hold_anything(tmp_path, other):
    rows = [{"other": [other, number][number % 2], "text": f"w{number}", "label": number % 2} for number in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    assert load_files(str(tmp_path / "a.jsonl")).classes == ["0", "1"]


def test_the_number_of_rows_is_said_when_data_are_prepared_and_not_again(tmp_path, capfd):
    settings = {"train": write(tmp_path / "a.csv", ROWS), "test": write(tmp_path / "b.csv", ROWS[:40])}
    for _ in range(2):
        prepare(load_files, settings, tmp_path / "cache")
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("data: ")]
    assert said == [f"data: read 140 rows of {tmp_path}/a.csv", f"data: read 40 rows of {tmp_path}/b.csv"]
