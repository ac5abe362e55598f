"""Budgets: which variants are still improving, which had more than others, and where tables say so."""

import csv
import io
import re

import pytest
from made_records import made, over_seeds
from pages import Page
from rich.console import Console

from harness.analysis import budgets
from harness.analysis.comparison import compare
from harness.records.metrics import EPOCHS, STEPS, TRIALS
from harness.records.tuning import Tuning
from harness.report import tables
from harness.report.html import html
from harness.report.notes import notes
from harness.report.terminal import print_comparison, print_runs


def trained(scores, best, encoder="lstm", seed=0, monitor="auto", metric="val/accuracy", steps_per_epoch=7, **more):
    """A run with this metric of validation in each epoch, whose epoch ``best`` was chosen."""
    settings = {"trainer.monitor": monitor, "trainer.epochs": len(scores), **more.pop("config", {})}
    metrics = {"best/epoch": best, EPOCHS: len(scores), STEPS: steps_per_epoch * len(scores), **more.pop("metrics", {})}
    history = [{"epoch": epoch, metric: score} for epoch, score in enumerate(scores, 1)]
    return made(encoder, seed, 0.5 + seed / 100, config=settings, metrics=metrics, history=history, **more)


def comparison(*records):
    return compare(records, "digits")


def about(records, word):
    return [note for note in notes(comparison(*records)) if word in note]


def test_a_run_is_still_improving_where_its_best_epoch_is_its_last():
    assert budgets.still_improving(trained([0.5, 0.6, 0.7], best=3)) is True
    assert budgets.still_improving(trained([0.5, 0.7, 0.6], best=2)) is False
    assert budgets.still_improving(trained([0.5], best=1)) is True
    assert budgets.still_improving(trained([2.0, 1.0], 2, monitor="val/loss", metric="val/loss")) is True


@pytest.mark.parametrize(("metric", "perfect"), [("val/accuracy", 1.0), ("val/loss", 0.0)])
def test_a_run_that_cannot_get_better_is_not_improving(metric, perfect):
    assert budgets.still_improving(trained([0.5, perfect, perfect], 3, monitor=metric, metric=metric)) is False


@pytest.mark.parametrize("monitor", ["last", "train/loss", "train/mse"])
def test_where_validation_chose_nothing_nothing_is_said_of_improving(monitor):
    run = trained([0.5, 0.6], best=2, monitor=monitor)
    assert budgets.still_improving(run) is None
    assert budgets.improving(comparison(run).variants[0]) is None
    assert about([run], "improving") == []


def test_a_variant_is_improving_if_more_than_half_of_its_runs_are():
    lasts = {(3, 3, 2): True, (3, 2, 2): False, (3, 2): False, (3, 3): True}
    for bests, expected in lasts.items():
        runs = [trained([0.5, 0.6, 0.7], best, seed=seed) for seed, best in enumerate(bests)]
        assert budgets.improving(comparison(*runs).variants[0]) is expected


def test_every_table_marks_the_variant_and_a_sentence_explains_the_sign(capsys):
    records = [trained([0.5, 0.6], 2, "gru"), trained([0.6, 0.5], 1, "rnn")]
    compared = comparison(*records)
    print_comparison(compared)
    shown = capsys.readouterr().out
    assert [line.split()[:2] for line in shown.splitlines() if line.startswith(("gru", "rnn"))] == [
        ["gru", "↑"], ["rnn", "1"],
    ]  # fmt: skip
    sentence = (
        "digits: still improving (↑): gru; the best epoch of most of their runs is the last, so that more "
        "trainer.epochs may change the result."
    )
    assert sentence in " ".join(shown.split())
    assert "| gru ↑ | 1 |" in tables.markdown(compared)
    assert "| rnn | 1 |" in tables.markdown(compared)
    rows = list(csv.DictReader(io.StringIO(tables.csv_text(compared))))
    assert {(row["variant"], row["still_improving"]) for row in rows} == {("gru", "yes"), ("rnn", "no")}
    page = Page(html(compared))
    assert ("th", "gru ↑") in page.texts
    assert ("th", "rnn") in page.texts
    assert sentence in page.shown()


