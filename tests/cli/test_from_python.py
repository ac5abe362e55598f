"""``harness.run`` and ``harness.load``: the run of the command line, and its model, from Python."""

import csv
import os
import threading

import hydra
import numpy as np
import pandas as pd
import pytest
from conftest import QUICK, refused
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

import harness
from harness.cli import one_run
from harness.records import store
from harness.tasks import predictions

FAST = [*QUICK[1:], "trainer.epochs=1", "tracking=none", "hardware=cpu"]
NOTEBOOK = "module://matplotlib_inline.backend_inline"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def in_thread(function, *arguments):
    """What a function returns in a thread that ends with it."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments)))
    thread.start()
    thread.join()
    return results[0]


def test_it_is_the_run_of_the_command_line(command, tmp_path, capfd):
    """The same settings, label and fingerprint: what the command has finished is found. Also in a thread."""
    words = ["encoder=lstm", "seed=1", "+per.lstm.hidden_size=8", "pooling=last", *FAST]
    ran = command(*words)
    assert ran.code == 0, ran.err
    for call in (harness.run, lambda given: in_thread(harness.run, given)):
        record = call(words)
        assert record.skipped
        assert record.folder == ran.record.folder
        assert record.to_json() == ran.record.to_json()
    capfd.readouterr()
    assert harness.run(f'"+per.lstm.hidden_size=8" encoder=lstm pooling=last seed=0 seed=1 {" ".join(FAST)}').skipped
    assert capfd.readouterr().err.splitlines() == [
        "seed is given twice: the last one counts, seed=1", f"{record.label}: preparing data",
        f"{record.label}: finished before, so it is not run again",
    ]  # fmt: skip
    assert record.config["encoder"]["hidden_size"] == 8
    assert len(list(store.read_all(tmp_path / "outputs"))) == 1


def test_it_leaves_no_trace_in_the_program_that_calls_it(monkeypatch):
    """Another Hydra app, a notebook's matplotlib and the environment are as before; the run draws its pictures."""
    monkeypatch.setenv("MPLBACKEND", NOTEBOOK)
    before = dict(os.environ)
    with hydra.initialize(None, version_base="1.3"):
        own = hydra.compose(overrides=["+key=1"], return_hydra_config=True)
        HydraConfig.instance().set_config(own)
        state = (GlobalHydra.instance().hydra, HydraConfig.get().overrides.task)
        record = harness.run(["encoder=bag_of_embeddings", *FAST])
        assert (GlobalHydra.instance().hydra, HydraConfig.get().overrides.task) == state
        assert refused(harness.run, ["encoder=lstm", "trainer.epochs=x"]).startswith("trainer.epochs must be")
        assert (GlobalHydra.instance().hydra, HydraConfig.get().overrides.task) == state
    HydraConfig.instance().cfg = None
    assert {name: os.environ.get(name) for name in before} == before
    assert not [name for name in os.environ.keys() - before.keys() if not name.startswith("KMP_")]  # scikit-learn's
    assert (record.status, record.skipped) == ("finished", False)
    assert (record.folder / "learning_curves.png").is_file()


def test_a_run_that_fails_is_returned_with_its_reason():
    record = harness.run(["encoder=bag_of_embeddings", *FAST, "run_timeout=0.001"])
    assert (record.status, record.reason) == ("failed", "time-out: the run took longer than run_timeout")
    assert store.read(record.folder).status == "failed"
    assert refused(harness.load, record).endswith(
        "holds a run that failed; only a finished training has a model to use"
    )


def test_the_password_of_a_tracking_server_is_seen_by_the_run_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(one_run, "record_of", lambda request: seen.append((request, dict(os.environ))))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    harness.run(["encoder=lstm", "tracking.uri=http://me:secret@host:1"])
    ((request, environment),) = seen
    assert environment["MLFLOW_TRACKING_URI"] == "http://me:secret@host:1"
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert "secret" not in str(request.config.to_dict())
    assert "secret" not in " ".join(request.overrides)


