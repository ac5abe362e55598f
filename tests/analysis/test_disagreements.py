"""The items that variants differ on and McNemar's table, counted by hand, for every task."""

import itertools

import numpy as np
import pytest
from made_records import classified, keep, made

from harness.analysis import disagreements as module
from harness.analysis.comparison import compare
from harness.analysis.disagreements import disagreements
from harness.analysis.statistics import Standing
from harness.records import store
from harness.tasks.predictions import Predictions

TRUTH = [0, 1, 0, 1, 1]
PREDICTED = {
    "lstm": [[0, 1, 0, 1, 0], [0, 1, 0, 0, 0]],
    "gru": [[1, 1, 0, 0, 1], [1, 1, 0, 0, 1]],
    "rnn": [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0]],
}


def group_of(records):
    (group,) = compare(records, "made").groups
    return group


@pytest.fixture
def group(tmp_path):
    found = group_of(classified(tmp_path, PREDICTED, TRUTH, ["neg", "pos"]))
    for variant in found.variants:
        variant.standings["test/accuracy"] = Standing({"lstm": "best", "gru": "open", "rnn": "worse"}[variant.name])
    return found


def test_the_items_that_the_variants_which_are_not_worse_differ_on_the_most_different_first(group):
    found = disagreements(group)
    assert [variant.name for variant in found.variants] == ["lstm", "gru"]
    assert found.metric == "test/accuracy"
    assert [(item.row, item.truth) for item in found.items] == [(0, "neg"), (4, "pos"), (3, "pos")]
    assert found.differing == 3
    said = [[(one.text, one.count, one.runs, one.right) for one in item.answers] for item in found.items]
    assert said == [
        [("neg", 2, 2, 1.0), ("pos", 2, 2, 0.0)],
        [("neg", 2, 2, 0.0), ("pos", 2, 2, 1.0)],
        [("pos", 1, 2, 0.5), ("neg", 2, 2, 0.0)],
    ]


def test_mcnemars_table_is_the_mean_over_all_pairs_of_runs(group):
    found = disagreements(group).agreement
    assert (found.one.name, found.other.name, found.items) == ("lstm", "gru", 5)
    # pairs of runs: lstm alone is right on rows 0 and 3, or on row 0; gru alone on row 4
    assert (found.only_one, found.only_other) == (pytest.approx(1.5), pytest.approx(1.0))
    assert found.agree == pytest.approx(1 - 2.5 / 5)
    assert found.within == (pytest.approx(4 / 5), 1)  # the two runs of lstm differ on row 3


def test_agreement_is_that_of_every_pair_of_random_runs(tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 211).tolist()
    runs = {name: [rng.integers(0, 3, 211).tolist() for _ in range(seeds)] for name, seeds in (("a", 3), ("b", 2))}
    found = disagreements(group_of(classified(tmp_path, runs, truth, ["x", "y", "z"]))).agreement
    right = {name: [np.array(ids) == truth for ids in own] for name, own in runs.items()}
    one, other = right[found.one.name], right[found.other.name]
    assert found.only_one == pytest.approx(np.mean([(a & ~b).sum() for a in one for b in other]))
    assert found.only_other == pytest.approx(np.mean([(b & ~a).sum() for a in one for b in other]))
    assert found.agree == pytest.approx(np.mean([(a == b).mean() for a in one for b in other]))
    for runs, within in zip((one, other), found.within, strict=True):
        assert within == pytest.approx(np.mean([(a == b).mean() for a, b in itertools.combinations(runs, 2)]))


def test_where_all_others_are_worse_the_second_best_is_compared(group):
    for variant in group.variants:
        variant.standings["test/accuracy"] = Standing("best" if variant.name == "lstm" else "worse")
    assert [variant.name for variant in disagreements(group).variants] == ["lstm", "gru"]


def test_at_most_50_items_and_8_variants(tmp_path):
    rng = np.random.default_rng(0)
    runs = {f"encoder{number}": [rng.integers(0, 2, 131).tolist()] for number in range(11)}
    found = disagreements(group_of(classified(tmp_path, runs, [0] * 131, ["a", "b"])))
    assert (len(found.variants), len(found.items)) == (8, 50)
    assert found.differing > 100
    assert [len(item.answers) for item in found.items] == [8] * 50
    rows = [item.row for item in found.items]
    assert len(set(rows)) == 50
    assert max(rows) > 100  # of equally different ones not only the first


