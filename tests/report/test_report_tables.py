"""The tables in files: CSV and Markdown."""

import csv
import io

import pytest
from made_records import LATENCY, TOKENS, made, sweep

from harness.analysis.comparison import compare
from harness.records.metrics import END_TO_END
from harness.report import tables


def test_csv_has_a_row_for_each_variant_and_metric():
    rows = list(csv.DictReader(io.StringIO(tables.csv_text(compare(sweep(), "x", "encoder=lstm")))))
    assert len(rows) == 6
    row = next(row for row in rows if (row["variant"], row["metric"]) == ("gru", LATENCY))
    assert (row["n"], row["unit"], row["direction"], row["rank"]) == ("3", "ms", "lower is better", "best")
    assert (float(row["mean"]), float(row["difference"])) == pytest.approx((1.1, -1.0))


def test_markdown_has_a_row_for_each_variant_the_best_first_and_takes_no_markup_from_names():
    text = tables.markdown(compare([*sweep(), made("a|b*c", accuracy=0.1)], "x"))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == ["| variant", "| lstm", "| gru", "| a\\|b\\*c"]
    assert "0.910 ±0.025 \\*" in rows[1]


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