def test_runs_of_several_threads_wait_for_each_other(monkeypatch):
    begun, may_end, order = threading.Event(), threading.Event(), []

    def record_of(request):
        order.append(("begins", request.config.seed))
        if request.config.seed == 0:
            begun.set()
            assert may_end.wait(60)
        order.append(("ends", request.config.seed))

    monkeypatch.setattr(one_run, "record_of", record_of)
    threads = [threading.Thread(target=harness.run, args=(["encoder=lstm", f"seed={seed}"],)) for seed in range(2)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    may_end.set()
    for thread in threads:
        thread.join()
    assert order == [("begins", 0), ("ends", 0), ("begins", 1), ("ends", 1)]


REFUSED = {
    "encoder=lstm,gru": "encoder=lstm,gru asks for several runs, and harness.run makes one: call it in a loop, or use "
    "the command line: python -m harness -m encoder=lstm,gru",
    "seed=range(3)": "seed=range(3) asks for several runs, and harness.run makes one: call it in a loop, or use the "
    "command line: python -m harness -m 'seed=range(3)'",
    "tune=learning_rate": "tune takes several runs, and harness.run makes one: use the command line: python -m harness "
    "-m tune=learning_rate",
    "-m seed=0": "-m is for the command line: python -m harness -m seed=0",
    "--cfg job": "--cfg is for the command line: python -m harness --cfg job",
    "hydra/launcher=joblib": "hydra/launcher=joblib is for the command line: python -m harness hydra/launcher=joblib",
    "+hydra.verbose=true": "+hydra.verbose=true is for the command line: python -m harness +hydra.verbose=true",
    "sweep=s1": "sweep=s1: -m sets the id of a sweep; leave it out",
    "report": "'report' is no override; write KEY=VALUE, such as encoder=lstm",
    "+nothing=1": "nothing reads nothing; leave it out",
    "epochs=3": "nothing reads epochs; did you mean trainer.epochs?",
    "trainer.epochs=x": "trainer.epochs must be a whole number of 1 or more, and is 'x'",
    "per.gru.hidden_size=3": "per.gru.hidden_size: no run has encoder=gru; there is self_attention",
    "data.train='a": "a quote is not closed: data.train='a; a list has each override as it is",
}


@pytest.mark.parametrize(("overrides", "sentence"), REFUSED.items(), ids=REFUSED)
def test_what_is_no_single_run_is_refused_in_one_sentence(tmp_path, overrides, sentence):
    assert refused(harness.run, overrides) == sentence
    assert not list(tmp_path.iterdir())


def test_a_list_takes_each_override_as_it_is_and_strings_only():
    assert refused(harness.run, [3]) == "3 is no override; harness.run takes strings, such as encoder=lstm"
    sentence = refused(harness.run, ["data=files", "data.train=two words.csv"])
    assert "two words.csv" in sentence


def test_what_hydra_refuses_is_explained_as_on_the_command_line():
    with pytest.raises(harness.UserError) as error:
        harness.run("encoder=lstmm")
    assert str(error.value).startswith("there is no encoder=lstmm; did you mean encoder=lstm? There are: ")
    assert "additive_attention" in str(error.value)


@pytest.fixture(scope="module")
def on_texts(tmp_path_factory):
    """A run on texts of a file, and the texts of its test split."""
    folder = tmp_path_factory.mktemp("texts")
    texts = [f"word{number % 7} word{number % 5} and {'up' if number % 2 else 'down'} {number}" for number in range(60)]
    for split, rows in {"train": texts[:40], "validation": texts[40:50], "test": texts[50:]}.items():
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf8") as file:
            rows = [(text, "odd" if " up " in text else "even") for text in rows]
            csv.writer(file).writerows([("text", "label"), *rows])
    files = [f"data.{split}={folder / split}.csv" for split in ("train", "validation", "test")]
    words = ["data=files", *files, "encoder=gru", "trainer.batch_size=4", f"output_dir={folder / 'outputs'}"]
    return harness.run([*words, *FAST, "trainer.epochs=2", "name=texts"]), texts[50:]


def test_a_loaded_model_predicts_what_its_run_predicted(on_texts, monkeypatch):
    record, texts = on_texts
    kept = predictions.load(record.folder / store.PREDICTIONS)
    expected = [record.data.classes[number] for number in np.asarray(kept.predicted)]
    output_dir = store.output_dir_of(record)
    for run in (record, record.folder, str(record.folder)):
        model = harness.load(run)
        assert isinstance(model, harness.Model)
        answers = model.predict(texts)
        assert answers["label"].tolist() == expected
    found = harness.load("best:texts", output_dir=output_dir, hardware="cpu", batch_size=3)
    assert found.record.fingerprint == record.fingerprint
    assert found.predict(pd.Series(texts))["label"].tolist() == expected
    monkeypatch.chdir(output_dir.parent)
    assert harness.load("best:texts").record.fingerprint == record.fingerprint
    assert "there is no run 'nothing'" in refused(harness.load, "nothing")
    assert refused(found.predict, texts[0]) == (
        "predict takes a list of rows, also for one text: predict([text])"
    )
    assert refused(harness.load, record, batch_size=0) == "batch_size is a number of rows, 1 or more, and is 0"
    assert refused(harness.load, record, hardware="toaster").startswith("there is no hardware=toaster; take one of ")


def test_its_record_is_that_of_the_table(on_texts):
    record, _ = on_texts
    table = harness.records(store.output_dir_of(record))
    (row,) = table.to_dict("records")
    assert {name: row[name] for name in record.metrics} == record.metrics
    assert row["trainer.batch_size"] == 4
    assert row["data.train"].endswith("train.csv")
    assert row["folder"] == str(record.folder)

