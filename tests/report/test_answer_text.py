"""The answer of a comparison: one recommendation, and what is undecided or excluded."""

import pytest
from made_records import HARDWARE, over_seeds
from planted import BEST, equivalent, few, group_of, undecided, with_items, worse

from harness.analysis.comparability import best_first
from harness.analysis.comparison import compare
from harness.analysis.requirements import sift
from harness.config.requirement import parse_all
from harness.report.answer_text import answer

ACCURACY, TOKENS, LATENCY, MEMORY = (
    "test/accuracy", "speed/train_tokens_per_second", "latency/p50_ms", "memory/host_train_peak_mib"
)  # fmt: skip


def records(costs=None, **more):
    """Four variants over three seeds: ``costs`` has, by metric, a value for each of lstm, gru, rnn and cnn."""
    made = []
    for place, (name, accuracy) in enumerate({"lstm": 0.91, "gru": 0.905, "rnn": 0.9, "cnn": 0.8}.items()):
        measured = {metric: [values[place]] * 3 for metric, values in (costs or {}).items()}
        made += over_seeds(name, [accuracy - 0.01, accuracy, accuracy + 0.01], metrics=measured, **more)
    return made


def test_the_cheapest_of_the_best_and_the_equivalent_is_recommended():
    group = group_of(
        records({LATENCY: [2.0, 1.1, 0.2, 0.1], MEMORY: [10.0, 20.0, 5.0, 5.0]}),
        {"lstm": BEST, "gru": equivalent(0.005, 0.008), "rnn": undecided(0.01, 0.02, 7), "cnn": worse(0.11, 0.13)},
    )
    assert answer(group) == [
        "Take gru: it has the lowest latency p50, 1.1 ms, of the 2 that are best or as good within 1 point of "
        "accuracy: lstm (0.910), gru (0.905).",
        "Undecided: rnn (about 7 seeds each would decide).",
    ]


def test_a_rate_is_cheap_where_it_is_high_and_comes_after_latency():
    standings = {"lstm": BEST, "gru": equivalent(0.005, 0.008), "rnn": worse(0.01, 0.02), "cnn": worse(0.11, 0.13)}
    assert answer(group_of(records({TOKENS: [100.0, 50.0, 300.0, 400.0]}), standings)) == [
        "Take lstm: it has the highest train tokens/s, 100, of the 2 that are best or as good within 1 point of "
        "accuracy: lstm (0.910), gru (0.905)."
    ]
    busy = records({LATENCY: [2.0, 1.0, 1.0, 1.0], MEMORY: [10.0, 20.0, 5.0, 5.0]},
                   environment={"other_processes_cpu_share": 0.9})  # fmt: skip
    assert answer(group_of(busy, standings, margin=0.005))[0] == (
        "Take lstm: it has the lowest train peak, 10 MiB, of the 2 that are best or as good within 0.5 points of "
        "accuracy: lstm (0.910), gru (0.905)."
    )
    asked = group_of(busy, standings)
    for cost, more in (("memory", ""), ("latency", " Their latency p50, the cost that was asked for, could not be")):
        asked.cost = cost
        sentence, _, rest = answer(asked)[0].partition("(0.905).")
        assert "lowest train peak" in sentence
        assert rest.startswith(more)
        assert bool(rest) == bool(more)
    assert answer(group_of(records(), standings))[0].endswith("; no cost was measured alike for all of them.")


def test_a_best_variant_without_an_equal_is_taken_whatever_it_costs():
    far = dict.fromkeys(("gru", "rnn", "cnn"), worse(0.03, 0.04))
    group = group_of(records({LATENCY: [2.0, 1.0, 1.0, 1.0]}), {"lstm": BEST, **far})
    assert answer(group) == ["Take lstm: accuracy 0.910 (0.885 to 0.935), 3 seeds; every other variant is worse."]
    with_items(group, ACCURACY, 0.004)
    assert answer(group)[0].startswith(
        "Take lstm: accuracy 0.910 (0.885 to 0.935 over seeds, 0.9060 to 0.9140 over test items), 3 seeds; "
    )


