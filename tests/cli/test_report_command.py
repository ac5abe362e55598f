"""``python -m harness report``: its files, its exit codes, and what it says about records that it cannot read."""

import csv
import json
import re

import pytest
from made_records import LATENCY, TOKENS, made, over_seeds, sweep, write
from pages import Page

from harness.analysis.comparison import compare
from harness.cli import report
from harness.records.record import SCHEMA
from harness.report.notes import notes
from harness.runner import sweep_runs


def test_the_command_writes_the_files_and_prints_the_table(tmp_path, capsys):
    failed = made("rnn", accuracy=None, status="failed", reason="RuntimeError: boom")
    folder = write(tmp_path, [*sweep(), failed])
    assert report.main(["--output-dir", str(folder), "--name", "digits", "--baseline", "encoder=lstm"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"lstm\s+3\s+0\.910 ±0\.016 \*", shown)
    assert "accuracy, gru: 0.400 worse than lstm" in shown
    assert "failed rnn/seed=0: RuntimeError: boom" in shown
    assert max(len(line) for line in shown.splitlines() if "±" in line) <= 120
    files = sorted(path.name for path in (folder / "reports" / "digits").iterdir())
    assert files == ["report.csv", "report.html", "report.md", "runs.csv"]


def test_all_numbers_of_each_run_come_after_the_table(tmp_path, capsys):
    chance = {"chance": {"test/accuracy": 0.125}}
    finished = [made(name, metrics={"latency/p95_ms": 3.25}, data=chance) for name in ("lstm", "gru")]
    folder = write(tmp_path, [*finished, made("rnn", accuracy=None, status="failed")])
    assert report.main(["--output-dir", str(folder)]) == 0
    assert "p95" not in capsys.readouterr().out
    assert report.main(["--output-dir", str(folder), "--all"]) == 0
    table, *runs = capsys.readouterr().out.split("digits: ")[-3:]
    assert "report.html" in table
    assert sorted(run.partition("/")[0] for run in runs) == ["gru", "lstm"]
    for run in runs:
        assert re.search(r"latency/p95_ms +3.25 ms ", run)
        assert re.search(r"level of chance +0.125 ", run)
        assert "folder  " in run


def test_requirements_and_a_margin_change_the_answer_and_say_what_they_exclude(tmp_path, capsys):
    """gru is 0.4 points behind lstm, which noise explains, and faster; rnn is far behind and the fastest."""
    records = []
    for name, accuracy, latency in (("lstm", 0.91, 2.1), ("gru", 0.906, 1.1), ("rnn", 0.5, 0.5)):
        metrics = {LATENCY: [latency] * 3}
        records += over_seeds(name, [accuracy - 0.004, accuracy, accuracy + 0.004], metrics=metrics)
    write(tmp_path, records)

    def shown(*options):
        assert report.main(["--output-dir", str(tmp_path), *options]) == 0
        return " ".join(capsys.readouterr().out.split())

    assert "Take gru: it has the lowest latency p50, 1.1 ms, of the 2 that are best or as good within 3 points of " in (
        shown("--margin", "0.03")
    )
    assert "Take lstm: accuracy 0.910" in shown("--margin", "0.005")
    required = shown("--require", "p50_ms<2", "--require", "accuracy>0.6")
    assert "Take gru: no other variant meets latency/p50_ms<2 and test/accuracy>0.6; accuracy 0.906" in required
    assert (
        "Excluded by their means, which must meet latency/p50_ms<2 and test/accuracy>0.6: lstm (latency/p50_ms 2.1 ms)"
        ", rnn (test/accuracy 0.5)."
    ) in required
    nobody = "No variant meets latency/p50_ms<0.4: the nearest is rnn with 0.5 ms."
    assert nobody in shown("--require", "p50_ms<0.4")
    assert nobody in Page((tmp_path / "reports" / "digits" / "report.html").read_text(encoding="utf8")).shown()


def test_folders_of_records_may_be_named_and_may_lie_in_one_another(tmp_path, capsys):
    folder = write(tmp_path, sweep())
    named = [str(folder), str(folder / "runs")]
    assert report.main([*named, "--output-dir", str(tmp_path / "elsewhere")]) == 0
    assert "repeated" not in capsys.readouterr().out
    assert (tmp_path / "elsewhere" / "reports" / "digits" / "report.html").exists()


def test_a_target_is_answered_from_the_histories_of_finished_runs(tmp_path, capsys):
    records = sweep()
    for number, record in enumerate(records):
        record.history = [
            {"epoch": epoch, "val/accuracy": score, "speed/training_seconds": (number + 1) * epoch}
            for epoch, score in enumerate([0.5, 0.7], 1)
        ]
    folder = write(tmp_path, records)
    assert report.main(["--output-dir", str(folder), "--target", "0.6"]) == 0
    assert "val/accuracy reached the target, 0.6, in all runs of" in " ".join(capsys.readouterr().out.split())
    with (folder / "reports" / "digits" / "report.csv").open(encoding="utf8") as file:
        means = {row["variant"]: row["mean"] for row in csv.DictReader(file) if row["metric"].endswith("_to_accuracy")}
    assert means == {"lstm": "4.0", "gru": "10.0"}  # twice the means of 1, 2, 3 and of 4, 5, 6
    assert report.main(["--output-dir", str(folder)]) == 0
    assert "the target" not in capsys.readouterr().out
    assert report.main(["--output-dir", str(folder), "--target", "60"]) == 2
    assert "target=60 is no value of val/accuracy, which is from 0 to 1" in capsys.readouterr().err


WHOLE = json.dumps(made("rnn").to_json()).encode()
UNREADABLE = {
    "empty": b"",
    "cut": WHOLE[: len(WHOLE) // 2],
    "not UTF-8": b'{"label": "\xff"}',
    "another list": b"[]",
    "another object": json.dumps({"schema": SCHEMA, "loss": 1.0}).encode(),
    "of schema 1": json.dumps({**made("rnn").to_json(), "schema": 1}).encode(),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_record_that_cannot_be_read_is_a_note_of_the_report_with_its_path(tmp_path, capsys, content):
    folder = write(tmp_path, sweep())
    file = folder / "runs" / "damaged" / "record.json"
    file.parent.mkdir()
    file.write_bytes(content)
    assert report.main(["--output-dir", str(folder)]) == 0
    printed = capsys.readouterr()
    assert f"left out: {file} " in printed.err
    assert f"note Left out: {file} " in " ".join(printed.out.split())
    reports = folder / "reports" / "digits"
    markdown = (reports / "report.md").read_text(encoding="utf8").replace("\\", "")
    assert f"- Left out: {file} " in markdown.partition("## Notes\n")[2]
    assert f"Left out: {file} " in Page((reports / "report.html").read_text(encoding="utf8")).shown()
    assert len(list(csv.DictReader((reports / "report.csv").open(encoding="utf8")))) == 6  # the sweep and no more


def test_of_a_record_of_another_schema_the_report_says_so(tmp_path, capsys):
    folder = write(tmp_path, sweep())
    (folder / "runs" / "0" / "record.json").write_bytes(UNREADABLE["of schema 1"])
    report.main(["--output-dir", str(folder)])
    assert f"has schema 1, and this version reads schema {SCHEMA}" in " ".join(capsys.readouterr().out.split())


def test_the_notes_name_ten_unreadable_files_and_count_the_rest():
    reasons = [f"runs/{number}/record.json is not a record (empty)" for number in range(12)]
    sentences = notes(compare(sweep(), "x", left_out=reasons))
    assert sentences[:10] == [f"Left out: {reason}." for reason in reasons[:10]]
    assert sentences[10] == "Left out: 2 more files that are not readable records; the command names each of them."


def test_with_unreadable_records_only_the_error_says_that_none_can_be_read(tmp_path, capsys):
    folder = tmp_path / "runs" / "damaged"
    folder.mkdir(parents=True)
    (folder / "record.json").write_bytes(b"")
    assert report.main(["--output-dir", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"left out: {folder / 'record.json'} ")
    assert lines[1].startswith("there is no record that can be read below ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "imdb"], "has the name imdb; there are: digits"),
        (["--name", "digit"], "has the name digit; did you mean digits? There are: digits"),
        (["--sweep", "s1"], "has the sweep s1; there is none"),
        (["--baseline", "encoder=none"], "describes none of the variants"),
        (["--gate", "none.json"], "there is no baseline none.json"),
        (["--only", "quality"], "--only and --allow-new say what --gate judges; give it too"),
        (["--allow-new"], "--only and --allow-new say what --gate judges; give it too"),
        (["nowhere"], "there is no folder nowhere"),
        (["--require", "latency/p50_ms<5", "parameters<9"], "there is no folder parameters<9; each requirement needs a "
         "--require of its own: --require 'parameters<9'"),
        (["--margin", "1"], "--margin must be above 0 and below 1, and is 1; 0.01 is one point of accuracy"),
        (["--require", "p50_ms"], "'p50_ms' is no requirement; write a metric, one of < <= > >=, and a number"),
        (["--require", "p50ms<5"], "'p50ms<5' requires something of p50ms, which is no metric; did you mean "),
    ],
)
def test_user_errors_are_one_sentence(tmp_path, capsys, arguments, message):
    write(tmp_path, sweep())
    assert report.main(["--output-dir", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_runs_of_a_sweep_are_also_those_that_were_finished_before_it(tmp_path):
    lstm, gru = sweep()[:3], sweep()[3:]
    for record in lstm + gru:
        record.sweep = "s1"
    write(tmp_path, [*lstm, *gru, *over_seeds("rnn", [0.7, 0.71, 0.72], sweep="s2")])
    folder = tmp_path / "sweeps" / "s2"
    folder.mkdir(parents=True)

    def compared():
        assert report.main(["--output-dir", str(tmp_path), "--sweep", "s2"]) == 0
        with (tmp_path / "reports" / "digits" / "s2" / "runs.csv").open() as file:
            return [(row["variant"], row["seed"]) for row in csv.DictReader(file)]

    rnn = [("rnn", "0"), ("rnn", "1"), ("rnn", "2")]
    assert compared() == rnn
    for one in lstm[:2]:  # by two commands
        sweep_runs.keep(folder, [one])
    assert compared() == [("lstm", "0"), ("lstm", "1"), *rnn]
    (folder / "runs.json").write_text("[")
    assert compared() == rnn


def test_the_finished_runs_of_a_sweep_are_also_those_to_which_only_an_earlier_command_came(tmp_path):
    lstm, gru = sweep()[:3], sweep()[3:]
    gru[1].status = lstm[1].status = "failed"
    for number, record in enumerate([*lstm, *gru]):
        record.run_dir = f"runs/{number}"
    write(tmp_path, [*lstm, *gru])
    folder = tmp_path / "sweeps" / "s2"
    folder.mkdir(parents=True)
    assert sweep_runs.count_finished(folder, tmp_path, lstm) == 2
    sweep_runs.keep(folder, [*lstm, *gru])
    assert sweep_runs.count_finished(folder, tmp_path, lstm) == 4
    assert sweep_runs.count_finished(folder, tmp_path, []) == 4
    (gru[0].folder / "record.json").unlink()
    assert sweep_runs.count_finished(folder, tmp_path, []) == 3


def test_the_gate_passes_its_own_baseline_and_fails_what_got_worse(tmp_path, capsys):
    file = str(tmp_path / "baseline.json")
    assert report.main(["--output-dir", str(write(tmp_path / "one", sweep())), "--write-baseline", file]) == 0
    assert "baseline of 2 variants written" in capsys.readouterr().out
    assert report.main(["--output-dir", str(tmp_path / "one"), "--gate", file]) == 0
    worse = sweep()
    for record in worse:
        record.metrics[TOKENS] /= 3
    assert report.main(["--output-dir", str(write(tmp_path / "two", worse)), "--gate", file]) == 1
    assert "gate failed" in capsys.readouterr().out
    quality = ["--gate", file, "--only", "quality"]
    assert report.main(["--output-dir", str(tmp_path / "two"), *quality]) == 0
    more = [*sweep(), *over_seeds("rnn", [0.9, 0.9, 0.9])]
    assert report.main(["--output-dir", str(write(tmp_path / "more", more)), *quality]) == 1
    assert "\nnew: rnn: not in the baseline (digits: rnn (" in capsys.readouterr().out
    assert report.main(["--output-dir", str(tmp_path / "more"), *quality, "--allow-new"]) == 0
    assert report.main(["--output-dir", str(tmp_path / "more"), "--name", "other", *quality]) == 2
