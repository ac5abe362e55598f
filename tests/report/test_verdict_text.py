"""Verdicts in words: each sentence as a reader sees it."""

import pytest
from made_records import over_seeds
from planted import BEST, equivalent, few, group_of, undecided, with_items, worse

from harness.analysis.comparison import compare
from harness.analysis.requirements import sift
from harness.analysis.statistics import Standing
from harness.config.requirement import parse
from harness.report import verdict_text
from harness.report.verdict_text import describe, mark

ACCURACY, TOKENS, LATENCY, MEMORY = (
    "test/accuracy", "speed/train_tokens_per_second", "latency/p50_ms", "memory/host_train_peak_mib"
)  # fmt: skip


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (BEST, "best mean of those with a verdict; not shown to be better than those marked = or ?"),
        (worse(0.0137, 0.0212), "worse: 1.4 points behind the best, at most 2.1"),
        (equivalent(0.002, 0.0081), "as good as the best within 1 point (at most 0.8 behind)"),
        (undecided(0.005, 0.0131, 7), "undecided: 0.5 points behind, at most 1.3; about 7 seeds each would decide"),
        (
            undecided(0.005, 0.0131, None),
            "undecided: 0.5 points behind, at most 1.3; more seeds will not decide it: the test split has too few "
            "items",
        ),
        (few("one seed"), "no verdict: one seed"),
        (few("two seeds"), "no verdict: two seeds"),
    ],
)
def test_verdicts_on_accuracy_are_in_points(standing, words):
    assert describe(ACCURACY, standing, 0.01) == words


@pytest.mark.parametrize(
    ("metric", "standing", "words"),
    [
        (TOKENS, worse(0.121, 0.148), "worse: 12 % slower than the fastest, at most 15 %"),
        (LATENCY, worse(1.2, 1.5), "worse: 120 % longer than the shortest, at most 150 %"),
        (MEMORY, worse(0.06, 0.0712), "worse: 6.0 % more than the least, at most 7.1 %"),
        (TOKENS, equivalent(0.01, 0.031), "as fast as the fastest within 5 % (at most 3.1 % slower)"),
        (LATENCY, equivalent(0.01, 0.031), "as short as the shortest within 5 % (at most 3.1 % longer)"),
        (MEMORY, equivalent(0.01, 0.031), "as little as the least within 5 % (at most 3.1 % more)"),
        (TOKENS, undecided(0.06, 0.09, 7), "undecided: 6.0 % slower, at most 9.0 %; about 7 seeds each would decide"),
        (TOKENS, undecided(0.06, 0.09, None), "undecided: 6.0 % slower, at most 9.0 %; more seeds will not decide it"),
        ("cost/parameters", worse(0.5, 0.5), "worse: 50 % more than the least"),
        ("cost/parameters", equivalent(0.0, 0.0), "as little as the least"),
        ("test/mse", worse(0.12, 0.15), "worse: 12 % behind the best, at most 15 %"),
        ("test/mse", equivalent(0.01, 0.03), "as good as the best within 5 % (at most 3.0 % behind)"),
        ("test/label_error_rate", worse(0.0137, 0.0212), "worse: 1.4 points behind the best, at most 2.1"),
    ],
)
def test_verdicts_on_ratios_are_in_per_cent_and_have_words_of_their_own(metric, standing, words):
    assert describe(metric, standing, 0.05) == words


@pytest.mark.parametrize(
    ("margin", "words"), [(0.01, "1 point"), (0.005, "0.5 points"), (0.02, "2 points"), (0.0025, "0.25 points")]
)
def test_a_margin_is_in_points_of_a_share_and_else_in_per_cent(margin, words):
    assert verdict_text.margin_words(ACCURACY, margin) == words
    assert verdict_text.margin_words("test/mse", margin) == words.split()[0] + " %"


@pytest.mark.parametrize(
    ("difference", "shown"),
    [(0.0, "0.0"), (0.0137, "1.4"), (0.123, "12"), (0.0004, "0.04"), (0.0995, "10"), (0.001, "0.1")],
)
def test_a_difference_has_the_figures_that_matter(difference, shown):
    assert verdict_text.figure(ACCURACY, difference) == shown


RECORDS = [
    record
    for name, accuracy in {"lstm": 0.91, "gru": 0.908, "rnn": 0.905, "cnn": 0.88, "s4d": 0.9}.items()
    for record in over_seeds(name, [accuracy - 0.001, accuracy, accuracy + 0.001])
]
STANDINGS = {
    "lstm": BEST, "gru": equivalent(0.002, 0.008), "rnn": undecided(0.005, 0.013, 7), "cnn": worse(0.03, 0.04),
    "s4d": few("two seeds"),
}  # fmt: skip


def test_each_verdict_has_a_mark_and_the_legend_explains_those_that_a_table_has():
    group = group_of(RECORDS, STANDINGS)
    marks = {variant.name: mark(group, variant, ACCURACY) for variant in group.variants}
    assert marks == {"lstm": "*", "gru": "=", "rnn": "?", "cnn": "", "s4d": "-"}
    assert verdict_text.marks(group, [ACCURACY, "behind"]) == {"*", "=", "?", "", "-"}
    assert verdict_text.legend(verdict_text.marks(group, [ACCURACY])) == (
        "* best mean of those with a verdict; not shown to be better than those marked = or ?   "
        "= as good as the best within the margin   "
        "? undecided   no mark: worse, or not compared   - too few seeds with this number for a verdict"
    )
    assert verdict_text.legend({"!"}) == "! measured on a busy machine, not ranked"


