"""``predict`` as a command: from a reference and rows to answers, and every sentence for what it cannot answer."""

import csv
import io
import json
import sys

import pandas as pd
import pytest
from conftest import refused
from trained_runs import rows, trained, write_csv, write_json_lines

from harness.cli.answer_files import answer_file, as_text
from harness.cli.predict import beside, show

pytestmark = pytest.mark.usefixtures("threads_as_before")
OPTIONS = ("--hardware", "cpu")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """An output folder with runs of texts, of two columns, of tags, and of features; their folders by these names."""
    folder = tmp_path_factory.mktemp("runs")
    train = f"data.train={write_json_lines(folder / 'train.jsonl', rows(61))}"
    texts = ("data=files", train, "data.test=null")
    return {
        "output_dir": folder,
        "texts": trained(folder, *texts, "name=films"),
        "columns": trained(folder, *texts, "data.text=[title,text]", "name=columns"),
        "labels": trained(folder, *texts, "data.task=multilabel", "data.label=labels", "name=labels"),
        "tags": trained(folder, *texts, "data.tokens=words", "data.tags=tags", "data.max_length=4", "encoder=gru",
                        "encoder.hidden_size=5", "name=tags"),
        "digits": trained(folder, "data=digits", "data.limit=61", "input.size=null"),
    }  # fmt: skip


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_10_000_rows_of_a_csv_have_10_000_answers_in_order(runs, command, tmp_path):
    texts = [{"id": number, "text": "alpha alpha" if number % 3 else "zeta"} for number in range(10_000)]
    write_csv(tmp_path / "new.csv", texts, ["id", "text"])
    ended = command("predict", "best:films", "--file", "new.csv", "--out", "answers.csv", "--keep", "id",
                    "--output-dir", str(runs["output_dir"]), "--batch-size", "100", *OPTIONS)  # fmt: skip
    assert (ended.code, ended.out) == (0, "")
    found = read((tmp_path / "answers.csv").read_text())
    assert [int(row["id"]) for row in found] == list(range(10_000))
    assert [row["text"] for row in found] == [row["text"] for row in texts]
    answer = {row["text"]: row for row in found}
    assert answer["zeta"]["label"] == "no"
    assert answer["alpha alpha"]["label"] == "yes"
    for row in found:
        assert row["label"] == answer[row["text"]]["label"]
        assert float(row["probability_no"]) == pytest.approx(float(answer[row["text"]]["probability_no"]), abs=1e-6)
    assert found[0].keys() == {"text", "id", "label", "probability", "probability_no", "probability_yes"}
    said = ended.err.splitlines()
    assert said[0].startswith("best:films is ")
    assert said[1:-1] == ["data: read 10,000 rows of new.csv"]
    assert said[-1].startswith("predict: 10,000 rows answered by ")


def test_texts_of_the_command_are_answered_as_csv_where_the_output_is_no_terminal(runs, command):
    ended = command("predict", str(runs["texts"]), "--text", "alpha", "zeta, eta", "--text", "", *OPTIONS)
    assert ended.code == 0
    assert [row["text"] for row in read(ended.out)] == ["alpha", "zeta, eta", ""]
    assert [row["label"] for row in read(ended.out)][:2] == ["yes", "no"]


def test_lines_of_standard_input_are_texts(runs, command, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("alpha\n\nzeta\r\n"))
    ended = command("predict", str(runs["texts"]), *OPTIONS)
    assert [row["text"] for row in read(ended.out)] == ["alpha", "", "zeta"]


def test_lines_of_standard_input_are_words_of_a_run_that_tags(runs, command, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("alpha Beta zeta eta eta\nalpha\n"))
    ended = command("predict", str(runs["tags"]), "--file", "-", *OPTIONS)
    first, second = read(ended.out)
    assert first["tags"].split()[4] == "_"
    assert len(first["tags"].split()) == len(first["probabilities"].split()) == 5
    assert second["tags"] in ("T", "O")
    assert "1 row is longer than the model reads: its first 4 steps were read" in ended.err


