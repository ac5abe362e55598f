"""The command line on files: a regression, several labels a text, and class weights, from the config to the report."""

import json
import random

import numpy as np
import pytest
from conftest import QUICK, refused

from harness.analysis.comparison import compare
from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.data import Split
from harness.data.batches import deal
from harness.data.labels import balanced_weights
from harness.records.record import DataSummary
from harness.runner import fingerprint
from harness.tasks.task import TASKS, check_task

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]
FAST = (*QUICK, "tracking=none", "encoder=bag_of_embeddings", "pooling=sum", "optimizer.lr=0.03", "data=files")


@pytest.fixture
def rows(tmp_path):
    """Texts with a price, a list of labels and a rare class, in the file rows.jsonl of the working folder."""
    rng = random.Random(0)
    found = []
    for _ in range(300):
        words = [rng.choice(WORDS) for _ in range(rng.randint(2, 9))]
        labels = [word for word in ("alpha", "beta") if word in words]
        kind = "rare" if words.count("gamma") > 1 else "common"
        price = 90_000 + 7000 * words.count("alpha")
        found.append({"text": " ".join(words), "price": price, "labels": labels, "kind": kind})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf8")
    return found


def test_a_regression_from_a_file_is_learned_and_reported_in_its_own_unit(rows, command):
    ended = command(*FAST, "data.train=rows.jsonl", "data.label=price", "data.task=regression", "trainer.epochs=8")
    assert ended.code == 0
    record, prices = ended.record, [row["price"] for row in rows]
    mean, deviation = record.data.label_scale
    assert abs(mean - np.mean(prices)) < 1000
    assert record.metrics["test/mse"] < 0.25 * np.var(prices)
    assert record.metrics["train/mse"] > 1000
    assert 0.8 * np.std(prices) < deviation < 1.2 * np.std(prices)
    assert "test/mse" in ended.out


def test_several_labels_a_text_are_learned_and_micro_f1_is_first(rows, command):
    ended = command(*FAST, "data.train=rows.jsonl", "data.label=labels", "data.task=multilabel", "trainer.epochs=5")
    assert ended.code == 0
    metrics = ended.record.metrics
    assert ended.record.data.classes == ["alpha", "beta"]
    assert metrics["test/f1_micro"] > 0.9
    assert metrics["test/exact_match"] > 0.8
    assert not (ended.record.folder / "confusion.json").exists()
    assert compare(ended.records, "x").groups[0].quality == "test/f1_micro"
    assert "test/f1_micro" in ended.out


def test_with_and_without_class_weights_are_two_variants_of_one_comparison(rows, command):
    swept = "data.class_weights=null,balanced"
    ended = command("-m", *FAST, "data.train=rows.jsonl", "data.label=kind", swept, "trainer.epochs=1")
    assert ended.code == 0
    one, other = ended.records
    assert one.data.hash == other.data.hash
    assert one.fingerprint != other.fingerprint
    assert one.variant != other.variant
    (group,) = compare(ended.records, "x").groups
    assert {variant.name for variant in group.variants} == {
        "bag_of_embeddings, class_weights=null", "bag_of_embeddings, class_weights=balanced"
    }
    assert one.metrics["train/loss"] != other.metrics["train/loss"]


def test_a_part_of_a_batch_weighs_as_much_as_the_classes_in_it():
    y = np.array([0, 0, 0, 1, 2, 0, 1])
    split, weights_C = Split(np.ones(7, np.int32), np.arange(8), y), balanced_weights(y, 3)
    loss_N = np.arange(7.0)
    parts = [deal(split, np.arange(7), number, 3, class_weights_C=weights_C) for number in range(3)]
    means = [np.average(loss_N[number::3], weights=weights_C[y[number::3]]) for number in range(3)]
    together = sum(mean * part.weight for mean, part in zip(means, parts, strict=True)) / 3
    assert together == pytest.approx(np.average(loss_N, weights=weights_C[y]))


def test_class_weights_decide_the_run_and_not_the_data():
    def identity(*overrides):
        config = compose(*overrides)
        return fingerprint.of(config, resolve_hardware(config), "hash")

    plain, weighted = identity("data=digits"), identity("data=digits", "data.class_weights=balanced")
    assert plain[0] != weighted[0]
    assert plain[1] != weighted[1]
    profile = "mode=profile"
    assert identity(profile) == identity(profile, "data.class_weights=balanced")


@pytest.mark.parametrize("task", TASKS)
def test_only_data_with_one_class_each_have_class_weights(task):
    summary = DataSummary("x", "", task, {"validation": 1})
    asked = compose("data.class_weights=balanced"), TASKS[task](["a", "b"]), summary
    if task in ("classification", "tagging"):
        check_task(*asked)
    else:
        said = f"data.class_weights=balanced is for classification and tagging, and this data's task is {task}; set"
        assert said in refused(check_task, *asked)


def test_other_weights_are_refused():
    assert "data.class_weights must be balanced or null, and is 'inverse'" in refused(
        compose, "data.class_weights=inverse"
    )