def test_without_predictions_of_two_variants_there_is_nothing_to_list(tmp_path, group):
    for variant in group.variants[1:]:
        for run in variant.runs:
            (run.folder / store.PREDICTIONS).unlink()
    assert disagreements(group) is None
    assert disagreements(group_of([made("lstm"), made("gru", accuracy=0.5)])) is None
    assert disagreements(group_of([made("lstm", accuracy=None, status="failed")])) is None


def test_variants_without_predictions_are_left_out_of_the_others(group):
    for run in group.variants[0].runs:
        (run.folder / store.PREDICTIONS).write_bytes(b"damaged")
    assert len(disagreements(group).variants) == 2
    assert group.variants[0] not in disagreements(group).variants


def two(tmp_path, task, metric, scores, one, other, **data):
    """What two variants of one run each disagree on."""
    records = [
        keep(tmp_path, Predictions(task, *arrays), encoder, metrics={metric: score}, data=data)
        for encoder, arrays, score in zip(("lstm", "gru"), (one, other), scores, strict=True)
    ]
    return disagreements(group_of(records))


def test_tags_name_the_wrong_ones_and_an_item_is_right_if_all_are(tmp_path):
    ends, truth = np.array([0, 6, 7]), np.array([0, 1, 0, 1, 0, 2, 0])
    one, other = np.array([0, 1, 0, 1, 0, 0, 0]), np.array([1, 0, 1, 0, 0, 0, 0])
    found = two(tmp_path, "tagging", "test/accuracy", (6 / 7, 2 / 7), (one, truth, ends, ends),
                (other, truth, ends, ends), classes=["O", "B-PER"], unseen=["B-NEW"])  # fmt: skip
    (item,) = found.items
    assert (item.row, item.truth) == (0, "O B-PER O B-PER O B-NEW")
    assert [answer.text for answer in item.answers] == [
        "label 6: O for B-NEW",
        "label 1: B-PER for O; label 2: O for B-PER; label 3: B-PER for O; 2 more",
    ]
    assert [answer.right for answer in item.answers] == [0, 0]
    assert (found.agreement.agree, found.agreement.within) == (1, (None, None))


def test_several_labels_are_named_together_and_scored_by_exact_match_beside_f1(tmp_path):
    truth = np.array([[1, 1, 0], [0, 0, 0]]) > 0
    other = np.array([[1, 0, 0], [0, 0, 0]]) > 0
    records = [
        keep(tmp_path, Predictions("multilabel", predicted, truth), encoder, data={"classes": ["a", "b", "c"]},
             metrics={"test/f1_micro": score, "test/exact_match": exact})
        for encoder, predicted, score, exact in (("lstm", truth, 1.0, 1.0), ("gru", other, 2 / 3, 0.5))
    ]  # fmt: skip
    found = disagreements(group_of(records))
    assert found.metric == "test/exact_match"
    (item,) = found.items
    assert (item.truth, [answer.text for answer in item.answers]) == ("a, b", ["a, b", "a"])
    assert (found.agreement.only_one, found.agreement.only_other) == (1, 0)


def test_numbers_are_means_and_neither_right_nor_wrong(tmp_path):
    truth = np.array([1.0, 3.0], np.float32)
    one, other = np.array([1.5, 3.0], np.float32), np.array([0.0, 3.0], np.float32)
    found = two(tmp_path, "regression", "test/mse", (0.125, 0.5), (one, truth), (other, truth))
    (item,) = found.items
    assert (item.row, item.truth, [answer.text for answer in item.answers]) == (0, "1", ["1.5", "0"])
    assert [(answer.count, answer.right) for answer in item.answers] == [(None, None)] * 2
    assert found.agreement is None


def test_transcripts_are_shown_whole_and_long_ones_shortened(tmp_path):
    long = module.MOST_LABELS + 7
    truth, ends = np.array([0, 1, *[2] * long]), np.array([0, 2, 2 + long])
    nothing = np.array([], np.int64), truth, np.array([0, 0, 0]), ends
    found = two(tmp_path, "ctc", "test/label_error_rate", (0, 1), (truth, truth, ends, ends), nothing,
                classes=["zero", "one", "two"])  # fmt: skip
    first, second = found.items
    assert (first.truth, [answer.text for answer in first.answers]) == ("zero one", ["zero one", "no label"])
    assert second.truth == " ".join(["two"] * module.MOST_LABELS) + " … 7 more"
    assert (found.agreement.only_one, found.agreement.only_other, found.agreement.agree) == (2, 0, 0)
