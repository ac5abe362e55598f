"""Runs with word vectors: their record, their fingerprint, and their model without the file."""

import shutil
from pathlib import Path

import numpy as np
from conftest import QUICK

from harness.analysis.variant_names import name_variants
from harness.analysis.variants import gather
from harness.backends.trained import TrainedModel
from harness.config.compose import compose
from harness.config.schema import HardwareConfig
from harness.data import Split, open_prepared
from harness.records.record import Hardware
from harness.report.data_notes import data_notes
from harness.runner import fingerprint
from harness.runner.run import prepare_data

CPU = HardwareConfig(accelerator="cpu", devices=1, nodes=1, precision="32", threads=1)


def test_the_content_of_the_file_decides_and_its_place_does_not():
    def identity(path, content, frozen="false"):
        config = compose("input=pretrained_vectors", f"input.vectors={path}", f"input.frozen={frozen}")
        return fingerprint.of(config, Hardware("cpu"), "hash", vectors=content)

    assert identity("a.txt", "x") == identity("b.txt", "x") == identity("a.txt", "x", frozen="null")
    assert identity("a.txt", "x")[1] != identity("a.txt", "y")[1]
    assert identity("a.txt", "x")[1] != identity("a.txt", "x", frozen="true")[1]


def test_a_run_notes_what_the_file_covers_and_answers_when_it_is_gone(command, tmp_path):
    rows = [f"{'good' if row % 2 else 'bad'} film number{row % 7},{row % 2}" for row in range(60)]
    Path("reviews.csv").write_text("\n".join(["text,label", *rows]))
    Path("glove.txt").write_text("good 1 0 0.5\nbad -1 0 0.5\nfilm 0 1 0.5\n")
    overrides = (
        "data=files", "data.train=reviews.csv", "data.text=text", "data.label=label", "encoder=bag_of_embeddings",
        "input=pretrained_vectors", "input.vectors=glove.txt", "tracking=none", *QUICK,
    )  # fmt: skip
    refused = command(*overrides, "input.size=128")
    assert (refused.code, refused.records) == (2, [])
    assert "input.size=128, and the vectors of glove.txt are 3 wide" in refused.err
    ended = command("-m", *overrides, "input.frozen=false,true")
    assert ended.code == 0, ended.err
    covered = "glove.txt (input.vectors) has 3 of the 10 tokens of the vocabulary (30.0%)"
    assert covered in ended.err
    assert [note for note in data_notes(ended.records) if covered in note] == [
        f"{covered} and 66.7% of the train tokens; the others start at random"
    ]
    note = ended.records[0].data.notes["word_vectors"]
    assert note["train_tokens"] == 2 / 3
    variants = gather(ended.records).variants
    name_variants(variants)
    assert sorted(variant.name for variant in variants) == [
        "bag_of_embeddings, frozen=false", "bag_of_embeddings, frozen=true"
    ]  # fmt: skip
    Path("glove.txt").rename("moved.txt")
    again = command("-m", *overrides, "input.frozen=false,true", "input.vectors=moved.txt")
    assert len(again.records) == 2
    Path("moved.txt").unlink()
    config = compose(*overrides)
    test = open_prepared(prepare_data(config)).test
    test = Split(*map(np.array, (test.x, test.offsets, test.y)))  # in memory
    shutil.rmtree(tmp_path / "outputs" / "cache")
    for record in ended.records:
        model = TrainedModel(record.folder, CPU)
        answers_N = model.outputs(test).argmax(-1)
        with np.load(record.folder / "predictions.npz") as kept:
            np.testing.assert_array_equal(answers_N, kept["predicted"])
        assert model.backend.model.input.weight.requires_grad == (not record.config["input"]["frozen"])
        assert len(model.predict(["good film", "a bad one"])) == 2
