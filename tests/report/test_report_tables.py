"""The tables in files: CSV and Markdown."""

import csv
import io

import pytest
from made_records import LATENCY, TOKENS, made, over_seeds, sweep
from pages import Page
from planted import BEST, few, group_of, undecided, with_items, worse

from harness.analysis.comparison import Comparison, compare
from harness.config.requirement import parse
from harness.records.metrics import END_TO_END
from harness.report import tables
from harness.report.html import html
from harness.report.terminal import print_comparison, print_runs
from harness.report.text import PAIRED


def test_csv_has_a_row_for_each_variant_and_metric():
    rows = list(csv.DictReader(io.StringIO(tables.csv_text(compare(sweep(), "x", "encoder=lstm")))))
    assert len(rows) == 6
    row = next(row for row in rows if (row["variant"], row["metric"]) == ("gru", LATENCY))
    assert (row["n"], row["unit"], row["direction"], row["verdict"]) == ("3", "ms", "lower is better", "best")
    assert (float(row["mean"]), float(row["difference"])) == pytest.approx((1.1, -1.0))


def test_csv_has_the_verdict_in_columns_and_both_intervals():
    records = [record for name in ("lstm", "gru", "rnn") for record in over_seeds(name, [0.90, 0.91, 0.92])]
    group = group_of(records, {"lstm": BEST, "gru": undecided(0.005, 0.013, 7), "rnn": few("two seeds")})
    with_items(group, "test/accuracy", 0.095)
    text = tables.csv_text(Comparison("x", [group], None, 0, [], [], [], []))
    rows = {row["variant"]: row for row in csv.DictReader(io.StringIO(text))}
    keys = ("verdict", "behind", "at_most", "seeds_needed", "why_no_verdict")
    assert {name: tuple(row[key] for key in keys) for name, row in rows.items()} == {
        "lstm": ("best", "0.0", "0.0", "", ""), "gru": ("open", "0.005", "0.013", "7", ""),
        "rnn": ("few seeds", "", "", "", "two seeds"),
    }  # fmt: skip
    ends = ("low_over_seeds", "high_over_seeds", "low_over_items", "high_over_items")
    half = 4.302653 * 0.01 / 3**0.5
    expected = [0.91 - half, 0.91 + half, 0.815, 1.0]  # cut at 1
    assert [float(rows["lstm"][end]) for end in ends] == pytest.approx(expected)


def test_csv_says_the_margin_what_was_required_and_who_is_excluded_or_busy():
    busy = {"environment": {"other_processes_cpu_share": 0.9}}
    made = sweep() + over_seeds("rnn", [0.7, 0.71, 0.72], metrics={LATENCY: [1.0, 1.1, 1.2]}, **busy)
    text = tables.csv_text(compare(made, "x", margin=0.02, requirements=[parse("accuracy>0.6")]))
    rows = {(row["variant"], row["metric"]): row for row in csv.DictReader(io.StringIO(text))}
    assert {row["required"] for row in rows.values()} == {"test/accuracy>0.6"}
    keys = ("verdict", "why_no_verdict", "margin")
    found = {key: tuple(row[one] for one in keys) for key, row in rows.items()}
    assert found["lstm", "test/accuracy"] == ("best", "", "0.02")
    assert found["gru", "test/accuracy"] == found["gru", LATENCY] == ("excluded", "test/accuracy 0.51", "")
    assert found["rnn", LATENCY] == ("busy", "other processes used up to 90% of the processor in 3 of 3 runs", "")
    assert {row["required"] for row in csv.DictReader(io.StringIO(tables.csv_text(compare(made, "x"))))} == {""}