def test_the_sign_has_no_line_of_its_own_behind_a_name_as_wide_as_its_column(capsys):
    wide = "x" * 32
    print_comparison(comparison(trained([0.5, 0.6], 2, wide), trained([0.6, 0.5], 1, "rnn")))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith(f"{wide} ")] == [[wide, "↑", "1"]]


def test_the_terminal_says_of_runs_that_they_are_still_improving(capsys):
    improving, over = trained([0.5, 0.6], 2), trained([0.6, 0.5], 1, seed=1)
    print_runs([improving])
    said = "the best epoch is the last; more trainer.epochs may give a better model"
    assert f"note still improving: {said}" in " ".join(capsys.readouterr().out.split())
    print_runs([improving, over])
    assert f"note still improving (1 of 2 runs): {said}" in " ".join(capsys.readouterr().out.split())
    print_runs([over])
    assert "improving" not in capsys.readouterr().out


def test_a_budget_that_all_runs_share_is_said_once_and_has_no_column_but_a_row_in_the_file(capsys):
    compared = comparison(trained([0.6, 0.5], 1, "gru"), trained([0.6, 0.5], 1, "rnn"))
    assert budgets.shared_sentence(compared.groups[0]) == "Each run: 2 epochs, 14 steps."
    print_comparison(compared)
    shown = capsys.readouterr().out
    assert shown.count("Each run: 2 epochs, 14 steps.") == 1
    text = tables.markdown(compared)
    assert "\nEach run: 2 epochs, 14 steps.\n" in text
    assert "| epochs" not in text
    assert "Each run: 2 epochs, 14 steps." in Page(html(compared)).shown()
    rows = list(csv.DictReader(io.StringIO(tables.csv_text(compared))))
    assert [(row["mean"], row["verdict"]) for row in rows if row["metric"] == STEPS] == [("14.0", "")] * 2
    assert about([*compared.variants[0].runs, *compared.variants[1].runs], "budget") == []


def test_budgets_that_differ_have_columns_and_a_warning_names_who_had_which(monkeypatch, capsys):
    records = [trained([0.6, 0.5], 1, "gru"), trained([0.6, 0.5, 0.4], 1, "rnn"), trained([0.6, 0.5], 1, "lstm")]
    compared = comparison(*records)
    assert budgets.shared_sentence(compared.groups[0]) == ""
    assert "| epochs | steps | verdict in accuracy |\n" in tables.markdown(compared)
    assert about(records, "budget") == [
        "digits: the variants had different budgets, which may explain differences between them: trainer.epochs 2 "
        "(gru, lstm), 3 (rnn)."
    ]
    monkeypatch.setattr("harness.report.terminal.console", lambda: Console(width=80, highlight=False))
    print_comparison(compared)
    shown = capsys.readouterr().out
    head, *rows = [line.split() for line in shown[shown.index("variant  ") :].splitlines()[:4]]
    assert head == ["variant", "seeds", "accuracy", "epochs", "steps"]
    assert {row[0]: row[-2:] for row in rows} == {"gru,": ["2", "14"], "rnn,": ["3", "21"], "lstm,": ["2", "14"]}


def test_a_warning_for_batch_sizes_and_for_early_stopping(capsys):
    records = [
        trained([0.6, 0.5], 1, "gru", config={"trainer.batch_size": 32, "trainer.patience": None}),
        trained([0.6, 0.5], 1, "rnn", config={"trainer.batch_size": 64, "trainer.patience": 3}, steps_per_epoch=4),
    ]
    assert about(records, "budget") == [
        "digits: the variants had different budgets, which may explain differences between them: trainer.patience "
        "none (gru, batch_size=32), 3 (rnn, batch_size=64); trainer.batch_size 32 (gru, patience=null), 64 (rnn, "
        "patience=3), so other steps an epoch."
    ]