def test_the_form_of_the_answers_follows_the_ending(runs, command, tmp_path):
    texts = [{"text": "alpha", "n": 1}, {"text": None, "n": 2}, {"text": "", "n": None}]
    write_json_lines(tmp_path / "new.jsonl", texts)
    for ending in ("csv", "jsonl", "parquet"):
        ended = command("predict", str(runs["texts"]), "--file", "new.jsonl", "--out", f"a.{ending}", "--keep", "n",
                        *OPTIONS)  # fmt: skip
        assert ended.code == 0
        assert "predict: 1 row is missing (null), with an empty answer" in ended.err
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == ["alpha", None, ""]
    assert [line["n"] for line in lines] == [1, 2, None]
    assert lines[0]["label"] == "yes"
    assert (lines[1]["label"], lines[1]["probability"]) == (None, None)
    assert pd.read_parquet(tmp_path / "a.parquet").astype(object).replace({float("nan"): None}).to_dict("records") == [
        pytest.approx(line) if line["label"] else line for line in lines
    ]
    in_csv = read((tmp_path / "a.csv").read_text())
    assert [row["label"] for row in in_csv] == [line["label"] or "" for line in lines]
    assert [row["text"] for row in in_csv] == ["alpha", "", ""]


def test_a_column_that_has_the_name_of_an_answer_is_given(runs, command, tmp_path):
    write_csv(tmp_path / "new.csv", [{"body": "alpha", "label": "no"}], ["body", "label"])
    ended = command("predict", str(runs["texts"]), "--file", "new.csv", "--column", "body", "--keep", "label", *OPTIONS)
    (row,) = read(ended.out)
    assert (row["body"], row["given_label"], row["label"]) == ("alpha", "no", "yes")


def test_no_two_columns_of_answers_have_one_name():
    columns = pd.DataFrame({"label": [1], "given_label": [2], "given_given_label": [3]})
    found = beside(columns, pd.DataFrame({"label": [4]}))
    assert found.to_dict("records") == [
        {"given_given_given_label": 1, "given_label": 2, "given_given_label": 3, "label": 4}
    ]


def test_several_labels_stand_in_a_csv_as_data_that_is_trained_on(runs, command):
    ended = command("predict", str(runs["labels"]), "--text", "alpha beta alpha beta", *OPTIONS)
    assert read(ended.out)[0]["labels"] == "alpha|beta"


