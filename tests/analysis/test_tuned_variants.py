"""Tuned variants among others: what trials chose differs between data sets, and is not what a command asked for."""

from made_records import over_seeds

from harness.analysis.comparison import compare
from harness.analysis.gate_baseline import baseline_of
from harness.analysis.regression_gate import check
from harness.analysis.training_rows import curves_over_rows
from harness.analysis.variants import gather
from harness.records.settings import replaced
from harness.records.tuning import Tuning

SPACE = {"optimizer": {"lr": [0.001, 0.01, 0.02]}}


def tuned(encoder, lr, accuracies=(0.9, 0.8, 0.7), config=None, **more):
    """Runs of a variant for which trials chose this learning rate."""
    tune = {"space": SPACE, "trials": None, "seed": 0, "prune": False, "trial": None} | more.pop("tune", {})
    tuning = Tuning("val/accuracy", 0, [0.5, 0.6, 0.7], 2, {"optimizer.lr": lr}, seconds=3.0)
    return over_seeds(
        encoder, list(accuracies), config={"tune": tune, "optimizer.lr": lr, **(config or {})}, tuning=tuning, **more
    )


def test_variants_that_were_tuned_in_different_ways_are_no_versions_of_one_another():
    ways = [{}, {"seed": 1}, {"prune": True}, {"space": {"optimizer": {"lr": [0.01, 0.5, 0.6]}}}]
    records = [run for place, way in enumerate(ways) for run in tuned("lstm", 0.01, tune=way, code=f"{place}")]
    gathered = gather(records)
    assert (len(gathered.variants), len(gathered.outdated)) == (4, 0)
    assert len({variant.name for variant in compare(records, "x").variants}) == 4


def test_a_variant_that_was_tuned_again_with_other_code_replaces_the_earlier_one_whatever_was_chosen():
    gathered = gather([*tuned("lstm", 0.01, code="old"), *tuned("lstm", 0.02, code="new", started=1)])
    assert [variant.record.config["optimizer"]["lr"] for variant in gathered.variants] == [0.02]
    assert len(gathered.outdated) == 1


def test_a_tuned_variant_is_the_same_on_all_data_sets_whatever_was_chosen_there():
    """Also beside the untuned one, from which its learning rate tells it apart on either of them."""
    records = []
    for name, lr in (("a", 0.01), ("b", 0.02)):
        on = {"choices": {"data": name}, "data": {"hash": name, "source": name}}
        records += [*tuned("lstm", lr, **on), *tuned("gru", 0.01, **on), *over_seeds("lstm", [0.5, 0.5, 0.5], **on)]
    found = compare(records, "x").over_data_sets
    assert {row.name for row in found.rows} == {"lstm, lr=tuned", "lstm, lr=0.001", "gru"}
    assert [note for note in found.notes if "Left out" in note] == []
    assert any("optimizer.lr" in note for note in found.notes), "the chosen values are said"


def test_a_tuned_variant_has_one_curve_over_the_rows_whatever_was_chosen_for_each_size():
    records = []
    for rows, lr in ((100, 0.01), (400, 0.02), (1600, 0.01)):
        data = {"hash": f"{rows}", "source": "a.csv", "sizes": {"train": rows, "validation": 10, "test": 10}}
        limit = {"config": {"data.train_limit": rows}, "data": data}
        records += [*tuned("lstm", lr, **limit), *tuned("gru", 0.02, **limit)]
    (curves,) = curves_over_rows(compare(records, "x").groups)
    assert {curve.name: list(curve.points) for curve in curves.curves} == {
        "lstm": [100, 400, 1600], "gru": [100, 400, 1600],
    }  # fmt: skip


def test_a_baseline_is_matched_by_what_was_asked_for_and_not_by_what_trials_chose():
    chosen = {("lstm", 8): 0.01, ("lstm", 16): 0.02, ("gru", 8): 0.02, ("gru", 16): 0.001}
    records = [
        run for (encoder, batch_size), lr in chosen.items()
        for run in tuned(encoder, lr, config={"trainer.batch_size": batch_size})
    ]  # fmt: skip
    compared = compare(records, "x", baseline="encoder=lstm")
    pairs = {
        variant.name: difference.baseline
        for variant in compared.variants
        if (difference := variant.baseline_differences.get("test/accuracy"))
    }
    assert pairs == {
        "gru, lr=0.02, batch_size=8": "lstm, lr=0.01, batch_size=8",
        "gru, lr=0.001, batch_size=16": "lstm, lr=0.02, batch_size=16",
    }


def test_the_gate_compares_a_tuned_variant_with_itself_whatever_was_chosen():
    before, after = (
        compare(tuned("lstm", lr, overrides=[f"optimizer.lr={lr}", "trainer.epochs=2", "tune=learning_rate"]), "x")
        for lr in (0.01, 0.02)
    )
    (name,) = baseline_of(before)
    assert name.startswith("digits: lstm/trainer.epochs=2/tune=learning_rate (")
    outcome = check(after, baseline_of(before))
    assert [check.metric for check in outcome.checks] == ["test/accuracy"]
    assert outcome.unjudged == []


def test_a_nested_config_is_copied_where_it_changes():
    config = {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert replaced(config, {"a.c.d": 5, "f.g": 6}) == {"a": {"b": 1, "c": {"d": 5}}, "e": 3, "f": {"g": 6}}
    assert config == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
