"""Pretrained encoders beside others: on the same rows in one group, by all that counts no tokens."""

import pytest
from made_records import LATENCY, TOKENS, classified, over_seeds

from harness.analysis.comparison import compare
from harness.analysis.pools import pools
from harness.records.metrics import END_TO_END, FROZEN_PARAMETERS, PARAMETERS
from harness.report.html.choice import panel
from harness.report.html.tradeoffs import tradeoffs
from harness.report.html.variant_marks import styled
from harness.report.notes import notes

TARGET = {"encoder._target_": "harness.backends.pytorch.encoders.Pretrained", "encoder.model": "me/tiny"}
ACCURACIES = [0.9, 0.91, 0.92]


def trained(encoder="lstm", accuracies=ACCURACIES, data=(), tokenizer="words", **more):
    facts = {"hash": "a", "rows_hash": "rows", "vocabulary_size": 2000, "max_length": 9, **dict(data)}
    config = {"data.tokenizer": tokenizer, "data.max_length": 9, "input": {"size": 128}, **more.pop("config", {})}
    metrics = {LATENCY: [2.0, 2.1, 2.2], TOKENS: [9.0, 9.1, 9.2], PARAMETERS: [1000] * 3, **more.pop("metrics", {})}
    return over_seeds(encoder, accuracies, data=facts, config=config, metrics=metrics, **more)


def pretrained(data=(), config=(), metrics=(), frozen=True, **more):
    settings = {**TARGET, "encoder.frozen": frozen, "input": {"size": None}, **dict(config)}
    found = {END_TO_END: [5.0] * 3, **({FROZEN_PARAMETERS: [50_000] * 3} if frozen else {}), **dict(metrics)}
    return trained(
        "pretrained", data={"hash": "b", "vocabulary_size": 3000, **dict(data)}, tokenizer="me/tiny", config=settings,
        metrics=found, **more,
    )  # fmt: skip


def names(groups):
    return [[variant.name for variant in group.variants] for group in groups]


def test_it_is_in_the_group_of_the_same_rows_and_its_name_says_nothing_that_it_implies():
    records = [*pretrained(), *trained(), *trained("gru")]
    assert names(compare(records, "x").groups) == [["lstm", "gru", "pretrained"]]


def test_other_rows_another_cut_or_rows_that_are_not_known_are_other_groups():
    for other in (
        pretrained(data={"rows_hash": "others"}), pretrained(data={"rows_hash": None}),
        pretrained(config={"data.max_length": 8}),
    ):  # fmt: skip
        assert names(compare([*trained(), *other], "x").groups) == [["lstm"], ["pretrained"]]


def test_two_tokenizers_of_which_no_encoder_brings_one_stay_apart_whatever_came_first():
    subwords = trained("gru", data={"hash": "c"}, tokenizer="subwords")
    for records in ([*pretrained(), *trained(), *subwords], [*trained(), *subwords, *pretrained()]):
        groups = compare(records, "x").groups
        assert names(groups) == [["lstm", "pretrained"], ["gru"]]


def test_two_versions_of_transformers_are_not_ranked_together():
    versions = {"python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"}
    environments = [{"versions": {**versions, "transformers": version}} for version in ("5.24.0", "5.25.0")]
    first, second = (pretrained(environment=environment) for environment in environments)
    assert len(compare([*first, *second], "x").groups) == 2
    mixed = trained(environment=environments[1])  # which computes without it
    assert names(compare([*first, *mixed], "x").groups) == [["lstm", "pretrained"]]


def test_quality_and_latency_are_ranked_and_what_counts_tokens_or_trained_parameters_is_not():
    (group,) = compare([*trained(), *trained("gru", [0.5, 0.5, 0.5]), *pretrained()], "x").groups
    ranked = {
        metric: [[variant.name for variant in pool] for pool in pools(group, metric)]
        for metric in ("test/accuracy", LATENCY, TOKENS, END_TO_END, PARAMETERS)
    }
    assert ranked["test/accuracy"] == ranked[LATENCY] == [["lstm", "gru", "pretrained"]]
    assert ranked[TOKENS] == [["lstm", "gru"], ["pretrained"]]
    assert ranked[END_TO_END] == [[], ["pretrained"]]
    assert ranked[PARAMETERS] == [["lstm", "gru"]]
    last = group.variants[2]
    assert last.verdict("test/accuracy")
    assert not last.verdict(TOKENS)
    assert not last.verdict(PARAMETERS)


