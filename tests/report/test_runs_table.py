"""``runs.csv``: one row a run, and every digit."""

import csv
import io
from pathlib import Path

import pytest
from made_records import LATENCY, made, over_seeds

from harness.analysis.comparison import compare
from harness.report.build import compare as build
from harness.report.runs_table import COLUMNS, at_slashes, csv_text

THIRD, SUM = 1 / 3, 0.1 + 0.2  # 0.3333333333333333, 0.30000000000000004


def test_a_report_has_a_file_with_a_row_for_each_run_the_best_variant_first_and_every_digit(tmp_path):
    lstm = over_seeds("lstm", [THIRD, SUM], metrics={LATENCY: [1e-07, 12345678.9]})
    failed = made("gru", 3, None, status="failed", metrics={"odd/number": 7}, ended=None, label="gru/seed=3/x=1,2")
    gru = made("gru", 1, 0.25)
    for run in (*lstm, gru, failed):
        run.folder = tmp_path / run.run_dir
    files = build([failed, gru, *lstm], tmp_path, "x").files
    assert [file.name for file in files] == ["report.md", "report.csv", "runs.csv", "report.html"]
    start = "2026-01-01T00:00:00.000+00:00"

    def row(run, variant, *rest):
        return ["digits", variant, run.label, str(run.seed), run.status, run.run_dir, start, *rest]

    with files[2].open(encoding="utf8", newline="") as file:
        assert list(csv.reader(file)) == [
            [*COLUMNS, "test/accuracy", LATENCY, "odd/number"],
            row(lstm[0], "lstm", start, "0.3333333333333333", "1e-07", ""),
            row(lstm[1], "lstm", start, "0.30000000000000004", "12345678.9", ""),
            row(gru, "gru", start, "0.25", "", ""),
            row(failed, "gru", "", "", "", "7"),
        ]


def test_the_folder_of_a_run_elsewhere_is_whole(tmp_path):
    here, elsewhere = made("lstm", folder=tmp_path / "out" / "runs" / "a"), made("gru", folder=tmp_path / "b")
    rows = csv.DictReader(io.StringIO(csv_text(compare([here, elsewhere], "x"), tmp_path / "out")))
    assert {row["variant"]: Path(row["folder"]) for row in rows} == {
        "lstm": Path("runs", "a"), "gru": tmp_path / "b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("gru/seed=0", ["gru/seed=0"]),
        ("bag_of_embeddings/seed=0/optimizer.lr=0.005", ["bag_of_embeddings/seed=0/", "optimizer.lr=0.005"]),
        ("gru/seed=0/data.text=review (skipped)", ["gru/seed=0/data.text=review", "(skipped)"]),
        ("a_name_that_is_longer_than_any_line/seed=0", ["a_name_that_is_longer_than_any_line/", "seed=0"]),
    ],
)
def test_a_line_of_a_label_ends_behind_a_slash_or_a_blank(label, lines):
    assert at_slashes(label, 32).split("\n") == lines
