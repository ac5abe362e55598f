"""A pretrained encoder from the command to its record: beside another encoder, and asked about new texts."""

import numpy as np
import pandas as pd
from conftest import QUICK, refused
from tiny_transformer import PIECES, WIDTH, save_bert

from harness.analysis.comparison import compare
from harness.backends.trained import TrainedModel
from harness.config.compose import compose
from harness.data.loaders.text import load_files
from harness.records import store
from harness.records.record import Hardware
from harness.records.settings import replaced
from harness.runner import fingerprint
from harness.tasks import predictions

TEXTS = ["the film was good", "a bad film !", "good", "the films was bad bad", "was a good good film", "bad !"]


def written(file, count=60):
    rows = [{"text": f"{TEXTS[n % 6]} {'the ' * (n // 6)}", "label": int("good" in TEXTS[n % 6])} for n in range(count)]
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


def test_it_stands_beside_another_encoder_and_answers_new_texts(command, tmp_path):
    model = save_bert(tmp_path / "tiny")
    data = ("data=files", f"data.train={written(tmp_path / 'a.csv')}", "data.max_length=21")
    ended = command(
        "-m", "encoder=bag_of_embeddings,pretrained", "+per.pretrained.model=tiny", *data, *QUICK, "tracking=none"
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "the rows are the same, and a pretrained encoder reads them with" in " ".join(ended.out.split())
    plain, record = sorted(ended.records, key=lambda one: one.choices["encoder"])
    (group,) = compare(ended.records, "files").groups
    assert sorted(variant.name for variant in group.variants) == ["bag_of_embeddings", "pretrained"]
    assert group.covers_items
    assert plain.data.rows_hash == record.data.rows_hash
    head = 2 * (WIDTH + 1)
    assert {key: record.metrics[f"cost/{key}"] for key in ("parameters", "encoder_parameters")} == {
        "parameters": head, "encoder_parameters": 0
    }  # fmt: skip
    assert record.metrics["cost/frozen_parameters"] > len(PIECES) * WIDTH
    assert "cost/frozen_parameters" not in plain.metrics
    assert record.metrics["cost/forward_flops"] > plain.metrics["cost/forward_flops"]
    assert record.environment.versions["transformers"]
    assert (record.folder / "best.ckpt").stat().st_size < 20_000

    data = load_files(str(tmp_path / "a.csv"), tokenizer="tiny", max_length=21)
    kept = predictions.load(record.folder / store.PREDICTIONS)
    trained = TrainedModel(record.folder)
    np.testing.assert_array_equal(trained.outputs(data.test).argmax(1), kept.predicted)
    one = trained.outputs(trained.split_of(["the film was good"]))
    batch = trained.outputs(trained.split_of(["the film was good", "a bad bad bad bad film !"]))
    np.testing.assert_allclose(one[0], batch[0], atol=1e-6)

    moved = model.rename(tmp_path / "moved")
    assert "encoder.model=tiny: there is no folder tiny" in refused(TrainedModel, record.folder)
    save_bert(tmp_path / "tiny", seed=1)
    assert "encoder.model=tiny holds another model than in this run's training" in refused(TrainedModel, record.folder)
    # the record with another path is that of the same run
    hardware = Hardware("cpu")
    here, there = (compose("encoder=pretrained", f"encoder.model={path}", "data=imdb") for path in ("tiny", moved))
    other = fingerprint.of(here, hardware, "a")
    assert fingerprint.of(there, hardware, "a") != other
    save_bert(tmp_path / "tiny")
    assert fingerprint.of(there, hardware, "a") == fingerprint.of(here, hardware, "a") != other
    assert here.encoder["model"] == "tiny"
    record.config = replaced(record.config, {"encoder.model": str(moved), "data.tokenizer": str(moved)})
    store.write(record)
    np.testing.assert_array_equal(TrainedModel(record.folder).outputs(data.test).argmax(1), kept.predicted)


def test_a_model_that_is_not_there_is_said_before_the_data_are_read(command):
    ended = command("encoder=pretrained", "encoder.model=tiny", "data=files", "data.train=none.csv")
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith("encoder.model=tiny: there is no folder tiny (looked in ")
    assert ended.records == []