def test_no_front_and_no_choice_of_the_page_joins_tokens_of_two_tokenizers():
    slow = pretrained(accuracies=[0.95, 0.951, 0.952], metrics={TOKENS: [1.0, 1.1, 1.2], LATENCY: [9.0, 9.1, 9.2]})
    (group,) = compare([*trained(), *trained("gru", [0.5, 0.5, 0.5], metrics={TOKENS: [20.0] * 3}), *slow], "x").groups
    plots = {plot.title: plot for plot in tradeoffs(group, styled(group))}
    fronts = {
        title: [list(trace.x) for trace in plot.figure.data if trace.name == "Pareto front"]
        for title, plot in plots.items()
    }
    assert fronts["Accuracy against train tokens/s"] == [pytest.approx([20.0, 9.1])]
    assert "Tokens of different tokenizers" in plots["Accuracy against train tokens/s"].caption
    assert [len(front) for front in fronts["Accuracy against latency p50"]] == [2]
    assert "Tokens of different" not in plots["Accuracy against latency p50"].caption
    compared = {one["name"]: one["compared"] for one in panel(group).variants}
    assert compared["lstm"][TOKENS] == compared["gru"][TOKENS] != compared["pretrained"][TOKENS]
    assert len({own[LATENCY] for own in compared.values()}) == 1
    assert PARAMETERS not in compared["pretrained"]


def test_the_parameters_of_a_tuned_one_are_ranked():
    (group,) = compare([*trained(), *pretrained(frozen=False)], "x").groups
    assert [len(pool) for pool in pools(group, PARAMETERS)] == [2]


def test_the_notes_say_what_it_learned_from_what_reads_its_texts_and_what_is_frozen():
    found = notes(compare([*trained(), *pretrained(data={"max_length": 12})], "x"))
    assert (
        "Trained before on other data, which may contain texts of this test split: me/tiny; nothing here can rule that "
        "out."
    ) in found
    assert (
        "digits: the rows are the same, and a pretrained encoder reads them with its own tokenizer (lstm: words, 2,000 "
        "tokens; pretrained: me/tiny, 3,000 tokens); their tokens are not alike, so that tokens per second are not "
        "ranked between them, and of a text with more than 9 tokens they do not read the same part."
    ) in found
    assert (
        "digits: latency is that of a sequence of so many tokens of its own (lstm: 9; pretrained: 12), which are not "
        "the same amount of text; measure.serve=true times the same texts."
    ) in found
    assert (
        "digits: frozen weights are not trained (pretrained): the parameters that count there are those of pooling and "
        "head alone, and are not ranked."
    ) in found
    assert not [one for one in notes(compare(trained(), "x")) if "rows are the same" in one or "before" in one]


def test_items_are_paired_over_tokenizers(tmp_path):
    """The rows of the test split are the same in the same order, so that their number decides and not the tokens."""
    truth = [0, 1] * 20
    right = {"lstm": [[*truth[:30], *[0] * 10]] * 3, "pretrained": [truth] * 3}
    records = classified(tmp_path, right, truth, ["0", "1"], config={"data.max_length": 9})
    for record in records:
        record.data.rows_hash, record.data.hash = "rows", record.choices["encoder"]
        if record.choices["encoder"] == "pretrained":
            record.config["encoder"] |= {"_target_": TARGET["encoder._target_"], "frozen": False}
    (group,) = compare(records, "x").groups
    assert group.covers_items
    assert {variant.name: variant.means["test/accuracy"].mean for variant in group.variants} == {
        "lstm": 0.875, "pretrained": 1.0
    }  # fmt: skip
    assert compare(records, "x").disagreements[0] is not None