def test_few_answers_are_a_table_on_a_terminal(runs, command, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ended = command("predict", str(runs["texts"]), "--text", "alpha", *OPTIONS)
    assert "│ alpha │ yes" in ended.out


@pytest.mark.parametrize(("columns", "shown"), [(61, True), (60, False)])
def test_a_terminal_shows_the_probability_of_each_class_where_no_word_breaks(monkeypatch, capsys, columns, shown):
    """The words at their widest: fine 4, positive 8, three times probability 11; 16 between the columns."""
    monkeypatch.setenv("COLUMNS", str(columns))
    of_classes = {"probability_negative": [0.25], "probability_positive": [0.75]}
    show([pd.DataFrame({"text": ["a fine film"], "label": ["positive"], "probability": [0.75], **of_classes})], " ")
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("probability") == (3 if shown else 2)
    assert ("negative" in said, "0.25" in said) == (shown, shown)
    assert ("not shown: the probability of each of 2 classes (--out FILE has them)" in said) != shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--text", "a", "--file", "b"), "predict takes --text or --file, not both"),
        (("--text", "a", "--keep", "id"), "--column and --keep name columns of a file; name it with --file"),
        (("--file", "-", "--column", "a"), "--column and --keep name columns of a file"),
        (("--text", "a", "--batch-size", "0"), "--batch-size is a number of rows, 1 or more, and is 0"),
        (("--text", "a", "--hardware", "none"), "there is no hardware=none; take one of auto, cpu,"),
        (("--text", "a", "--out", "a.txt"), "--out a.txt: let its name end in .csv, .jsonl, .parquet"),
        (("--text", "a", "--out", "no/a.csv"), "--out no/a.csv cannot be written (No such file or directory)"),
        (("--file", "no.csv"), "data: there is no file no.csv"),
        (("--file", "new.csv"), "data: new.csv has no column 'text'; it has body; set --column to one of them"),
        (("--file", "new.csv", "--column", "a"), "data: new.csv has no column 'a'; it has body; set --column to"),
        (("--file", "new.csv", "--column", "body", "--keep", "a"), "data: new.csv has no column 'a'; it has body; set"),
        (("--file", "new.csv", "--column", "a", "--column", "b"), "--column names 2 columns, and this run reads 1"),
        (("--file", "new.csv", "--out", "new.csv"), "--out new.csv is the file to answer; name another one"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(runs, command, tmp_path, arguments, said):
    write_csv(tmp_path / "new.csv", [{"body": "alpha"}], ["body"])
    ended = command("predict", str(runs["texts"]), *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[-1].startswith(said)


@pytest.mark.parametrize(
    ("run", "arguments", "said"),
    [
        ("columns", ("--text", "a"), "predict: this run reads several columns (title, text), which a text or a line"),
        ("digits", ("--text", "a"), "predict: this run reads series of numbers, which a text or a line cannot give"),
        ("digits", ("--file", "a.npz", "--keep", "id"), "--column and --keep are for tables with a row for each text"),
    ],
)
def test_rows_of_another_kind_are_refused(runs, command, run, arguments, said):
    ended = command("predict", str(runs[run]), *arguments)
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith(said)


def test_a_command_without_rows_does_not_wait_for_a_keyboard(runs, command, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    ended = command("predict", str(runs["texts"]))
    assert ended.code == 2
    assert ended.err.startswith("predict needs something to answer: --text TEXT, --file FILE, or lines on")


def test_many_rows_need_a_file_on_a_terminal(runs, command, tmp_path, monkeypatch):
    write_csv(tmp_path / "new.csv", [{"text": "alpha"}] * 51, ["text"])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ended = command("predict", str(runs["texts"]), "--file", "new.csv", *OPTIONS)
    assert ended.code == 2
    assert "51 rows are too many for the terminal; name a file for the answers: --out answers.csv" in ended.err


def test_standard_input_that_is_not_utf_8_is_said(runs, command, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), "utf8"))
    ended = command("predict", str(runs["texts"]), *OPTIONS)
    assert ended.code == 2
    assert "predict: standard input is not UTF-8" in ended.err


def test_an_interrupted_command_leaves_the_old_file(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("old")

    def interrupted():
        with answer_file(file, " ") as write:
            write(pd.DataFrame({"text": ["new"]}))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("value", "separator", "written"),
    [
        (0.1 + 0.2, " ", "0.3"), (1234567.25, " ", "1234567"), (7, " ", "7"), (None, " ", ""), (float("nan"), " ", ""),
        ("a b", " ", "a b"), (["a", "b"], "|", "a|b"), (["a", None], " ", "a _"),
        ([0.25, 1 / 3], " ", "0.25 0.3333333"), (["a b", "c"], " ", '["a b", "c"]'), ([], " ", ""),
    ],
)  # fmt: skip
def test_values_in_a_csv(value, separator, written):
    assert as_text(value, separator) == written


def test_a_column_of_several_types_has_no_place_in_parquet(tmp_path):
    def write():
        with answer_file(tmp_path / "a.parquet", " ") as rows:
            rows(pd.DataFrame({"id": [1, 2]}))
            rows(pd.DataFrame({"id": ["a"]}))

    assert "a column has values of several types" in refused(write)
    assert list(tmp_path.iterdir()) == []
