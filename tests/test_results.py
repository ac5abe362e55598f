"""The page of published results: what it shows of records built by hand."""

import sys

from conftest import REPOSITORY
from made_records import VERSIONS, made, over_seeds

sys.path.append(str(REPOSITORY / "tests" / "benchmarks"))

import results


def complete(record):
    """The record, with everything that the page shows beside the scores."""
    record.metrics |= {"speed/total_seconds": 90.0, "cost/parameters": 1234}
    record.environment.cores, record.environment.git = 2, {"commit": "0123456789abcdef"}
    return record


def lines_of(records, before=""):
    return results.page([complete(record) for record in records], before).splitlines()


def test_recipes_are_rows_with_the_mean_over_their_seeds():
    records = over_seeds("gru", [0.88, 0.90], name="imdb_gru", choices={"data": "imdb"})
    (row,) = (line for line in lines_of(records) if line.startswith("| imdb_gru "))
    assert row.split(" | ")[1:3] == ["2", "0.89 ±0.13"]
    assert row.endswith("| 2 | 1.5 |")


def test_probes_are_columns_and_a_changed_data_set_shows_its_newest_numbers():
    def on(data, accuracy, content, started):
        more = {"choices": {"data": data}, "data": {"hash": content}, "started": started}
        return over_seeds("lstm", [accuracy] * 3, name="probes", **more)

    records = [*on("parity", 0.5, "old", 1), *on("parity", 0.75, "new", 2), *on("dyck", 1.0, "same", 3)]
    lines = lines_of(records)
    (head,) = (line for line in lines if line.startswith("| encoder |"))
    (row,) = (line for line in lines if line.startswith("| lstm |"))
    shown = dict(zip(head.split(" | ")[1:], row.split(" | ")[1:], strict=True))
    assert {name.strip("| "): value.strip("| ") for name, value in shown.items()} == {"parity": "0.75", "dyck": "1"}


def test_earlier_settings_and_versions_are_left_out_and_counted():
    def on(data, accuracy, started, **more):
        return over_seeds("lstm", [accuracy] * 3, name="probes", choices={"data": data}, started=started, **more)

    later = {"environment": {"versions": {**VERSIONS, "torch": "2.14.0"}}}
    records = [
        *on("parity", 0.5, 1, config={"trainer.epochs": 2}), *on("parity", 0.75, 2, config={"trainer.epochs": 20}),
        *on("dyck", 0.25, 3), *on("dyck", 1.0, 4, **later), *over_seeds("gru", [0.5] * 2, name="probes",
        choices={"data": "dyck"}, started=2),
    ]  # fmt: skip
    lines = lines_of(records)
    assert [line for line in lines if line.startswith(("| lstm |", "| gru |"))] == ["| lstm | 0.75 | 1 |"]
    assert "Not shown: 8 runs with earlier data, versions or settings." in lines
    recipes = [
        *over_seeds("gru", [0.6, 0.6], name="imdb_gru", choices={"data": "imdb"}),
        *over_seeds("gru", [0.8, 0.8], name="imdb_gru", choices={"data": "imdb"}, started=1, **later),
        *over_seeds("lstm", [0.9, 0.9], name="imdb_bigrams", choices={"data": "imdb"}, started=1, **later),
    ]
    rows = [line.split(" | ")[:3] for line in lines_of(recipes) if line.startswith("| imdb_")]
    assert rows == [["| imdb_bigrams", "2", "0.9 -"], ["| imdb_gru", "2", "0.8 -"]]  # the better one first


def test_marks_are_escaped_and_sections_without_runs_are_named():
    text = "\n".join(lines_of([made(name="imdb_gru", choices={"data": "imdb"})]))
    assert "\\* best" in text
    assert text.count("Not run yet.") == len(results.SECTIONS) - 1


def test_a_section_without_runs_keeps_its_earlier_table():
    first = lines_of(over_seeds("gru", [0.88, 0.90], name="imdb_gru", choices={"data": "imdb"}))
    then = lines_of(over_seeds("rnn", [0.7, 0.8], name="ud_ewt_bilstm", choices={"data": "ud_ewt"}), "\n".join(first))
    (row,) = (line for line in first if line.startswith("| imdb_gru "))
    assert then.count(row) == 1
    assert any(line.startswith("| ud_ewt_bilstm ") for line in then)
    assert lines_of([], "\n".join(then)) == then
    assert then.count("Not run yet.") == 2  # of four sections


def test_the_published_page_has_the_sentences_of_the_script():
    text = results.PAGE.read_text(encoding="utf8")
    assert results.page([], text) == text, "run: python tests/benchmarks/results.py --page-only"


def test_every_command_names_its_runs_and_its_seeds():
    commands = [command for section in results.SECTIONS.values() for command in section.commands]
    assert len(commands) == 9
    for command in commands:
        assert command[0] == "-m"
        assert "seed=0,1,2" in command
        assert sum(word.startswith("name=") for word in command) == 1