def test_runs_that_early_stopping_ended_are_named_with_their_epochs(capsys):
    patient = {"trainer.epochs": 9, "trainer.patience": 2}
    gru = [trained([0.6] * epochs, 1, "gru", seed, config=patient) for seed, epochs in enumerate([4, 6, 9])]
    rnn = [trained([0.6] * 3, 1, "rnn", seed, config=patient) for seed in range(3)]
    assert about([*gru, *rnn], "early stopping") == [
        "digits: early stopping ended runs of gru (after 4 to 6 of 9 epochs, 2 of 3 runs); rnn (after 3 of 9 epochs, "
        "3 of 3 runs)."
    ]
    print_runs([*gru, *rnn])
    assert capsys.readouterr().out.splitlines()[1].split() == ["run", "accuracy", "epochs"]
    print_runs(rnn)
    assert capsys.readouterr().out.splitlines()[1].split() == ["run", "accuracy"]
    means = {variant.name: variant.means[EPOCHS].mean for variant in comparison(*gru, *rnn).variants}
    assert means == {"gru": pytest.approx(19 / 3), "rnn": 3}


def tuned(*encoders):
    """Runs of these encoders, each with the settings that eight trials chose."""
    records = [trained([0.6, 0.5], 1, encoder, config={"optimizer.lr": 0.002}) for encoder in encoders]
    for record in records:
        record.tuning = Tuning("val/accuracy", 0, [0.5] * 8, 3, {"optimizer.lr": 0.002}, 9.0)
        record.config["tune"] = {"space": {"optimizer": {"lr": [0.001, 0.002, 0.005]}}}
    return records


def test_trials_of_tuning_that_differ_have_a_column_and_are_a_warning():
    records = [*tuned("gru"), trained([0.6, 0.5], 1, "rnn")]
    found = budgets.with_trials(records)
    assert [record.metrics[TRIALS] for record in found] == [8, 0]
    assert all(TRIALS not in record.metrics for record in records)
    (warning,) = about(found, "budget")
    assert re.search(r": trials of tuning 8 \(gru[^)]*\), 0 \(rnn[^)]*\)\.$", warning)
    assert tables.columns(comparison(*found).groups[0]) == ["test/accuracy", TRIALS]


def test_what_a_baseline_tries_in_its_training_counts_as_trials():
    fitted, untuned = trained([0.6], 1, "nb_svm"), trained([0.6, 0.5], 1, "rnn")
    fitted.metrics[TRIALS] = 15
    found = budgets.with_trials([fitted, untuned])
    assert [record.metrics[TRIALS] for record in found] == [15, 0]
    assert budgets.with_trials(found) == found


def test_trials_that_all_share_are_said_once_and_nothing_is_said_where_nobody_was_tuned():
    (group,) = comparison(*budgets.with_trials(tuned("gru", "rnn"))).groups
    assert budgets.shared_sentence(group) == "Each run: 2 epochs, 14 steps, 8 tuning trials."
    assert tables.columns(group) == ["test/accuracy"]
    untuned = [trained([0.6, 0.5], 1, encoder) for encoder in ("gru", "rnn")]
    assert budgets.with_trials(untuned) == untuned


def test_many_variants_are_counted_and_not_all_named():
    records = [trained([0.5, 0.6], 2, f"encoder_{number}") for number in range(8)]
    assert about(records, "improving")[0].startswith("digits: still improving (↑): all variants; the best epoch")
    (warning,) = about([*records, trained([0.6, 0.5, 0.4], 1, "rnn")], "budget")
    assert "2 (encoder_0, encoder_1, encoder_2, encoder_3, encoder_4, encoder_5 and 2 more), 3 (rnn)" in warning


def test_records_without_a_history_are_compared_without_a_word_about_budgets():
    records = over_seeds("lstm", [0.9, 0.8]) + over_seeds("gru", [0.7, 0.6])
    assert [note for note in notes(comparison(*records)) if "improving" in note or "budget" in note] == []
    assert budgets.shared_sentence(comparison(*records).groups[0]) == ""
