"""``harness.compare``: the report's numbers, recommendation and tables, as Python has them."""

import csv
import math
import re

import pytest
from conftest import refused
from made_records import LATENCY, made, over_seeds, sweep, write

import harness
from harness.cli import report

LSTM = [0.90, 0.92, 0.91]


def reported(folder, capsys, *options):
    """What ``python -m harness report`` prints, without the paths of its files."""
    assert report.main(["--output-dir", str(folder), *options]) == 0
    return re.sub(r"^report  .*\n", "", capsys.readouterr().out, flags=re.MULTILINE)


def three(*accuracies, latencies=(2.1, 1.1, 0.5)):
    """Three encoders over three seeds each, of these accuracies and latencies."""
    named = zip(("lstm", "gru", "rnn"), accuracies, latencies, strict=True)
    return [
        record
        for name, accuracy, latency in named
        for record in over_seeds(
            name, [accuracy - 0.004, accuracy, accuracy + 0.004], metrics={LATENCY: [latency] * 3}
        )
    ]


def test_the_table_has_the_numbers_of_the_csv_file(tmp_path, capsys):
    records = [*sweep(), made("rnn", accuracy=None, status="failed", reason="boom")]
    folder = write(tmp_path, records)
    reported(folder, capsys)
    table = harness.compare(folder).to_pandas()
    assert table[["name", "group", "seeds", "failed", "verdict"]].values.tolist()[:2] == [
        ["lstm", "digits", 3, 0, "best"], ["gru", "digits", 3, 0, "worse"],
    ]  # fmt: skip
    assert table.loc[2, ["name", "seeds", "failed"]].tolist() == ["rnn", 0, 1]
    assert table.loc[2, "test/accuracy"] != table.loc[2, "test/accuracy"]  # missing
    rows = list(csv.DictReader((folder / "reports" / "digits" / "report.csv").open(encoding="utf8")))
    assert len(rows) == 6
    for row in rows:
        own = table[table["name"] == row["variant"]].iloc[0]
        assert own["hardware"] == row["hardware"]
        named = {"": "mean", "/low": "low_over_seeds", "/high": "high_over_seeds"}
        numbers = {end: own.get(row["metric"] + end, math.nan) for end in named}
        assert {end: "" if math.isnan(number) else str(number) for end, number in numbers.items()} == {
            end: row[column] for end, column in named.items()
        }
        assert own[f"{row['metric']}/verdict"] == row["verdict"]


CASES = {
    "the best": (three(0.91, 0.7, 0.5), {}, "lstm"),
    "the faster of two that are as good": (three(0.91, 0.906, 0.5), {"margin": 0.03}, "gru"),
    "the only one that is fast enough": (three(0.91, 0.7, 0.5), {"require": "latency/p50_ms<1"}, "rnn"),
    "the best of those that are fast enough": (three(0.91, 0.7, 0.5), {"require": ["latency/p50_ms<2"]}, "gru"),
    "none is fast enough": (three(0.91, 0.7, 0.5), {"require": "latency/p50_ms<0.1"}, None),
    "one seed": ([record for record in sweep() if record.seed == 0], {}, None),
    "one variant": (over_seeds("lstm", LSTM), {}, None),
    "all failed": ([made("rnn", accuracy=None, status="failed", reason="boom")], {}, None),
}


@pytest.mark.parametrize(("records", "asked", "best"), CASES.values(), ids=CASES)
def test_the_best_is_what_the_report_tells_to_take(tmp_path, capsys, records, asked, best):
    folder = write(tmp_path, records)
    require = [asked["require"]] if isinstance(asked.get("require"), str) else asked.get("require", [])
    options = [word for one in require for word in ("--require", one)]
    options += ["--margin", str(asked["margin"])] if "margin" in asked else []
    taken = re.search(r"Take (\w+):", " ".join(reported(folder, capsys, *options).split()))
    compared = harness.compare(folder, **asked)
    assert (compared.best.name if compared.best else None) == (taken[1] if taken else None) == best
    if best:
        assert [(record.choices["encoder"], record.seed) for record in compared.best.records] == [
            (best, 0), (best, 1), (best, 2),
        ]  # fmt: skip
        assert compared.answer.startswith(f"Take {best}:")


def test_of_the_best_the_record_is_the_best_on_validation_whatever_test_says():
    records = sweep()
    for record, score in zip(records, [0.7, 0.8, 0.6, 0.1, 0.1, 0.1], strict=True):
        record.metrics["val/accuracy"] = score
    best = harness.compare(records).best
    assert [run.metrics["test/accuracy"] for run in best.records] == LSTM
    assert (best.record.seed, best.record.metrics["val/accuracy"]) == (1, 0.8)
    for record in records:
        record.config["trainer"]["monitor"] = "val/loss"
        record.metrics["val/loss"] = 3.0 - record.seed
    assert harness.compare(records).best.record.seed == 2


