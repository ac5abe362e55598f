"""Each finished run has one model in MLflow, which gives the run's answers and takes no second place on the disk."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from commands import run
from conftest import QUICK, refused
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from harness import tracking
from harness.backends.trained import TrainedModel
from harness.cli import ui
from harness.records import copies
from harness.records import store as records
from harness.runner.export import export_run
from harness.tracking import address, logged_model
from harness.tracking.model import save_model
from harness.tracking.quiet import pyfunc
from harness.tracking.tracked_run import TrackedRun

pyfunc()
FAST = (*QUICK[1:], "trainer.epochs=1", "hardware=cpu", "measure.attention_examples=0")
ROWS = "".join(f"{'good' if row % 2 else 'bad'} film number {row},{'pos' if row % 2 else 'neg'}\n" for row in range(60))
TEXTS = ["a good film", "bad bad film number 3", "", "good"]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The output folder of a run on texts, in which tests may look but not write; its store holds the run's model."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "texts.csv").write_text(f"text,label\n{ROWS}")
    data = ("data=files", f"data.train={folder}/texts.csv", "data.text=text", "data.label=label", "name=texts")
    ended = run(folder, *FAST, *data, "encoder=bag_of_embeddings", changes={"MLFLOW_TRACKING_URI": None})
    assert ended.returncode == 0, ended.stderr
    return folder / "outputs"


@pytest.fixture
def record(outputs, copy_empty_store, tmp_path):
    """The record of a copy of that run in an output folder whose store knows nothing of it."""
    shutil.copytree(outputs / "runs", tmp_path / "outputs" / "runs")
    copy_empty_store(tmp_path / "outputs" / "mlflow.db")
    (record,) = records.read_all(tmp_path / "outputs" / "runs")
    return record


def models_of(output_dir, name="texts"):
    """The models of an experiment, and the client that found them."""
    client = MlflowClient(address.own_store(output_dir))
    return client.search_logged_models([client.get_experiment_by_name(name).experiment_id]), client


def model_of(output_dir):
    (model,), client = models_of(output_dir)
    return model, client


def folder_of(model):
    return logged_model.local_folder(model.artifact_location)


def test_a_run_logs_the_model_of_its_best_epoch_once_with_its_metrics(outputs):
    (record,) = records.read_all(outputs / "runs")
    model, client = model_of(outputs)
    assert (model.status, model.source_run_id) == ("READY", record.mlflow_run_id)
    assert model.name == record.label.replace("/", " ").replace(".", "_")
    assert model.model_type == "classification"
    assert model.params == {**record.choices, "seed": "0"}
    assert {metric.key: metric.value for metric in model.metrics} == record.metrics
    run = client.get_run(record.mlflow_run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    for name in ("val/accuracy", "test/accuracy"):  # the run has none of them twice
        assert len(client.get_metric_history(record.mlflow_run_id, name)) == 1
    assert not {"outline.json", "preparation.json"} & {file.path for file in client.list_artifacts(run.info.run_id)}


def test_the_weights_share_the_disk_with_the_runs_folder(outputs):
    (record,) = records.read_all(outputs / "runs")
    model, _ = model_of(outputs)
    mine, logged = record.folder / "best.ckpt", folder_of(model) / "run" / "best.ckpt"
    assert mine.stat().st_ino == logged.stat().st_ino
    assert [file.stat().st_ino for file in outputs.rglob("*.ckpt")].count(mine.stat().st_ino) == 2
    assert {file.stat().st_ino for file in outputs.rglob("*.ckpt")} == {mine.stat().st_ino}


def test_nothing_of_the_machine_is_in_a_models_files(outputs):
    model, _ = model_of(outputs)
    (record,) = records.read_all(outputs / "runs")
    files = [file for file in folder_of(model).rglob("*") if file.is_file() and file.name != "best.ckpt"]
    assert {file.name for file in files} == {
        *("MLmodel", "requirements.txt", "conda.yaml", "python_env.yaml"),
        *("input_example.json", "serving_input_example.json"),
        *("outline.json", "preparation.json", "tokenizer.json", "record.json"),
    }
    for file in files:
        text = file.read_text(encoding="utf8")
        for secret in (str(outputs.parent), record.environment.host):
            assert secret not in text, file.name
    kept = json.loads((folder_of(model) / "run" / "record.json").read_text())
    assert kept["config"]["data"]["train"] == "texts.csv"
    needed = (folder_of(model) / "requirements.txt").read_text().splitlines()
    assert f"torch=={record.environment.versions['torch'].split('+')[0]}" in needed
    assert not any(line.startswith("tensorflow") for line in needed)


def test_the_loaded_model_gives_the_runs_answers_and_says_what_it_reads(outputs):
    (record,) = records.read_all(outputs / "runs")
    model, _ = model_of(outputs)
    loaded = pyfunc().load_model(str(folder_of(model)))
    own = TrainedModel(record.folder).predict(TEXTS)
    pd.testing.assert_frame_equal(loaded.predict(pd.DataFrame({"text": TEXTS})), own, rtol=0, atol=1e-4)
    assert [column.name for column in loaded.metadata.signature.inputs.inputs] == ["text"]
    assert [column.name for column in loaded.metadata.signature.outputs.inputs] == list(own.columns)
    example = loaded.metadata.load_input_example(str(folder_of(model)))
    assert example.columns.tolist() == ["text"]
    assert len(loaded.predict(example)) == 1
    with pytest.raises(MlflowException, match="missing inputs"):
        loaded.predict(pd.DataFrame({"words": TEXTS}))


def test_a_registered_model_is_loaded_by_its_name(outputs, tmp_path, monkeypatch):
    copy = tmp_path / "outputs"
    shutil.copytree(outputs, copy)
    (record,) = records.read_all(copy / "runs")
    assert tracking.sync([record]) == 0  # it brings nothing but the addresses of the files up to date
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.own_store(copy))  # mlflow.set_tracking_uri would outlive the test
    model, _ = model_of(copy)
    assert folder_of(model).is_relative_to(copy)
    version = mlflow.register_model(model.model_uri, "films")
    assert (str(version.version), version.run_id) == ("1", record.mlflow_run_id)
    loaded = pyfunc().load_model("models:/films/1")
    own = TrainedModel(record.folder).predict(TEXTS)
    pd.testing.assert_frame_equal(loaded.predict(pd.DataFrame({"text": TEXTS})), own, rtol=0, atol=1e-4)


def test_a_served_model_answers_a_request_with_the_runs_prediction(outputs, tmp_path):
    (record,) = records.read_all(outputs / "runs")
    model, _ = model_of(outputs)
    port = ui.free_port(5700)
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model.model_uri, "--env-manager", "local"]
    command += ["--port", str(port), "--host", "127.0.0.1", "--workers", "1"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # it looks for uvicorn there
    known = {**os.environ, "PATH": path, "MLFLOW_TRACKING_URI": address.own_store(outputs)}
    with open(tmp_path / "log", "w") as log:  # it runs in an empty folder
        server = subprocess.Popen(command, cwd=tmp_path, env=known, stdout=log, stderr=log, start_new_session=True)
    try:
        assert ui.wait_until_up(server, f"http://127.0.0.1:{port}"), (tmp_path / "log").read_text()
        body = json.dumps({"dataframe_records": [{"text": text} for text in TEXTS]}).encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            served = pd.DataFrame(json.load(answer)["predictions"])
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)
    own = TrainedModel(record.folder).predict(TEXTS)
    pd.testing.assert_frame_equal(served[own.columns], own, check_dtype=False, rtol=0, atol=1e-4)


def test_the_exported_model_is_proven_and_lies_in_a_folder_of_its_own(record, tmp_path):
    file = tmp_path / "file"
    file.touch()
    said = f"--out {file / 'model'} cannot be written (Not a directory); name another folder"
    assert refused(export_run, record.folder, "mlflow", file / "model") == said
    file.unlink()
    made = export_run(record.folder, "mlflow", tmp_path / "model")
    assert (made.file, made.lengths[:2]) == (tmp_path / "model", [0, 1])
    assert made.difference <= 1e-4
    (tmp_path / "model" / "mine.csv").touch()
    assert refused(export_run, record.folder, "mlflow", tmp_path / "model") == (
        f"--out {tmp_path / 'model'} has more than an earlier model (mine.csv), which would be lost if it were "
        "replaced; name another folder, or move that away"
    )
    (tmp_path / "model" / "mine.csv").unlink()
    (tmp_path / "model" / "requirements.txt").write_text("old")
    export_run(record.folder, "mlflow", tmp_path / "model")
    assert "old" not in (tmp_path / "model" / "requirements.txt").read_text().splitlines()
    shutil.rmtree(tmp_path / "outputs")
    again = pyfunc().load_model(str(tmp_path / "model")).predict(pd.DataFrame({"text": TEXTS}))
    pd.testing.assert_frame_equal(again, made.model.predict(TEXTS), rtol=0, atol=1e-4)
    assert [one.name for one in tmp_path.iterdir()] == ["model"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    for place in ("mine", "mine/notes"):
        assert "is not empty, and no MLflow model" in refused(export_run, record.folder, "mlflow", tmp_path / place)


def test_the_users_own_code_goes_with_the_model_and_is_found_without_its_folder(record, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own_pooling.py").write_text(
        "from harness.backends.pytorch.poolings import Mean\n\nclass Own(Mean):\n    pass\n"
    )
    record.config["pooling"] = {"_target_": "own_pooling.Own", "_partial_": True}
    records.write(record)
    with monkeypatch.context() as there:
        there.syspath_prepend(tmp_path / "mine")
        save_model(record.folder, tmp_path / "model")
    assert (tmp_path / "model" / "code" / "own_pooling.py").is_file()
    monkeypatch.setattr(sys, "path", [*sys.path])  # loading it adds the folder of its code
    monkeypatch.delitem(sys.modules, "own_pooling", raising=False)
    loaded = pyfunc().load_model(str(tmp_path / "model"))
    assert sys.modules.pop("own_pooling").__file__ == str(tmp_path / "model" / "code" / "own_pooling.py")
    assert len(loaded.predict(pd.DataFrame({"text": TEXTS}))) == len(TEXTS)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not entry.startswith(str(tmp_path))])
    assert "there is no module 'own_pooling'" in refused(save_model, record.folder, tmp_path / "again")


def test_a_sync_logs_the_model_once(record, tmp_path):
    """An older record, which was never tracked here; then again, and after the model was deleted."""
    assert tracking.sync([record]) == 1
    assert tracking.sync([record]) == 0
    model, client = model_of(tmp_path / "outputs")
    assert model.status == "READY"
    assert len(list((tmp_path / "outputs" / "mlartifacts").rglob("MLmodel"))) == 1
    client.delete_logged_model(model.model_id)
    assert tracking.sync([record]) == 0  # what the user deleted does not come back
    assert models_of(tmp_path / "outputs")[0] == []


def test_a_record_that_was_synced_without_its_model_gets_it(record, tmp_path):
    record.config["tracking"]["log_model"] = False
    assert tracking.sync([record]) == 1
    assert models_of(tmp_path / "outputs")[0] == []
    del record.config["tracking"]["log_model"]  # a record of an earlier version
    assert tracking.sync([record]) == 1
    model, client = model_of(tmp_path / "outputs")
    assert model.source_run_id == record.mlflow_run_id
    assert {metric.key: metric.value for metric in model.metrics} == record.metrics
    histories = {name: client.get_metric_history(record.mlflow_run_id, name) for name in record.metrics}
    assert {len(history) for name, history in histories.items() if name.startswith("test/")} == {1}
    assert tracking.sync([record]) == 0


@pytest.mark.parametrize("call", ["log_outputs", "log_model_artifacts", "log_batch", "finalize_logged_model"])
def test_a_server_that_dies_while_the_model_is_logged_loses_nothing(record, tmp_path, monkeypatch, call):
    uri, output_dir = address.own_store(tmp_path / "outputs"), tmp_path / "outputs"
    run = TrackedRun(uri, output_dir, True)
    run.open(record)

    def dead(*_arguments, **_settings):
        raise MlflowException("no answer")

    with monkeypatch.context() as patched:
        for name in ("_log_missing_steps", "_log_result"):  # so that log_batch is the model's
            patched.setattr(run, name, lambda _record: None)
        patched.setattr(MlflowClient, call, dead)
        with pytest.raises(MlflowException, match="no answer"):
            run.sync(record)
    (begun,), client = models_of(output_dir)
    assert (begun.status, client.get_run(begun.source_run_id).info.status) == ("PENDING", "RUNNING")
    record.mlflow_run_id = begun.source_run_id
    assert tracking.sync([record]) == 1
    model, client = model_of(output_dir)
    assert (model.model_id, model.status) == (begun.model_id, "READY")
    assert len(client.get_run(begun.source_run_id).outputs.model_outputs) == 1
    weights = folder_of(model) / "run" / "best.ckpt"
    assert weights.stat().st_ino == (record.folder / "best.ckpt").stat().st_ino


@pytest.mark.parametrize("change", ["failed", "profile", "trial", "no weights", "no outline"])
def test_what_is_no_finished_training_has_no_model(record, tmp_path, change):
    if change == "failed":
        record.status = "failed"
    elif change == "profile":
        record.mode = "profile"
    elif change == "trial":
        record.config["tune"]["trial"] = 0
    else:
        (record.folder / {"no weights": "best.ckpt", "no outline": "outline.json"}[change]).unlink()
    assert tracking.sync([record]) == 1
    assert models_of(tmp_path / "outputs")[0] == []
    assert tracking.sync([record]) == 0


def test_a_damaged_outline_is_said_and_the_run_is_there_without_a_model(record, tmp_path, capsys):
    (record.folder / "outline.json").write_text("{")
    assert tracking.sync([record]) == 1
    client = MlflowClient(address.own_store(tmp_path / "outputs"))
    assert client.get_run(record.mlflow_run_id).info.status == "FINISHED"
    assert "MLflow does not get its model" in capsys.readouterr().err


def test_a_server_that_knows_no_models_gets_the_run_without_one(record, tmp_path, monkeypatch):
    def unknown(*_arguments, **_settings):
        raise MlflowException("404", error_code=1001)

    for name in ("search_logged_models", "create_logged_model"):
        monkeypatch.setattr(MlflowClient, name, unknown)
    assert tracking.sync([record]) == 1
    client = MlflowClient(address.own_store(tmp_path / "outputs"))
    assert client.get_run(record.mlflow_run_id).info.status == "FINISHED"


def test_a_copy_under_another_name_has_a_model_of_its_own_which_takes_no_place_either(record, tmp_path):
    output_dir = tmp_path / "outputs"
    copied = copies.copy(record, output_dir, output_dir / "runs" / "again" / record.folder.name, name="again")
    assert tracking.sync([record, copied]) == 2
    ((first,), _), ((second,), _) = models_of(output_dir), models_of(output_dir, "again")
    assert first.model_id != second.model_id
    assert len({file.stat().st_ino for file in output_dir.rglob("best.ckpt")}) == 1
    assert tracking.sync([record, copied]) == 0


def test_weights_are_copied_where_the_disk_has_no_links(record, tmp_path, monkeypatch):
    def refused(*_paths):
        raise OSError("not permitted")

    monkeypatch.setattr(os, "link", refused)
    assert tracking.sync([record]) == 1
    model, _ = model_of(tmp_path / "outputs")
    mine, logged = record.folder / "best.ckpt", folder_of(model) / "run" / "best.ckpt"
    assert mine.stat().st_ino != logged.stat().st_ino
    assert mine.read_bytes() == logged.read_bytes()


@pytest.mark.parametrize(
    ("location", "folder"),
    [
        ("file:///a/b%20c", Path("/a/b c")),
        ("file://localhost/a", Path("/a")),
        ("file://elsewhere/a", None),
        ("mlflow-artifacts:/1/models", None),
        ("s3://bucket/models", None),
    ],
)
def test_a_location_is_a_folder_here_or_none(location, folder):
    assert logged_model.local_folder(location) == folder


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("lstm/seed=0", "lstm seed=0"),
        ("lstm/optimizer.lr=0.001/seed=0", "lstm optimizer_lr=0_001 seed=0"),
        ("a:b%c'\"d", "a_b_c__d"),
        ("x" * 300, "x" * 250),
    ],
)
def test_mlflow_takes_every_label_as_the_name_of_a_model(label, name):
    from mlflow.utils.validation import _validate_logged_model_name

    assert logged_model.model_name(label) == name
    _validate_logged_model_name(name)


def test_a_run_without_log_model_has_none_and_the_same_command_with_it_logs_the_model_of_the_skipped_run(
    command, tmp_path
):
    run = (*FAST, "encoder=bag_of_embeddings", "measure.latency_passes=1")
    first = command(*run, "tracking.log_model=false")
    assert first.code == 0, first.err
    assert models_of(tmp_path / "outputs", "digits")[0] == []
    again = command(*run)
    assert "skipped" in again.out
    (model,), _ = models_of(tmp_path / "outputs", "digits")
    assert model.source_run_id == first.record.mlflow_run_id
    loaded = pyfunc().load_model(str(folder_of(model)))
    features_LD = np.arange(24).reshape(3, 8)  # whole numbers, of which JSON makes no others
    rows = [features_LD.tolist(), features_LD.astype(np.float32), features_LD[:2].tolist()]
    own = TrainedModel(first.record.folder).predict(rows)
    pd.testing.assert_frame_equal(loaded.predict(pd.DataFrame({"features": rows})), own, rtol=0, atol=1e-4)
