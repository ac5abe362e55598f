"""Which variants are shown to be better than one constant answer.

Half the t interval of three values 0.01 apart is 4.302653 * 0.01 / sqrt(3) = 0.024841.
"""

import pytest
from made_records import LATENCY, over_seeds
from planted import BEST, equivalent, few, group_of, undecided, with_items, worse

from harness.analysis.chance import (
    ahead_of_chance,
    at_chance,
    beats_chance,
    level_of_chance,
    nothing_beats_chance,
)
from harness.analysis.comparison import compare
from harness.analysis.recommendation import recommend
from harness.analysis.requirements import sift
from harness.config.requirement import parse_all

ACCURACY, MSE = "test/accuracy", "test/mse"


def three(name, accuracy, level=None, step=0.01, **more):
    """Runs of three seeds around an accuracy, on data with this level of chance."""
    chance = {} if level is None else {ACCURACY: level, "test/f1_macro": level / 2}
    return over_seeds(name, [accuracy - step, accuracy, accuracy + step], data={"chance": chance}, **more)


def errors(name, values, level):
    data = {"task": "regression", "chance": {MSE: level}}
    return over_seeds(name, [None] * len(values), metrics={MSE: values}, data=data)


def names(variants):
    return [variant.name for variant in variants]


@pytest.mark.parametrize(("level", "beaten"), [(0.4851, True), (0.4852, False), (0.52, False)])
def test_the_lower_end_of_the_interval_must_be_above_chance(level, beaten):
    group = group_of(three("lstm", 0.51, level), {})
    (variant,) = group.variants
    assert level_of_chance(group) == level
    assert ahead_of_chance(group, variant) == pytest.approx(0.51 - level)
    assert beats_chance(group, variant) is beaten
    assert nothing_beats_chance(group) is not beaten
    assert names(at_chance(group)) == ([] if beaten else ["lstm"])


@pytest.mark.parametrize(("level", "beaten"), [(0.4710, True), (0.4711, False)])
def test_seeds_and_test_items_count_together(level, beaten):
    """The root of 0.024841 ** 2 + 0.03 ** 2 is 0.038949, and 0.51 less that 0.471051."""
    group = group_of(three("lstm", 0.51, level), {})
    with_items(group, ACCURACY, 0.03)
    assert beats_chance(group, group.variants[0]) is beaten


@pytest.mark.parametrize(("level", "beaten"), [(1.3485, True), (1.3483, False)])
def test_an_error_must_be_below_chance(level, beaten):
    """1.1 and half an interval of 0.248414."""
    group = group_of(errors("lstm", [1.0, 1.1, 1.2], level), {}, MSE)
    assert group.quality == MSE
    assert beats_chance(group, group.variants[0]) is beaten


def test_without_an_interval_the_mean_decides():
    group = group_of(over_seeds("lstm", [0.51], data={"chance": {ACCURACY: 0.5}}), {})
    assert beats_chance(group, group.variants[0])
    group = group_of(over_seeds("lstm", [0.5], data={"chance": {ACCURACY: 0.5}}), {})
    assert not beats_chance(group, group.variants[0])


def test_a_constant_answer_in_single_precision_does_not_beat_itself():
    group = group_of(errors("dummy", [1.35 - 1e-7] * 3, 1.35), {}, MSE)
    assert ahead_of_chance(group, group.variants[0]) == 0
    assert names(at_chance(group)) == ["dummy"]


def test_without_a_level_every_variant_counts_as_better():
    group = group_of(three("lstm", 0.51) + over_seeds("cnn", [None] * 3, status="failed"), {})
    assert level_of_chance(group) is None
    assert [beats_chance(group, variant) for variant in group.variants] == [True, True]
    assert not nothing_beats_chance(group)


def test_one_record_that_has_the_level_gives_it_to_those_that_are_older():
    group = group_of(three("lstm", 0.51) + three("gru", 0.6, 0.55), {})
    assert (level_of_chance(group), level_of_chance(group, "test/f1_macro")) == (0.55, 0.275)
    assert names(at_chance(group)) == ["lstm"]


def test_the_intervals_of_a_comparison_count_the_test_items():
    """0.5073 of 25,000 rows is known within 0.0062, and so not to be above 0.5045; of 250,000 within 0.0020."""
    for rows, beaten in ((25_000, False), (250_000, True)):
        data = {"chance": {ACCURACY: 0.5045}, "sizes": {"test": rows}}
        (group,) = compare(over_seeds("lstm", [0.5072, 0.5073, 0.5074], data=data), "x").groups
        assert beats_chance(group, group.variants[0]) is beaten


def test_a_cheap_variant_at_chance_is_not_recommended():
    """The intervals begin at 0.8852 and 0.8802."""
    for level, taken in ((0.883, "lstm"), (0.88, "gru")):
        made = three("lstm", 0.91, level, metrics={LATENCY: [2.0] * 3})
        made += three("gru", 0.905, level, metrics={LATENCY: [1.0] * 3})
        (one,) = recommend(group_of(made, {"lstm": BEST, "gru": equivalent(0.005, 0.008)}))
        assert one.variant.name == taken


def test_an_equal_of_the_best_is_recommended_where_the_best_may_be_at_chance():
    made = three("lstm", 0.91, 0.87, step=0.03) + three("gru", 0.905, 0.87)
    group = group_of(made, {"lstm": BEST, "gru": equivalent(0.005, 0.008)})
    assert names(one.variant for one in recommend(group)) == ["gru"]


def test_where_the_best_may_be_at_chance_no_undecided_variant_takes_its_place():
    group = group_of(three("lstm", 0.91, 0.87, step=0.03) + three("gru", 0.905, 0.87),
                     {"lstm": BEST, "gru": undecided(0.005, 0.02, 7)})  # fmt: skip
    assert recommend(group) == []
    assert not nothing_beats_chance(group)


def test_the_only_variant_that_meets_the_requirements_is_recommended_if_it_beats_chance():
    """rnn would beat it, and does not meet them."""
    for level, taken in ((0.86, ["lstm"]), (0.9, [])):
        made = three("lstm", 0.91, level, metrics={LATENCY: [1.0] * 3})
        made += three("rnn", 0.99, level, step=0.001, metrics={LATENCY: [9.0] * 3})
        group = group_of(made, {"lstm": few("alone"), "rnn": worse(0.01, 0.02)})
        group.sifted = sift(group.variants, parse_all(["latency/p50_ms<5"]))
        assert names(one.variant for one in recommend(group)) == taken
        assert nothing_beats_chance(group) is not bool(taken)
