"""Baselines beside other encoders: one sweep, one comparison, and settings that only the others read."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK
from made_records import over_seeds
from omegaconf import OmegaConf
from shipped import choices

from harness.analysis import budgets
from harness.analysis.comparability import make_groups
from harness.analysis.variant_names import IMPLIED
from harness.analysis.variants import gather
from harness.backends.trained import TrainedModel
from harness.config.compose import compose, compose_whole
from harness.config.libraries import COMPUTING_PACKAGES, LIBRARY, NOT_READ, is_read
from harness.config.shipped import overridden_by
from harness.records.record import Hardware
from harness.records.settings import flatten, without
from harness.report.terminal import print_runs
from harness.runner import fingerprint


@pytest.fixture
def csv(tmp_path):
    """300 texts of five words; the label is whether the pair "not good" is among them."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(300):
        words = rng.choice(["film", "plot", "cast", "good", "not"], 5).tolist()
        if number % 2:
            words[1:3] = ["not", "good"]
        rows.append((" ".join(words), int("not good" in " ".join(words))))
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


def test_a_sweep_over_encoders_of_two_backends_is_one_comparison_of_tuned_and_fitted_models(command, csv, tmp_path):
    ended = command(
        "-m", "encoder=lstm,tfidf_logreg,dummy", "data=files", f"data.train={csv}", "seed=0", *QUICK,
        "+per.tfidf_logreg.C=[1,30]", "+per.tfidf_logreg.min_rows=1", "input.size=8", "tracking=none",
        "+tune.space.optimizer.lr=[0.1,0.2]", "pooling=max",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "tune.space.optimizer.lr is left out for tfidf_logreg, dummy, which does not read it" in ended.err
    assert ended.err.count("encoder=dummy: backend=sklearn does not read") == 1
    assert "input.size=8" in ended.err
    assert "trainer.epochs=2" in ended.err
    (file,) = (tmp_path / "outputs" / "reports" / "files").glob("*/report.csv")
    table = pd.read_csv(file)
    assert set(table["variant"]) == {"lstm, tuned=2 trials", "tfidf_logreg, tuned=no", "dummy, tuned=no"}
    by_encoder = {one.choices["encoder"]: one for one in ended.records if not one.is_trial}
    assert {name: one.choices["backend"] for name, one in by_encoder.items()} == {
        "lstm": "pytorch", "tfidf_logreg": "sklearn", "dummy": "sklearn",
    }  # fmt: skip
    assert len(make_groups(gather(by_encoder.values()).variants)) == 1
    scores = {name: one.metrics["test/accuracy"] for name, one in by_encoder.items()}
    assert scores["tfidf_logreg"] == 1  # a pair decides
    m_CC = np.array(json.loads((by_encoder["dummy"].folder / "confusion.json").read_text()))
    assert (m_CC.sum(0) > 0).sum() == 1  # one answer to everything
    assert scores["dummy"] == m_CC.sum(1)[m_CC.sum(0) > 0] / m_CC.sum()
    metrics = by_encoder["tfidf_logreg"].metrics
    assert {"latency/p50_ms", "memory/host_train_peak_mib", "speed/training_seconds", "test/loss"} <= set(metrics)
    assert "speed/train_tokens_per_second" not in metrics
    assert metrics["cost/epochs"] == metrics["cost/steps"] == 1
    tried = json.loads((by_encoder["tfidf_logreg"].folder / "candidates.json").read_text())
    assert [one["C"] for one in tried] == [1, 30]
    assert {name: budgets.trials(one) for name, one in by_encoder.items()} == {"lstm": 2, "tfidf_logreg": 2, "dummy": 0}

    model = TrainedModel(by_encoder["tfidf_logreg"].folder)
    answers = model.predict(["film not good plot cast", "film good not plot cast"])
    assert answers["label"].tolist() == ["1", "0"]
    assert TrainedModel(by_encoder["dummy"].folder).predict(["?"])["probability"][0] >= 0.5


def test_what_a_backend_does_not_read_decides_nothing_in_its_runs():
    def identity(*overrides: str) -> str:
        return fingerprint.of(compose(*overrides), Hardware("cpu"), "hash")[0]

    shared = ("optimizer.lr=0.5", "trainer.epochs=9", "pooling=max", "input=one_hot", "head.dropout=0.3",
              "position=learned", "trainer.patience=3", "trainer.batch_size=7", "optimizer=lazy_adam")  # fmt: skip
    assert identity("encoder=dummy", *shared) == identity("encoder=dummy")
    for own in ("seed=1", "trainer.eval_batch_size=7", "trainer.monitor=val/loss", "measure.warmup_steps=0",
                "data.class_weights=balanced"):  # fmt: skip
        assert identity("encoder=dummy", own) != identity("encoder=dummy"), own
    assert identity("encoder=nb_svm", "encoder.C=1") != identity("encoder=nb_svm")
    assert all(identity("encoder=lstm", one) != identity("encoder=lstm") for one in shared[:3])


def test_what_is_not_read_is_in_the_config_and_every_shipped_backend_is_known():
    config = OmegaConf.to_container(compose_whole("encoder=dummy"), resolve=False)
    keys = [key for key, _ in flatten(config)]
    for backend, parts in NOT_READ.items():
        assert backend in choices("backend")
        for part in parts:
            assert any(f"{key}.".startswith(f"{part}.") for key in keys), part
    assert set(choices("backend")) == set(LIBRARY) == set(COMPUTING_PACKAGES)
    assert not is_read("sklearn", "optimizer.lr")
    assert is_read("pytorch", "optimizer.lr")
    assert is_read("sklearn", "trainer.epochs_of_others")
    assert without({"a": {"b": 1, "c": {"d": 2}}, "e": 3}, ("a.c.d", "e", "x.y")) == {"a": {"b": 1, "c": {}}}


def test_names_leave_out_what_the_file_of_an_encoder_chooses():
    assert {name: tuple(found) for name in choices("encoder") if (found := overridden_by(name))} == IMPLIED
    assert overridden_by("no_such_encoder") == {}


SKLEARN = {"choices": {"backend": "sklearn"}}


def budget(trained: int, **trainer: object) -> dict:
    """The settings and the history of a run that trained for so many epochs, of 5."""
    config = {"trainer": {"epochs": 5, "batch_size": 32, "patience": None, "monitor": "auto", **trainer}}
    return {"config": config, "history": [{"epoch": n, "val/accuracy": 0.8 - n / 100} for n in range(1, trained + 1)]}


def test_a_backend_without_epochs_is_neither_still_improving_nor_stopped_early(capsys):
    records = [
        *over_seeds("lstm", [0.7, 0.71, 0.72], metrics={"best/epoch": [1, 1, 1]}, **budget(5)),
        *over_seeds("nb_svm", [0.8, 0.8, 0.8], metrics={"best/epoch": [1] * 3, "speed/epoch_seconds": [3.0] * 3},
                    **budget(1, epochs=7, batch_size=4), **SKLEARN),
    ]  # fmt: skip
    groups = make_groups(gather(records).variants)
    assert [variant.name for group in groups for variant in group.variants] == ["lstm", "nb_svm"]
    assert budgets.sentences(groups) == []
    print_runs([record for record in records if record.choices["encoder"] == "nb_svm"])
    shown = capsys.readouterr().out
    assert "still improving" not in shown
    assert "no training speed" not in shown