def test_two_data_sets_have_two_answers_and_no_best():
    other = [*over_seeds("lstm", [0.5, 0.52, 0.51], data={"hash": "b"}, choices={"data": "imdb"})]
    other += over_seeds("gru", LSTM, data={"hash": "b"}, choices={"data": "imdb"})
    compared = harness.compare([*sweep(), *other])
    assert [(one.group, one.name) for one in compared.recommended] == [("digits", "lstm"), ("imdb", "gru")]
    with pytest.raises(harness.UserError, match=r"for each of: digits; imdb; \.recommended lists all of them"):
        _ = compared.best
    assert len(compared.answer.splitlines()) == 2


def test_it_shows_what_the_report_prints(tmp_path, capsys):
    folder = write(tmp_path, sweep())
    printed = reported(folder, capsys, "--baseline", "encoder=lstm")
    harness.compare(folder, baseline="encoder=lstm").show()
    assert capsys.readouterr().out == printed
    assert "accuracy, gru: 0.400 worse than lstm" in printed


def test_records_and_folders_may_be_mixed_and_each_run_counts_once(tmp_path):
    records = sweep()
    folder = write(tmp_path, records)
    copies = folder / "mlartifacts" / "1"
    write(copies, sweep())  # copies of the same records, as MLflow keeps them
    folders = [record.folder for record in records[:3]]
    assert harness.compare(folder).analysis.runs == 6
    assert harness.compare([*folders, *records[2:]]).analysis.runs == 6
    table = harness.records(folder)
    selected = harness.compare(table[table.encoder == "gru"].folder)
    assert [(variant.name, len(variant.runs)) for variant in selected.analysis.variants] == [("gru", 3)]
    compared = harness.compare(map(str, folders))
    assert [variant.name for variant in compared.analysis.variants] == ["lstm"]
    assert repr(harness.compare(folders[:1])).startswith("<Comparison of 1 variant, 1 finished run>\n")
    assert repr(harness.compare(folder)).startswith("<Comparison of 2 variants, 6 finished runs>\n")
    assert repr(compared).startswith("<Comparison of 1 variant, 3 finished runs>\nOne variant only: lstm, accuracy")


def test_a_name_selects_an_experiment():
    records = [*sweep(), made("rnn", accuracy=0.99, name="other")]
    assert {run.name for one in harness.compare(records, name="digits").analysis.variants for run in one.runs} == {
        "digits"
    }
    assert refused(harness.compare, records, name="imdb") == "no record has the name imdb; there are: digits, other"


def test_what_is_asked_reaches_the_comparison():
    compared = harness.compare(sweep(), alpha=0.2, cost="memory").analysis
    assert [group.cost for group in compared.groups] == ["memory"]
    close = over_seeds("lstm", [0.900, 0.905, 0.910]) + over_seeds("gru", [0.890, 0.895, 0.900])
    strict, lax = (harness.compare(close, margin=0.001, alpha=alpha).to_pandas() for alpha in (0.001, 0.4))
    assert (strict["verdict"].tolist(), lax["verdict"].tolist()) == (["best", "open"], ["best", "worse"])


@pytest.mark.parametrize(
    ("records", "asked", "sentence"),
    [
        ("nowhere", {}, "there is no folder nowhere; run something first, or name the folder of the records"),
        (["."], {}, "there is no record below .; run something first, or name the folder of the records"),
        ([], {}, "there is no record to compare; give records of harness.run, or a folder of records"),
        ([{"a": 1}], {}, "harness.compare takes records and folders, and not a dict"),
        (sweep(), {"margin": 1}, "margin must be above 0 and below 1, and is 1; 0.01 is one point of accuracy"),
        (sweep(), {"alpha": 5}, "alpha must be from 0.001 to 0.4, and is 5; 0.05 is usual"),
        (sweep(), {"cost": "money"}, "cost must be one of latency, throughput, memory, parameters, and is money"),
        (sweep(), {"require": "latency"}, "'latency' is no requirement; write a metric, one of < <= > >=, and a number,"
         " such as latency/p50_ms<5"),
        (sweep(), {"baseline": "encoder=cnn"}, "the baseline encoder=cnn describes none of the variants; the variants "
         "are:\n  lstm\n  gru"),
        (sweep(), {"target": 60}, "target=60 is no value of val/accuracy, which is from 0 to 1; give a number in its "
         "unit"),
    ],
)  # fmt: skip
def test_what_the_user_must_fix_is_one_sentence(tmp_path, monkeypatch, records, asked, sentence):
    monkeypatch.chdir(tmp_path)
    assert refused(harness.compare, records, **asked) == sentence