def test_of_equal_means_the_cheapest_is_the_best_and_the_others_are_named():
    """The seeds of gru have the same scores in another order."""
    scores = [0.9, 0.95, 0.99]
    made = over_seeds("bag", scores, metrics={LATENCY: [3.0] * 3}) + over_seeds("cnn", [*scores[:2], 0.8])
    made += over_seeds("attention", [0.99])  # a better mean, and no verdict
    made += over_seeds("gru", scores[::-1], metrics={LATENCY: [1.0] * 3})
    made += over_seeds("lstm", scores, metrics={LATENCY: [2.0] * 3})
    (group,) = compare(made, "x").groups
    ordered = best_first(group, group.variants)
    assert [(one.name, one.standings[ACCURACY].verdict) for one in ordered] == [
        ("attention", "few seeds"), ("gru", "best"), ("bag", "open"), ("lstm", "open"), ("cnn", "open"),
    ]  # fmt: skip
    assert answer(group)[0].startswith("Of the variants with enough seeds, take gru: ")
    assert answer(group)[0].endswith(
        ", 3 seeds; bag, lstm have the same mean, and of these it has the lowest latency p50, 1 ms; no other variant "
        "is shown to be as good within 1 point."
    )


def test_undecided_variants_keep_the_best_from_being_the_only_answer():
    few_items = undecided(0.005, 0.02, None)
    standings = {"lstm": BEST, "gru": undecided(0.005, 0.02, 5), "rnn": undecided(0.01, 0.03, 12), "cnn": few_items}
    assert answer(group_of(records(), standings)) == [
        "Take lstm: accuracy 0.910 (0.885 to 0.935), 3 seeds; no other variant is shown to be as good within 1 point.",
        "Undecided: gru (about 5 seeds each would decide); rnn (about 12 seeds each would decide); cnn (more seeds "
        "will not decide it: the test split has too few items).",
    ]


def test_variants_with_too_few_seeds_are_named_and_never_judged():
    standings = {"lstm": BEST, "gru": worse(0.02, 0.03), "rnn": few("two seeds"), "cnn": few("one seed")}
    assert answer(group_of(records(), standings)) == [
        "Take lstm: accuracy 0.910 (0.885 to 0.935), 3 seeds; no other variant is shown to be as good within 1 point.",
        "No verdict on rnn (two seeds), cnn (one seed).",
    ]


def test_a_variant_without_a_verdict_that_has_the_better_mean_is_said_to_have_it():
    standings = {"lstm": few("one seed"), "gru": BEST, "rnn": worse(0.02, 0.03), "cnn": few("two seeds")}
    take, without = answer(group_of(records(), standings))
    assert take.startswith("Of the variants with enough seeds, take gru: accuracy ")
    assert without == "No verdict on lstm (one seed, although its mean is the better one); cnn (two seeds)."


def test_variants_of_which_no_run_finished_are_named():
    made = records()
    for record in made[6:]:
        record.status, record.metrics = "failed", {}
    assert answer(group_of(made, {"lstm": BEST, "gru": worse(0.02, 0.03)}))[1:] == ["No run finished of rnn, cnn."]
    alone, failed = answer(group_of(made[:3] + made[6:9], {}))
    assert alone.startswith("Only lstm has a result, so there is nothing to compare: accuracy 0.910 (")
    assert failed == "No run finished of rnn."


def test_with_one_seed_each_nothing_is_recommended():
    made = over_seeds("lstm", [0.9]) + over_seeds("gru", [0.1])
    group = group_of(made, {"lstm": few("one seed"), "gru": few("one seed")})
    assert answer(group) == [
        "No recommendation: one or two seeds do not tell a difference from noise, three or more of each variant do "
        "(seed=0,1,2). Highest accuracy so far: lstm, 0.9, one seed, so without an interval."
    ]


def test_variants_with_the_highest_mean_are_all_named_where_nothing_is_recommended():
    (group,) = compare(over_seeds("gru", [0.9]) + over_seeds("lstm", [0.9]) + over_seeds("rnn", [0.8]), "x").groups
    assert answer(group)[0].endswith(
        "Highest accuracy so far: gru, 0.9, one seed, so without an interval; lstm has the same mean."
    )


