"""A run's outline of its data: all that a model is built from, without a row."""

import dataclasses
import json

import numpy as np
import pytest
from conftest import refused

from harness.data import Dataset, from_sequences, load_outline, save_outline
from harness.data.characters import spell
from harness.data.dataset import SPECIAL
from harness.data.loaders.series import Scale
from harness.data.series_preparation import SeriesPreparation

VOCABULARY = [*SPECIAL, "a", "b\ud800", "c"]
IDS = [[2, 3], [4, 4, 2, 3, 1], [3]]


def made(task, tokens=True):
    x = IDS if tokens else [np.full((len(ids), 3), 0.5) for ids in IDS]
    labels = {
        "classification": ["p", "q", "p"],
        "tagging": [["p"] * len(ids) for ids in IDS],
        "multilabel": [["p"], [], ["q", "p"]],
        "regression": [1.0, 2.5, 4.0],
        "ctc": [["p", "q"], ["q"], ["q"]],
    }[task]
    classes = [] if task == "regression" else ["p", "q"]
    held_out = x[:1], labels[:1]
    return from_sequences(
        (x, labels), held_out, held_out, classes=classes, vocabulary=VOCABULARY if tokens else [], source="made",
        notes={"rows": 3}, task=task, standardise_labels=task == "regression",
    )  # fmt: skip


KEPT = ("classes", "unseen", "vocabulary", "source", "notes", "task", "tolerance", "label_scale", "alphabet")


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("task", ["classification", "tagging", "multilabel", "regression", "ctc"])
def test_the_outline_has_what_the_data_has_without_its_rows(tmp_path, task, tokens):
    data = made(task, tokens)
    save_outline(data, tmp_path)
    found = load_outline(tmp_path)
    assert {name: getattr(found, name) for name in KEPT} == {name: getattr(data, name) for name in KEPT}
    assert (found.max_length, found.width, found.tokens) == (5, data.width, tokens)
    assert [len(split) for split in found.splits.values()] == [1, 0, 0]
    assert not found.train.x.any()
    for split, other in zip(found.splits.values(), data.splits.values(), strict=True):
        assert (split.x.dtype, split.y.dtype) == (other.x.dtype, other.y.dtype)
        assert split.y.shape[1:] == other.y.shape[1:]
        assert (split.y_offsets is None) == (other.y_offsets is None)
    assert found.preparation is None


def test_the_outline_keeps_the_longest_word_and_the_preparation(tmp_path):
    data = made("tagging")
    words = [["xyz"] * len(ids) for ids in IDS]
    parts = {name: spell(words[: len(split)], [*SPECIAL, *"xyz"], 3, 1) for name, split in data.splits.items()}
    splits = {name: dataclasses.replace(data.splits[name], characters=own) for name, own in parts.items()}
    preparation = SeriesPreparation(Scale(np.zeros(2), np.ones(2)), True)
    data = Dataset(**splits, classes=data.classes, vocabulary=VOCABULARY, alphabet=[*SPECIAL, *"xyz"])
    preparation.save(tmp_path)
    save_outline(data, tmp_path)
    found = load_outline(tmp_path)
    assert found.train.characters.table_SW.shape == (1, 3)
    assert found.train.characters.spelling_T.tolist() == [0] * 5
    assert found.alphabet == data.alphabet
    assert isinstance(found.preparation, SeriesPreparation)
    (tmp_path / "preparation.json").unlink()
    assert refused(load_outline, tmp_path).startswith(f"{tmp_path} has no preparation.json, by which its rows were")


def test_a_run_without_an_outline_is_named(tmp_path):
    assert refused(load_outline, tmp_path).startswith(f"{tmp_path} keeps no outline of its data")


@pytest.mark.parametrize("change", [
    lambda content: content.pop("classes"),
    lambda content: content.pop("max_length"),
    lambda content: content.update(labels=None),
    lambda content: content.update(max_length="5"),
])  # fmt: skip
def test_a_damaged_outline_is_named(tmp_path, change):
    save_outline(made("classification"), tmp_path)
    content = json.loads((tmp_path / "outline.json").read_text())
    change(content)
    (tmp_path / "outline.json").write_text(json.dumps(content))
    assert f"{tmp_path / 'outline.json'} is damaged" in refused(load_outline, tmp_path)


def test_what_is_no_json_is_damaged(tmp_path):
    (tmp_path / "outline.json").write_bytes(b"\xff{")
    assert "is damaged" in refused(load_outline, tmp_path)