def test_the_best_one_of_a_clear_verdict_is_called_the_best():
    clear = {"lstm": BEST, **dict.fromkeys(("gru", "rnn", "cnn"), worse(0.01, 0.02)), "s4d": few("one seed")}
    group = group_of(RECORDS, clear)
    assert verdict_text.verdict(group, group.variants[0]) == "best; every other variant with a verdict is worse"
    group = group_of(RECORDS, STANDINGS)
    assert verdict_text.verdict(group, group.variants[0]) == verdict_text.BEST


def test_the_sentence_above_the_table_names_all_that_are_not_worse_the_best_first():
    assert verdict_text.among(group_of(RECORDS, STANDINGS)) == (
        "With 95 % confidence the best of the 4 with enough seeds is among: lstm, gru, rnn."
    )
    one = {"lstm": BEST, **dict.fromkeys(("gru", "rnn", "cnn", "s4d"), worse(0.01, 0.02))}
    assert verdict_text.among(group_of(RECORDS, one)) == "With 95 % confidence lstm is the best of these 5."
    none = dict.fromkeys(("lstm", "gru", "rnn", "cnn", "s4d"), few("one seed"))
    assert verdict_text.among(group_of(RECORDS, none)) == ""


def test_of_many_the_sentence_names_twenty():
    names = [f"cnn{number:02d}" for number in range(23)]
    records = [record for name in names for record in over_seeds(name, [0.9, 0.9, 0.9])]
    group = group_of(records, {name: BEST if name == "cnn00" else undecided(0.0, 0.02, 4) for name in names})
    assert verdict_text.among(group).endswith("cnn18, cnn19 and 3 more.")


def test_the_words_about_intervals_say_what_they_cover():
    comparison = compare(RECORDS, "x")
    seeds_only = "Verdicts cover seeds; test items and the split are not varied (not every run kept its predictions)."
    shared = "which rests on the spread of all variants compared"
    assert verdict_text.covers(comparison) == [f"Means over seeds ± half a 95 % interval, {shared}.", seeds_only]
    (group,) = comparison.groups
    with_items(group, ACCURACY, 0.004)
    both = f"Means over seeds ± half a 95 % interval over seeds, {shared}, and, of quality, half one over test items."
    assert verdict_text.covers(comparison) == [both, seeds_only]  # the number of items tells nothing of differences
    group.covers_items = True
    assert verdict_text.covers(comparison) == [both, "Verdicts cover seeds and test items; the split is not varied."]


def test_of_a_score_that_is_no_mean_over_items_no_predictions_are_missed():
    made = [*over_seeds("lstm", [None] * 3, metrics={"test/f1_micro": [0.8, 0.81, 0.82]}, data={"task": "multilabel"}),
            *over_seeds("gru", [None] * 3, metrics={"test/f1_micro": [0.7, 0.71, 0.72]}, data={"task": "multilabel"})]
    assert verdict_text.covers(compare(made, "x"))[1] == (
        "Verdicts cover seeds; test items and the split are not varied (micro F1 is no mean over test items)."
    )


def test_the_margin_and_the_requirements_are_said_also_where_all_meet_them():
    group = group_of(RECORDS, STANDINGS, margin=0.005)
    margin = (
        "Margin: 0.5 points of accuracy; a variant that is not worse, and is shown to be less than this behind the "
        "best, is equally good."
    )
    assert verdict_text.terms(group) == margin
    group.sifted = sift(group.variants, [parse("accuracy>0.8"), parse("accuracy>=0.85")])
    assert verdict_text.terms(group) == (
        f"{margin} Required: test/accuracy>0.8 and test/accuracy>=0.85, met by the means of 5 of 5 variants."
    )
    assert "the best of the 4 with enough seeds is" in verdict_text.among(group)


def test_an_excluded_variant_has_a_mark_a_reason_and_no_verdict():
    group = group_of(RECORDS, {name: one for name, one in STANDINGS.items() if name != "cnn"})
    group.sifted = sift(group.variants, [parse("accuracy>0.89")])
    for variant in group.sifted.excluded:
        variant.excluded = True
    (cnn,) = group.sifted.excluded
    assert verdict_text.verdict(group, cnn) == "excluded: test/accuracy 0.88"
    assert mark(group, cnn, ACCURACY) == "x"
    assert verdict_text.among(group) == (
        "With 95 % confidence the best of the 3 with enough seeds that meet the requirements is among: lstm, gru, rnn."
    )
    assert verdict_text.legend(verdict_text.marks(group, [ACCURACY])).endswith("   x does not meet the requirements")


@pytest.mark.parametrize(
    ("standing", "shown"),
    [(BEST, ""), (worse(0.0137, 0.0212), "1.4 ≤2.1"), (undecided(0.0, 0.013, 7), "0.0 ≤1.3"), (few("one seed"), ""),
     (None, ""), (Standing("worse", 0.12, 0.15), "12 ≤15")],
)  # fmt: skip
def test_the_terminals_column_has_the_distance_and_its_bound(standing, shown):
    assert verdict_text.gap(ACCURACY, standing) == shown
