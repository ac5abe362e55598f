"""Tuned variants in the reports: what was chosen, what fewer trials would have given, and who stands beside whom."""

import re
from dataclasses import replace

import pytest
from made_records import made, over_seeds

from harness.analysis.comparison import compare
from harness.analysis.tuned import repeated_trials, sentences, tuned_variants
from harness.records.tuning import Tuning
from harness.report import tables
from harness.report.html.page import html
from harness.report.notes import notes
from harness.report.terminal import print_comparison
from harness.report.tuned import CAPTION

SPACE = {"optimizer": {"lr": [0.001, 0.003, 0.01]}}
TUNE = {"space": SPACE, "trials": None, "seed": 0, "prune": False, "trial": None}


def tuned(encoder, accuracies, scores, best, lr, **more):
    """Records of a tuned variant over seeds."""
    tuning = Tuning("val/accuracy", 0, scores, best, {"optimizer.lr": lr}, seconds=37.4, **more)
    config = {"tune": TUNE, "optimizer.lr": lr}
    seconds = {"cost/tuning_seconds": [37.4] * len(accuracies)}
    return over_seeds(encoder, accuracies, tuning=tuning, config=config, metrics=seconds)


def compared():
    lstm = tuned("lstm", [0.9, 0.91, 0.92], [0.5, 0.9, 0.7], 1, 0.003)
    gru = tuned("gru", [0.8, 0.81, 0.82], [0.6, None, 0.8], 2, 0.01, stopped=[0])
    trial = made("lstm", 0, None, config={"tune": {**TUNE, "trial": 2}}, metrics={"val/accuracy": 0.7})
    return compare([*lstm, *gru, *over_seeds("gru", [0.7, 0.71, 0.72]), trial], "digits")


def test_trials_are_no_variants_and_a_tuned_variant_stands_beside_the_untuned_one():
    names = {variant.name for variant in compared().variants}
    assert names == {"lstm, lr=0.003, tuned=3 trials", "gru, lr=0.01, tuned=3 trials", "gru, lr=0.001, tuned=no"}


def test_the_expected_best_is_that_of_each_variants_own_trials():
    (group,) = compared().groups
    lstm, gru = tuned_variants(group)
    assert [round(value, 4) for value in lstm.expected] == [0.7, 0.7889, 0.8333]
    assert gru.expected[0] == pytest.approx((0.6 + 0.6 + 0.8) / 3, rel=1e-12), "the failed trial counts as the worst"


def test_markdown_has_the_choice_the_cost_and_the_expected_best():
    text = tables.markdown(compared())
    head, _, lstm, gru = text[text.index("### Tuning: accuracy on validation") :].splitlines()[2:6]
    counts = " | ".join(f"expected best of {n}" for n in (1, 2, 3))
    assert head == f"| variant | chosen | trials | seconds | {counts} |"
    assert lstm.endswith("| optimizer.lr=0.003 | 3 | 37 | 0.7 | 0.7889 | 0.8333 |")
    assert gru.endswith("| optimizer.lr=0.01 | 3 (1 failed, 1 stopped) | 37 | 0.6667 | 0.7111 | 0.7407 |")
    assert "tuning, s" in text, "search time is among the costs"
    assert "tune.trial" not in text


def test_the_terminal_and_the_page_have_them_too(capsys):
    comparison = compared()
    print_comparison(comparison)
    shown = capsys.readouterr().out
    assert "Tuning: accuracy on validation" in shown
    assert CAPTION in " ".join(shown.split())
    assert re.search(r"lstm.*optimizer.lr=0.003 +3 +37 +0.7 ", shown)
    assert max(map(len, shown.splitlines())) <= 80
    page = html(comparison)
    assert "Expected best accuracy on validation against the number of trials" in page
    assert "best of 2" in page


def test_a_choice_at_an_end_of_the_space_is_said():
    (sentence,) = sentences(compared().groups)
    assert "a wider tune.space may find better settings" in sentence
    assert "gru, lr=0.01, tuned=3 trials (optimizer.lr=0.01)" in sentence
    assert "lstm" not in sentence


RATES = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02]


