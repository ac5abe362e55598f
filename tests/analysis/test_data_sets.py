"""Which variants and data sets are summarised together, and what is said about the others."""

import pytest
from made_records import over_seeds

from harness.analysis.comparison import compare

KERAS = {"python": "3.11.7", "tensorflow": "2.21.0", "numpy": "2.4.6"}


def on(name, encoder="lstm", scores=(0.9, 0.8, 0.7), metric="test/accuracy", content=None, source=None, **more):
    """Runs of an encoder on the data set ``name``, three seeds."""
    data = {"hash": content or name, "source": source or name, "sizes": {"train": 100, "test": 50}}
    more["choices"] = {"data": name} | more.get("choices", {})
    more["data"] = data | more.get("data", {})
    accuracies = list(scores) if metric == "test/accuracy" else [None] * len(scores)
    metrics = {} if metric == "test/accuracy" else {metric: list(scores)}
    return over_seeds(encoder, accuracies, metrics=metrics, **more)


def over(records):
    return compare(records, "x").over_data_sets


def names(records):
    found = over(records)
    return {row.name for row in found.rows} if found else None


def both(*encoders, sets=("a", "b"), **more):
    return [run for name in sets for encoder in encoders for run in on(name, encoder, **more)]


def test_the_variants_of_two_data_sets_are_ranked_the_best_first():
    records = [
        *on("a", "lstm", [0.9, 0.9, 0.8]), *on("a", "gru", [0.7, 0.7, 0.8]),
        *on("b", "lstm", [2.0, 2.0, 2.0], "test/mse"), *on("b", "gru", [1.0, 1.0, 1.0], "test/mse"),
        *on("b", "rnn", [3.0, 3.0, 3.0], "test/mse"), *on("a", "rnn", [0.1, 0.1, 0.1]),
    ]  # fmt: skip
    found = over(records)
    assert found.titles == ["a", "b"]
    assert [row.name for row in found.rows] == ["gru", "lstm", "rnn"]
    gru, lstm, rnn = found.rows
    # on a, one of lstm's three runs ties with one of gru's three, and the others win
    assert (lstm.ranks, gru.ranks, rnn.ranks) == (
        pytest.approx([1 + 1 / 18, 2]), pytest.approx([2 - 1 / 18, 1]), [3, 3]
    )  # fmt: skip
    assert (lstm.runs, lstm.mean.value) == (6, pytest.approx(1.5 + 1 / 36))
    assert (lstm.behind, rnn.behind) == (False, True)
    # on a, the best mean error is 0.4 / 3; on b, an mse of 1
    assert [[round(ratio, 3) for ratio in ratios] for ratios in lstm.ratios] == [[0.75, 0.75, 1.5], [2, 2, 2]]
    assert found.notes == []


def test_one_data_set_or_one_shared_variant_has_no_summary():
    assert over(both("lstm", "gru", sets=("a",))) is None
    assert over(both("lstm")) is None
    assert over([*both("lstm"), *on("a", "gru"), *on("b", "rnn")]) is None
    assert over([*both("lstm", "gru")]) is not None


def test_curves_over_train_limit_are_one_data_set():
    sizes = [("a", 40, "a40"), ("a", 80, "a80")]
    records = [
        run for name, rows, content in sizes for encoder in ("lstm", "gru")
        for run in on(
            name, encoder, content=content, data={"sizes": {"train": rows, "test": 50}},
            config={"data.train_limit": rows},
        )
    ]  # fmt: skip
    assert len(compare(records, "x").groups) == 2
    assert over(records) is None
    found = over([*records, *both("lstm", "gru", sets=("b",), config={"data.train_limit": None})])
    assert found.titles == ["a", "b"]
    assert [row.runs for row in found.rows] == [6, 6]
    assert found.notes == ["One data set counts once: a (train_limit 80) does, a (train_limit 40) not."]


def test_other_preparations_versions_and_contents_are_one_data_set():
    prepared = [
        *both("lstm", "gru", sets=("a",), content="1", config={"data.tokenizer": "words"}),
        *both("lstm", "gru", sets=("a",), content="2", config={"data.tokenizer": "bytes"}),
    ]
    assert over(prepared) is None
    older = {"versions": {"python": "3.10.1", "torch": "2.12.0", "numpy": "2.4.6"}}
    assert over([*both("lstm", "gru", sets=("a",)), *both("lstm", "gru", sets=("a",), environment=older)]) is None
    changed = [run for content in "12" for name in ("lstm", "gru") for run in on("a", name, content=content)]
    assert over(changed) is None


def test_another_question_about_the_same_content_and_another_source_are_other_data_sets():
    columns = [
        run for column in ("upos", "deprel") for encoder in ("lstm", "gru")
        for run in on("ud", encoder, content=column, config={"data.column": column})
    ]  # fmt: skip
    assert over(columns).titles == ["ud (upos)", "ud (deprel)"]
    files = [run for file in ("x.csv", "y.csv") for name in ("lstm", "gru") for run in on("files", name, source=file,
                                                                                       content=file)]  # fmt: skip
    assert over(files).titles == ["files x.csv", "files y.csv"]