def test_one_variant_is_said_to_be_the_only_one_and_failed_seeds_are_counted():
    made = over_seeds("lstm", [0.9, 0.8, 0.9, 0.9])
    for record in made[2:]:
        record.status, record.metrics = "failed", {}
    (sentence,) = answer(group_of(made, {}))
    assert sentence.startswith("One variant only: lstm, accuracy 0.85 (")
    assert sentence.endswith(", 2 of 4 seeds.")
    (sentence,) = answer(group_of(made[1:], {}))
    assert sentence == "One variant only: lstm, accuracy 0.8, one of 3 seeds, so without an interval."
    assert answer(group_of(made[2:], {})) == ["No run finished, so there is nothing to rank."]


def test_of_an_error_the_lowest_is_taken():
    made = []
    for name, error in {"lstm": 0.10, "gru": 0.11}.items():
        made += over_seeds(name, [None] * 3, metrics={"test/mse": [error - 0.01, error, error + 0.01]})
    group = group_of(made, {"lstm": BEST, "gru": equivalent(0.005, 0.008)}, "test/mse")
    start = "Take lstm, the best mean of the 2 that are best or as good within 1 % of squared error: lstm (0.100), "
    assert answer(group)[0].startswith(start)


def test_on_several_machines_each_has_its_recommendation():
    """Times of two machines are not compared; which variant is good is."""
    other = {"hardware": {**HARDWARE, "threads": 1}}
    made = records({LATENCY: [2.0, 1.0, 3.0, 4.0]}) + over_seeds(
        "s4d", [0.9, 0.91, 0.92], metrics={LATENCY: [9.0] * 3}, environment=other
    )
    standings = {"lstm": BEST, "gru": equivalent(0.005, 0.008), "rnn": worse(0.01, 0.02), "cnn": worse(0.1, 0.2)}
    group = group_of(made, {**standings, "s4d": equivalent(0.0, 0.005)})
    assert answer(group) == [
        "On threads 2, take gru: it has the lowest latency p50, 1 ms, of the 2 that are best or as good within 1 point "
        "of accuracy: lstm (0.910), gru (0.905).",
        "On threads 1, take s4d (0.910): the only one there that is best or as good within 1 point of accuracy.",
    ]


def required(group, *texts):
    group.sifted = sift(group.variants, parse_all(texts))
    return answer(group)


def test_excluded_variants_are_named_with_the_number_that_excludes_them():
    costs = {LATENCY: [7.1, 1.0, 6.2, 0.5]}
    standings = {"gru": BEST, "cnn": worse(0.1, 0.2)}
    assert required(group_of(records(costs), standings), "latency/p50_ms<5") == [
        "Take gru: accuracy 0.905 (0.880 to 0.930), 3 seeds; every other variant that is not excluded is worse.",
        "Excluded by their means, which must meet latency/p50_ms<5: lstm (7.1 ms), rnn (6.2 ms).",
    ]


def test_where_one_variant_meets_the_requirements_it_is_taken():
    assert required(group_of(records({LATENCY: [7.1, 9.0, 6.2, 0.5]}), {}), "latency/p50_ms<5")[0] == (
        "Take cnn: no other variant meets latency/p50_ms<5; accuracy 0.800 (0.775 to 0.825), 3 seeds."
    )


def test_where_none_meets_the_requirements_the_nearest_is_named_and_nothing_is_recommended():
    group = group_of(records({LATENCY: [7.1, 9.0, 8.2, 9.5]}), {})
    assert required(group, "latency/p50_ms<5") == [
        "No variant meets latency/p50_ms<5: the nearest is lstm with 7.1 ms."
    ]


@pytest.mark.parametrize(("count", "end"), [(6, "cnn5 (9 ms)."), (8, "cnn5 (9 ms) and 2 more.")])
def test_a_sentence_names_six_excluded_variants(count, end):
    made = over_seeds("lstm", [0.9, 0.91, 0.92], metrics={LATENCY: [1.0] * 3})
    for number in range(count):
        made += over_seeds(f"cnn{number}", [0.8, 0.8, 0.8], metrics={LATENCY: [9.0] * 3})
    assert required(group_of(made, {}), "latency/p50_ms<5")[-1].endswith(end)