def test_every_format_says_the_margin_and_the_requirements_that_all_meet(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    compared = compare(sweep(), "x", margin=0.02, requirements=[parse("accuracy>0.5")])
    sentence = (
        "Margin: 2 points of accuracy; a variant that is not worse, and is shown to be less than this behind the best, "
        "is equally good. Required: test/accuracy>0.5, met by the means of 2 of 2 variants."
    )
    assert sentence.replace(">", "\\>") in tables.markdown(compared)
    assert sentence in Page(html(compared)).shown()
    print_comparison(compared)
    assert sentence in " ".join(capsys.readouterr().out.split())


def test_every_format_says_why_a_verdict_may_show_what_a_difference_to_the_baseline_does_not(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    compared = compare(sweep(), "x", "encoder=lstm")
    assert PAIRED in tables.markdown(compared)
    assert PAIRED in Page(html(compared)).shown()
    print_comparison(compared)
    assert PAIRED in " ".join(capsys.readouterr().out.split())
    assert PAIRED not in tables.markdown(compare(sweep(), "x"))


def test_markdown_has_the_verdict_in_words_and_the_sentence_above_the_table():
    standings = {"lstm": BEST, "gru": undecided(0.005, 0.013, 7), "rnn": worse(0.4, 0.41), "cnn": few("two seeds")}
    records = [record for name in standings for record in over_seeds(name, [0.90, 0.91, 0.92])]
    group = group_of(records, standings)
    lines = tables.markdown(Comparison("x", [group], None, 0, [], [], [], [])).splitlines()
    first_row = next(place for place, line in enumerate(lines) if line.startswith("| variant"))
    assert lines.index("With 95 % confidence the best of the 3 with enough seeds is among: lstm, gru.") < first_row
    rows = {line.split(" | ")[0].strip("| "): line for line in lines if line.startswith("| ")}
    assert rows["variant"] == "| variant | seeds | accuracy | verdict in accuracy |"
    words = "undecided: 0.5 points behind, at most 1.3; about 7 seeds each would decide"
    assert rows["gru"] == f"| gru | 3 | 0.910 ±0.025 ? | {words} |"
    assert rows["rnn"] == "| rnn | 3 | 0.910 ±0.025 | worse: 40 points behind the best, at most 41 |"
    assert rows["cnn"] == "| cnn | 3 | 0.910 ±0.025 - | no verdict: two seeds |"
    with_items(group, "test/accuracy", 0.0042)
    text = tables.markdown(Comparison("x", [group], None, 0, [], [], [], []))
    assert "| variant | seeds | accuracy ±seeds ±items | verdict in accuracy |\n" in text
    assert "| gru | 3 | 0.910 ±0.025 ±0.0042 ? |" in text


def test_the_score_on_validation_stands_beside_that_on_test_in_every_table(capsys):
    lstm = made("lstm", 0, 0.9, metrics={"val/accuracy": 0.7, "val/loss": 1.5, TOKENS: 5.0})
    gru = made("gru", 0, 0.8, metrics={"val/accuracy": 0.75, "val/loss": 0.5, TOKENS: 6.0})
    compared = compare([lstm, gru], "x")
    head, _, *rows = [line.split(" | ") for line in tables.markdown(compared).splitlines() if line.startswith("|")]
    assert head[2:5] == ["accuracy", "val accuracy", "train tokens/s"]
    assert [[cell.split()[0] for cell in row[2:5]] for row in rows] == [["0.9", "0.7", "5"], ["0.8", "0.75", "6"]]
    print_comparison(compared)
    print_runs([lstm, gru])
    lines = [[word for word in line.split() if word != "-"] for line in capsys.readouterr().out.splitlines()]
    numbers = [line[2:] for line in lines if line[:2] in (["lstm", "1"], ["gru", "1"])]
    assert ["variant", "seeds", "accuracy", "val", "accuracy", "train", "tokens/s"] in lines
    assert numbers == [["0.9", "0.7", "5"], ["0.8", "0.75", "6"]]
    assert ["run", "accuracy", "val", "accuracy", "train", "tokens/s"] in lines
    assert ["lstm/seed=0", "0.9", "0.7", "5", "1/s"] in lines
    page = Page(html(compared))
    heads = [data for tag, data in page.texts if tag == "button"]
    assert heads[:6] == ["variant", "seeds", "accuracy", "val accuracy", "verdict in accuracy", "train tokens/s"]
    assert [a["data-value"] for tag, a in page.attributes if "data-value" in a][1:5] == ["0.9", "0.7", "1", "5.0"]


def test_markdown_has_a_row_for_each_variant_the_best_first_and_takes_no_markup_from_names():
    text = tables.markdown(compare([*sweep(), made("a|b*c", accuracy=0.1)], "x"))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == ["| variant", "| lstm", "| gru", "| a\\|b\\*c"]
    assert "| 0.910 ±0.016 \\* |" in rows[1]


def test_the_end_to_end_speed_has_a_column_only_where_it_says_more_than_the_speed_of_the_steps():
    gpu = {"accelerator": "gpu", "devices": 1, "nodes": 1, "precision": "32", "threads": 2, "device_names": ["H100"]}
    speeds = {TOKENS: 10.0, END_TO_END: 9.0}
    on_cpu = made("lstm", metrics=speeds)
    on_gpu = made("gru", metrics=speeds, environment={"hardware": gpu})
    waited = made("rnn", metrics={TOKENS: 10.0, END_TO_END: 8.9})
    together = ([on_cpu], [on_gpu], [on_cpu, on_gpu], [on_cpu, waited])
    shown = [tables.columns(compare(records, "x").groups[0]) for records in together]
    assert [END_TO_END in columns for columns in shown] == [False, True, True, True]
    assert all(TOKENS in columns for columns in shown)
    assert END_TO_END in tables.csv_text(compare([on_cpu], "x"))