def test_of_several_groups_on_one_data_set_the_one_with_the_most_variants_counts():
    records = [
        *both("lstm", "gru"), *both("lstm", "gru", "rnn", sets=("a",), content="new", scores=(0.5, 0.4, 0.3)),
    ]  # fmt: skip
    found = over(records)
    assert found.notes == [
        "Left out, because they have no score on every one of these data sets: rnn (not on b).",
        "One data set counts once: a (content new) does, a (content a) not.",
    ]


def test_a_variant_without_a_score_on_one_data_set_is_left_out_and_named():
    failed = on("b", "rnn", [None], status="failed", reason="boom")
    found = over([*both("lstm", "gru"), *on("a", "rnn"), *failed, *on("a", "cnn")])
    assert {row.name for row in found.rows} == {"lstm", "gru"}
    assert found.notes == [
        "Left out, because they have no score on every one of these data sets: rnn (not on b), cnn (not on b)."
    ]


def test_a_data_set_with_too_few_of_the_variants_is_left_out_and_named():
    records = [*both("lstm", "gru", "rnn", "cnn", sets=("a", "b", "c")), *on("d", "lstm"), *on("d", "gru")]
    found = over(records)
    assert found.titles == ["a", "b", "c"]
    assert {row.name for row in found.rows} == {"lstm", "gru", "rnn", "cnn"}
    assert found.notes == ["Left out, because too few of these variants have a score there: d."]


def test_a_larger_data_set_with_other_variants_does_not_keep_the_others_from_their_summary():
    grid = [run for size in range(9) for run in on("a", "s4d", config={"encoder.hidden_size": size})]
    assert over([*grid, *both("lstm", "gru", sets=("b", "c"))]).titles == ["b", "c"]


def test_variants_are_matched_by_what_tells_them_apart_on_a_data_set():
    records = [
        run for name in ("a", "b") for pooling in ("mean", "max") for encoder in ("lstm", "gru")
        for run in on(name, encoder, choices={"pooling": pooling}, config={"pooling._target_": f"poolings.{pooling}"})
    ]  # fmt: skip
    expected = {f"{encoder}, pooling={pooling}" for encoder in ("lstm", "gru") for pooling in ("mean", "max")}
    assert names(records) == expected
    # where only one of the two ran, its setting is still known
    fewer = [run for run in records if (run.choices["data"], run.choices["pooling"]) != ("b", "max")]
    assert names(fewer) == {"lstm, pooling=mean", "gru, pooling=mean"}


def test_a_setting_that_each_data_set_has_for_itself_does_not_keep_variants_apart_and_is_named():
    records = [
        *both("lstm", "gru", sets=("a",), config={"optimizer.lr": 0.1}),
        *both("lstm", "gru", sets=("b",), config={"optimizer.lr": 0.2, "trainer.epochs": 9}),
    ]
    found = over(records)
    assert {row.name for row in found.rows} == {"lstm", "gru"}
    assert found.notes == [
        "Besides the data, these settings of a variant differ between the data sets: optimizer.lr, trainer.epochs."
    ]


def test_variants_with_a_setting_of_their_own_on_each_data_set_are_told_apart_by_what_they_share():
    """As after tuning: on each data set the tuned variant has another learning rate."""
    records = []
    for name, best in (("a", 0.3), ("b", 0.5)):
        for encoder in ("lstm", "gru"):
            records += on(name, encoder, choices={"tune": "none"}, config={"optimizer.lr": 0.1})
            records += on(name, encoder, choices={"tune": "equal"}, config={"optimizer.lr": best})
    assert names(records) == {
        "lstm, tune=none", "gru, tune=none", "lstm, tune=equal", "gru, tune=equal",
    }  # fmt: skip


def test_both_backends_are_variants_of_one_data_set():
    keras = {"choices": {"backend": "tensorflow"}, "environment": {"versions": KERAS}}
    records = [*both("lstm"), *[run for name in ("a", "b") for run in on(name, "lstm", **keras)]]
    assert names(records) == {"lstm, backend=pytorch", "lstm, backend=tensorflow"}


def test_one_config_on_two_machines_is_two_variants():
    epyc, xeon = ({"processor": processor} for processor in ("AMD EPYC", "Intel Xeon"))
    records = [*both("lstm", environment=epyc), *both("lstm", environment=xeon)]
    assert names(records) == {"lstm, processor=AMD EPYC", "lstm, processor=Intel Xeon"}


def test_a_machine_of_its_own_for_each_data_set_does_not_keep_variants_apart():
    records = [
        *both("lstm", "gru", sets=("a",), environment={"processor": "AMD EPYC"}),
        *both("lstm", "gru", sets=("b",), environment={"processor": "Intel Xeon"}),
    ]
    found = over(records)
    assert {row.name for row in found.rows} == {"lstm", "gru"}
    assert found.notes == []


def test_an_accuracy_without_errors_is_compared_by_one_test_item():
    records = [
        run for name in ("a", "b") for encoder, score in (("lstm", 1.0), ("gru", 0.9))
        for run in on(name, encoder, [score] * 3)
    ]  # fmt: skip
    gru = over(records).rows[1]
    assert [[round(ratio, 6) for ratio in ratios] for ratios in gru.ratios] == [[5, 5, 5]] * 2  # 5 of 50 items to 1