HIGHEST = "optimizer.lr=0.005 is the highest of 3 tried, and tune.space goes to 0.02"
LOWEST = "optimizer.lr=0.0002 is the lowest of 3 tried, and tune.space goes to 0.0001"


@pytest.mark.parametrize(
    ("values", "best", "lr", "end"),
    [
        (RATES, 2, 0.005, HIGHEST),
        (RATES, 0, 0.0002, LOWEST),
        ({"low": 0.0001, "high": 0.02}, 2, 0.005, HIGHEST),
        (RATES, 1, 0.001, None),
        ([*RATES[:-2]], 2, 0.005, None),  # the end of the space, which has a sentence of its own
        ([0.01, *RATES], 2, 0.005, None),  # in no order
    ],
)
def test_a_choice_at_an_end_of_what_was_tried_of_the_space_is_said(values, best, lr, end):
    """As by a budget that allows three of eight trials: 0.0002, 0.001 and 0.005."""
    scores = [0.9 if number == best else 0.5 for number in range(3)]
    tuning = Tuning("val/accuracy", 7, scores, best, {"optimizer.lr": lr}, seconds=1.0)
    config = {"tune": {**TUNE, "space": {"optimizer": {"lr": values}}}, "optimizer.lr": lr}
    comparison = compare(over_seeds("gru", [0.7, 0.8, 0.9], tuning=tuning, config=config), "x")
    tried = [sentence for sentence in sentences(comparison.groups) if "more trials may find" in sentence]
    assert [sentence.rpartition("for gru ")[2] for sentence in tried] == ([f"({end})."] if end else [])
    assert set(tried) <= set(notes(comparison))


def test_two_tried_values_say_nothing_because_each_is_at_an_end():
    tuning = Tuning("val/accuracy", 7, [0.5, 0.6], 1, {"optimizer.lr": 0.005}, seconds=1.0)
    config = {"tune": {**TUNE, "space": {"optimizer": {"lr": RATES}}}, "optimizer.lr": 0.005}
    assert sentences(compare(over_seeds("gru", [0.7, 0.8, 0.9], tuning=tuning, config=config), "x").groups) == []


def test_a_run_that_repeats_the_chosen_trial_is_said():
    """The trials had seed 0: a run with this seed is no independent look at what was chosen by it."""
    (sentence,) = repeated_trials(compared().groups)
    assert "gru, lr=0.01, tuned=3 trials had seed 0, and so has one of the runs, which repeats" in sentence
    assert sentence in notes(compared())
    other = Tuning("val/accuracy", 7, [0.1, 0.2], 1, {"optimizer.lr": 0.01}, seconds=1.0)
    only = Tuning("val/accuracy", 0, [0.1], 0, {"optimizer.lr": 0.01}, seconds=1.0)
    for tuning in (other, only):
        runs = over_seeds("gru", [0.7, 0.8, 0.9], tuning=tuning, config={"tune": TUNE, "optimizer.lr": 0.01})
        assert repeated_trials(compare(runs, "x").groups) == []


def test_null_among_the_values_of_a_space_is_no_end_of_it():
    space = {"trainer": {"clip_norm": [None, 1.0, 5.0, 9.0]}}
    tuning = Tuning("val/accuracy", 0, [0.1, 0.2, 0.3, 0.4], 3, {"trainer.clip_norm": 9.0}, seconds=1.0)
    config = {"tune": {**TUNE, "space": space}, "trainer.clip_norm": 9.0}
    (sentence,) = sentences(compare(over_seeds("gru", [0.7, 0.8, 0.9], tuning=tuning, config=config), "x").groups)
    assert "gru (trainer.clip_norm=9)" in sentence
    lowest = replace(tuning, chosen={"trainer.clip_norm": None})
    assert sentences(compare(over_seeds("gru", [0.7, 0.8, 0.9], tuning=lowest, config=config), "x").groups) == []


def test_nothing_is_said_where_nothing_was_tuned():
    comparison = compare(over_seeds("gru", [0.7, 0.71, 0.72]), "digits")
    assert "Tuning" not in tables.markdown(comparison)
    assert sentences(comparison.groups) == []
