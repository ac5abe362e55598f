"""Seconds until validation reached a target: from histories, at one target for all, never of the lucky runs alone."""

import pytest
from conftest import QUICK, refused
from made_records import made
from pages import Page
from rich.console import Console

from harness.analysis.comparison import compare
from harness.analysis.targets import at, at_one_target, check, seconds_to
from harness.config.compose import compose as composed
from harness.records.metrics import SECONDS_TO_TARGET, TRAINING_SECONDS
from harness.report import tables
from harness.report.html import html
from harness.report.notes import notes
from harness.report.terminal import print_comparison
from harness.tasks.task import Classification, Regression

TASK = Classification(["a", "b"])


def curve(*scores, metric="val/accuracy", seconds=2.5):
    return [
        {"epoch": epoch, metric: score, TRAINING_SECONDS: seconds * epoch} for epoch, score in enumerate(scores, 1)
    ]


def run(*scores, target=None, metric="val/accuracy", encoder="lstm", config=None, seconds=2.5, **more):
    settings = {"trainer.monitor": metric, "measure.target": target, **(config or {})}
    record = made(encoder, config=settings, history=curve(*scores, metric=metric, seconds=seconds), **more)
    return at(record, None) if target is None else at(at(record, None), target)


def test_the_seconds_are_those_of_the_first_epoch_that_is_as_good_as_the_target():
    accuracies = curve(0.5, 0.7, 0.6, 0.9)
    seconds = [seconds_to(accuracies, "val/accuracy", target) for target in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.91)]
    assert seconds == [2.5, 2.5, 5.0, 5.0, 10.0, 10.0, None]
    losses = curve(3.0, 1.0, 2.0, 0.5, metric="val/loss")
    seconds = [seconds_to(losses, "val/loss", target) for target in (4.0, 2.0, 1.0, 0.75, 0.5, 0.25)]
    assert seconds == [2.5, 5.0, 5.0, 10.0, 10.0, None]


def test_a_history_without_seconds_or_without_the_metric_gives_none():
    assert seconds_to([{"epoch": 1, "val/accuracy": 0.9}], "val/accuracy", 0.5) is None
    assert seconds_to(curve(0.1), "val/accuracy", 0.5) is None
    assert seconds_to([], "val/accuracy", 0.5) is None


def test_another_target_over_a_finished_run_changes_the_number_and_not_the_record():
    record = run(0.5, 0.7, target=0.5)
    assert record.metrics[SECONDS_TO_TARGET] == 2.5
    assert at(record, 0.5) is record
    later = at(record, 0.7)
    assert (later.metrics[SECONDS_TO_TARGET], later.config["measure"]["target"]) == (5.0, 0.7)
    assert later.metrics["test/accuracy"] == record.metrics["test/accuracy"]
    assert SECONDS_TO_TARGET not in at(record, 0.9).metrics
    assert SECONDS_TO_TARGET not in at(record, None).metrics
    assert (record.metrics[SECONDS_TO_TARGET], record.config["measure"]["target"]) == (2.5, 0.5)


def test_the_runs_of_one_data_set_are_placed_at_the_target_of_the_newest():
    records = [
        run(0.5, 0.7, target=0.5, started=1), run(0.5, 0.8, target=0.8, started=3), run(0.5, 0.9, started=5),
        run(3.0, 0.6, target=0.6, metric="val/loss", started=2),
        run(0.3, 0.4, target=0.4, started=0, data={"hash": "other"}), run(0.9, started=9, data={"hash": "third"}),
    ]  # fmt: skip
    found = [record.metrics.get(SECONDS_TO_TARGET) for record in at_one_target(records)]
    assert found == [None, 5.0, 5.0, None, 5.0, None]
    found = [record.metrics.get(SECONDS_TO_TARGET) for record in at_one_target(records, 0.3)]
    assert found == [2.5, 2.5, 2.5, None, 2.5, 2.5]
    untouched = [run(0.5), run(0.6)]
    assert all(one is other for one, other in zip(at_one_target(untouched), untouched, strict=True))


def test_targets_do_not_name_variants_or_separate_them():
    records = [run(0.5, 0.7, target=0.5, started=1), run(0.5, 0.8, encoder="gru", target=0.8)]
    comparison = compare(records, "digits")
    assert {variant.name for variant in comparison.variants} == {"lstm", "gru"}
    assert [len(group.hardware_groups) for group in comparison.groups] == [1]


@pytest.mark.parametrize(("task", "overrides", "expected"), [
    (TASK, ["measure.target=90"], "measure.target=90 is no value of val/accuracy, which is from 0 to 1; give a number"),
    (TASK, ["measure.target=-1", "trainer.monitor=val/loss"], "is no value of val/loss, which is 0 or more; give a"),
    (TASK, ["measure.target=0.9", "trainer.monitor=last"], "a score on validation, and trainer.monitor=last is none; "
     "set trainer.monitor to a metric such as val/accuracy, or measure.target=null"),
    (Regression([]), ["measure.target=0.9", "trainer.monitor=train/mse"], "trainer.monitor=train/mse is none; set "
     "trainer.monitor to a metric such as val/mse"),
])  # fmt: skip
def test_a_target_that_no_run_can_reach_is_refused(task, overrides, expected):
    assert expected in refused(lambda: check(composed(*overrides), task))


def test_targets_within_the_bounds_are_taken():
    for overrides in (["measure.target=1"], ["measure.target=0.0"], ["measure.target=5", "trainer.monitor=val/loss"]):
        check(composed(*overrides), TASK)
    check(composed("measure.target=1e6"), Regression([]))
    check(composed("trainer.monitor=last"), TASK)


