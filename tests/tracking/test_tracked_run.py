"""What a sync does to a run that MLflow has in part, or has already: it adds what is missing and nothing else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from made_records import made
from mlflow import MlflowClient

from harness import tracking
from harness.config.schema import TrackingConfig
from harness.records import store as records
from harness.tracking import store
from harness.tracking.tracked_run import TrackedRun

HISTORY = [{"epoch": number, "train/loss": 1 / number, "val/accuracy": 0.5 + number / 10} for number in (1, 2, 3)]
METRICS = {"train/loss": 0.5, "val/accuracy": 0.7, "test/accuracy": 0.6}  # the second epoch is the best


@pytest.fixture
def record(tmp_path):
    """The record of a run of three epochs, with its folder."""
    settings = {"tracking": {"uri": None, "system_metrics_seconds": None}, "rerun": False}
    record = made(config=settings, run_dir="runs/digits/lstm", history=HISTORY, metrics=METRICS)
    record.folder = tmp_path / record.run_dir
    (record.folder / "attention").mkdir(parents=True)
    (record.folder / "attention" / "1.png").write_bytes(b"a picture")
    (record.folder / "best.ckpt").write_bytes(b"weights")
    records.write(record)
    return record


@pytest.fixture
def client(tmp_path, copied_stores):
    return store.connect(tracking.store_uri(None, tmp_path))


def tracked(folder):
    return TrackedRun(tracking.store_uri(None, folder), folder, True)


def runs_of(client):
    return client.search_runs([client.get_experiment_by_name("digits").experiment_id])


def steps_of(client, run_id, key):
    return [metric.step for metric in client.get_metric_history(run_id, key)]


def everything(client, folder):
    """All that MLflow holds of the only run, and the files below its store, with the times at which they changed."""
    (run,) = runs_of(client)
    histories = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    points = {
        key: [(metric.step, metric.value, metric.timestamp) for metric in history] for key, history in histories.items()
    }
    files = {file: file.stat().st_mtime_ns for file in (folder / "mlartifacts").rglob("*")}
    return run.to_dictionary(), points, files


def test_a_second_sync_of_an_unchanged_record_writes_nothing(record, client, tmp_path):
    tracker = tracking.open_tracker(TrackingConfig(**record.config["tracking"]), tmp_path)
    record.mlflow_run_id = tracker.start(record)
    for numbers in HISTORY:
        tracker.epoch(numbers)
    records.write(record)
    tracker.sync(record)
    before = everything(client, tmp_path)
    written = (record.folder / "record.json").stat().st_mtime_ns
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        version = database.execute("PRAGMA data_version").fetchone()
        tracker.sync(record)
        assert tracking.sync([record]) == 0
        assert database.execute("PRAGMA data_version").fetchone() == version  # no other connection wrote anything
    assert everything(client, tmp_path) == before
    assert (record.folder / "record.json").stat().st_mtime_ns == written


def test_a_sync_gives_mlflow_the_whole_record_and_its_files_without_the_weights(record, client, tmp_path):
    assert tracking.sync([record]) == 1
    (run,) = runs_of(client)
    assert (run.info.run_id, run.info.status) == (record.mlflow_run_id, "FINISHED")
    assert run.data.metrics == record.metrics
    assert steps_of(client, run.info.run_id, "val/accuracy") == [1, 2, 3, 3]  # the last is the best epoch's value
    assert steps_of(client, run.info.run_id, "test/accuracy") == [0]
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"record.json", "attention"}
    kept = client.download_artifacts(run.info.run_id, "record.json")
    assert records.load_json(Path(kept))["mlflow_run_id"] == run.info.run_id
    assert records.read(record.folder).mlflow_run_id == run.info.run_id


def test_a_sync_that_was_interrupted_before_its_end_is_completed_without_repeating(record, client, tmp_path):
    tracking.sync([record])
    _, histories, _ = everything(client, tmp_path)
    client.update_run(record.mlflow_run_id, "RUNNING")
    assert tracking.sync([record]) == 1
    run, again, _ = everything(client, tmp_path)
    assert again == histories
    assert run["info"]["status"] == "FINISHED"


def test_a_resumed_run_keeps_its_mlflow_run_which_gets_the_epochs_from_when_mlflow_was_down(record, client, tmp_path):
    first = tracked(tmp_path)
    run_id = first.open(record)
    first.log_steps(HISTORY[:1])
    client.set_terminated(run_id, "KILLED")  # and the second epoch never reached MLflow
    resumed = tracked(tmp_path)
    assert resumed.open(record) == run_id
    resumed.log_steps(HISTORY[2:])
    record.mlflow_run_id = run_id
    assert resumed.sync(record)
    assert sorted(steps_of(client, run_id, "train/loss")) == [1, 2, 3, 3]
    assert runs_of(client)[0].data.metrics == record.metrics


def test_a_rerun_opens_a_new_mlflow_run_and_its_sync_completes_that_one(record, client, tmp_path):
    tracking.sync([record])
    record.config["rerun"], earlier, record.mlflow_run_id = True, record.mlflow_run_id, None
    record.started = "2026-01-02T00:00:00.000+00:00"
    record.mlflow_run_id = tracked(tmp_path).open(record)  # the store is lost after the start
    assert record.mlflow_run_id != earlier
    assert tracking.sync([record]) == 1
    assert {run.info.run_id: run.info.status for run in runs_of(client)} == {
        earlier: "FINISHED", record.mlflow_run_id: "FINISHED",
    }  # fmt: skip
    assert tracking.sync([record]) == 0


@pytest.mark.parametrize("status", ["failed", "killed"])
def test_a_run_that_did_not_finish_has_its_status_and_reason(record, client, status):
    record.status, record.reason, record.history, record.metrics = status, "interrupted by Ctrl-C", [], {}
    assert tracking.sync([record]) == 1
    (run,) = runs_of(client)
    assert (run.info.status, run.data.tags["reason"]) == (status.upper(), "interrupted by Ctrl-C")
    assert tracking.sync([record]) == 0


def test_discard_deletes_a_new_run_and_keeps_an_earlier_one_as_it_was(record, client, tmp_path):
    new = tracked(tmp_path)
    new.open(record)
    new.discard()
    assert runs_of(client) == []
    record.status = "failed"
    tracking.sync([record])
    resumed = tracked(tmp_path)
    assert resumed.open(record) == record.mlflow_run_id
    assert runs_of(client)[0].info.status == "RUNNING"
    resumed.discard()
    assert runs_of(client)[0].info.status == "FAILED"


def test_an_output_folder_that_was_moved_is_synced_where_it_lies(record, tmp_path):
    tracking.sync([record])
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "runs").rename(moved / "runs")
    (there,) = records.read_all(moved / "runs")
    assert tracking.sync([there]) == 1
    assert (moved / "mlflow.db").exists()
    (run,) = runs_of(MlflowClient(f"sqlite:///{moved}/mlflow.db"))
    assert run.info.run_id == there.mlflow_run_id


def test_a_record_without_tracking_is_left_out(record, tmp_path):
    record.config["tracking"]["uri"] = "none"
    assert tracking.sync([record]) == 0
    assert not (tmp_path / "mlflow.db").exists()