def test_a_target_for_runs_without_a_score_on_validation_is_refused():
    assert refused(at_one_target, [run(0.5, metric="train/loss")], 0.5) == (
        "the target is a score on validation, and trainer.monitor is one in none of these runs"
    )
    assert refused(at_one_target, [run(0.5)], 50.0).startswith("target=50 is no value of val/accuracy, which is")


def reaching():
    """Over three seeds: always, in two runs, in none; and an earlier version's runs, whose history has no seconds."""
    records = []
    for encoder, bests in {"gru": [0.9, 0.8, 0.9], "rnn": [0.9, 0.8, 0.1], "cnn": [0.1, 0.2, 0.3]}.items():
        records += [
            run(0.3, best, target=0.8, encoder=encoder, seed=seed, seconds=2.0 + seed / 2)
            for seed, best in enumerate(bests)
        ]
    history = [{"epoch": 1, "val/accuracy": 0.9}]
    config = {"trainer.monitor": "val/accuracy", "measure.target": 0.8}
    return [*records, *(made("s4d", seed, config=config, history=history) for seed in range(3))]


def test_a_variant_whose_runs_did_not_all_reach_the_target_has_no_mean_and_tables_say_in_how_many(monkeypatch, capsys):
    compared = compare(reaching(), "digits")
    means = {variant.name: variant.means.get(SECONDS_TO_TARGET) for variant in compared.variants}
    assert (means.pop("gru").mean, set(means.values())) == (5.0, {None})
    assert {variant.verdict(SECONDS_TO_TARGET) for variant in compared.variants} == {""}
    sentence = (
        "digits: val/accuracy reached the target, 0.8, in all runs of gru; 2 of 3 runs of rnn; no run of cnn; an "
        "unknown number of runs, without seconds in the history, of s4d; a variant has a mean only if all its runs "
        "reached it."
    )
    assert sentence in notes(compared)
    cells = {variant.name: tables.cell(variant, SECONDS_TO_TARGET) for variant in compared.variants}
    assert cells.pop("gru").startswith("5.0 ±")
    assert cells == {"rnn": "2 of 3 runs", "cnn": "0 of 3 runs", "s4d": "-"}
    rows = [line for line in tables.markdown(compared).splitlines() if line.startswith("| ")]
    assert rows[0] == "| variant | seeds | accuracy | to target, s | verdict in accuracy |"
    assert {row.split(" | ")[0]: row.split(" | ")[3] for row in rows[1:] if "| gru" not in row} == {
        "| rnn": "2 of 3 runs", "| cnn": "0 of 3 runs", "| s4d": "-",
    }  # fmt: skip
    assert "2 of 3 runs" in Page(html(compared)).shown()
    monkeypatch.setattr("harness.report.terminal.console", lambda: Console(width=80, highlight=False))
    print_comparison(compared)
    assert "2 of 3 runs" in capsys.readouterr().out


def test_variants_that_always_reached_the_target_are_ranked_by_the_time():
    runs = [run(*scores, 0.9, target=0.8, encoder=name, seed=seed, environment={"other_processes_cpu_share": 0.0})
            for name, scores in {"gru": (), "rnn": (0.1, 0.2)}.items() for seed in range(3)]  # fmt: skip
    comparison = compare(runs, "digits")
    means = {variant.name: variant.means[SECONDS_TO_TARGET].mean for variant in comparison.variants}
    assert means == {"gru": 2.5, "rnn": 7.5}
    assert {variant.name: variant.verdict(SECONDS_TO_TARGET) for variant in comparison.variants}["gru"] == "best"
    assert "digits: val/accuracy reached the target, 0.8, in all runs of gru, rnn." in notes(comparison)


def test_a_busy_run_that_reached_the_target_is_counted_among_those_that_did_and_not_in_the_mean():
    runs = [run(0.9, target=0.8, encoder="gru", seed=seed, seconds=2.0 + seed) for seed in range(3)]
    runs[2].environment.other_processes_cpu_share = 0.5
    comparison = compare(runs, "digits")
    assert comparison.variants[0].means[SECONDS_TO_TARGET].mean == 2.5  # of 2, 3 and, left out, 4
    assert "digits: val/accuracy reached the target, 0.8, in all runs of gru." in notes(comparison)


def test_a_run_records_the_seconds_and_another_target_is_answered_without_training(command, monkeypatch):
    settings = ("encoder=bag_of_embeddings", "tracking=none", *QUICK)
    first = command(*settings, "measure.target=0.01").record
    assert first.metrics[SECONDS_TO_TARGET] == first.history[0][TRAINING_SECONDS]
    best = max(entry["val/accuracy"] for entry in first.history)
    reached = next(entry for entry in first.history if entry["val/accuracy"] == best)[TRAINING_SECONDS]
    again = command(*settings, f"measure.target={best}")
    assert "skipped" in again.out
    assert len(again.records) == 1
    assert f"{SECONDS_TO_TARGET} {reached:.4g} s" in " ".join(again.out.split())
    never = command(*settings, "measure.target=1")
    assert "skipped" in never.out
    assert SECONDS_TO_TARGET not in never.out
    copied = command(*settings, f"measure.target={best}", "name=other")
    record = next(one for one in copied.records if one.name == "other")
    assert (record.metrics[SECONDS_TO_TARGET], record.config["measure"]["target"]) == (reached, best)
    assert command(*settings, "measure.target=90").code == 2
