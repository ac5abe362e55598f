"""The jobs of a cluster launcher write to no database: the command of the sweep does, while the sweep runs."""

import time

import pytest
from conftest import QUICK
from mlflow import MlflowClient

from harness.cli import main as cli
from harness.config import launchers
from harness.records import store
from harness.runner import mlflow_thread
from harness.runner.batches_sweeper import BatchesSweeper
from harness.tracking.tracker import MlflowTracker, TrackedByDriver

SWEEP = ("-m", "encoder=bag_of_embeddings,cnn", "seed=0", *QUICK, "trainer.epochs=1")


@pytest.fixture
def cluster(monkeypatch):
    """Take the launcher of these tests for one whose jobs run on other machines; these must not open a database."""

    def refuse(tracker, *_):
        pytest.fail("a job asked MLflow")

    monkeypatch.setattr(launchers, "CLUSTER", ("BasicLauncher",))
    monkeypatch.setattr(MlflowTracker, "start", refuse)
    monkeypatch.setattr(MlflowTracker, "sync", refuse)
    monkeypatch.setattr(mlflow_thread, "LOOKS_EVERY", 0.1)


def in_mlflow(folder):
    """Kind, status and parent of each run, and its metrics, by name."""
    client = MlflowClient(f"sqlite:///{folder}/outputs/mlflow.db")
    experiment = client.get_experiment_by_name("digits").experiment_id
    runs = client.search_runs([experiment])
    (parent,) = (run for run in runs if run.data.tags["kind"] == "sweep")
    children = {run.info.run_name: run for run in runs if run is not parent}
    assert {run.data.tags["mlflow.parentRunId"] for run in children.values()} <= {parent.info.run_id}
    return parent.info.status, children


def notes(folder):
    return list((folder / "outputs" / "unsynced").glob("*/*.json"))


def before_run(monkeypatch, number, do):
    """Do something when the run of this number starts, from 0."""
    started = []

    def start(tracker, record):
        if len(started) == number:
            do()
        started.append(record.label)

    monkeypatch.setattr(TrackedByDriver, "start", start)
    return started


def test_mlflow_has_a_run_while_the_next_one_trains(command, tmp_path, cluster, monkeypatch):
    def wait():
        (first,) = store.read_all(tmp_path / "outputs" / "runs")
        while notes(tmp_path):
            time.sleep(0.1)
        status, children = in_mlflow(tmp_path)
        assert status == "RUNNING"
        assert {name: run.info.status for name, run in children.items()} == {first.label: "FINISHED"}

    started = before_run(monkeypatch, 1, wait)
    ended = command(*SWEEP)
    assert ended.code == 0, ended.err
    assert len(started) == 2
    status, children = in_mlflow(tmp_path)
    assert (status, len(children)) == ("FINISHED", 2)
    for record in ended.records:
        run = children[record.label]
        assert (run.info.run_id, run.info.status) == (record.mlflow_run_id, "FINISHED")
        assert run.data.metrics == pytest.approx(record.metrics)


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (ValueError("no such partition"), 2)])
def test_a_sweep_that_ends_early_leaves_mlflow_up_to_date(command, tmp_path, cluster, monkeypatch, error, code):
    """By Ctrl-C, or because its launcher failed: the thread has not looked yet."""

    def setup(sweeper, **settings):
        real(sweeper, **settings)
        launch = sweeper.launcher.launch

        def fail(jobs, initial_job_idx):
            launch(jobs[:1], initial_job_idx=initial_job_idx)
            monkeypatch.setattr(cli, "_outcomes", [])  # as if the job had run elsewhere
            raise error

        sweeper.launcher.launch = fail

    real = BatchesSweeper.setup
    monkeypatch.setattr(BatchesSweeper, "setup", setup)
    monkeypatch.setattr(mlflow_thread, "LOOKS_EVERY", 600)
    ended = command(*SWEEP)
    assert ended.code == code, ended.err
    status, children = in_mlflow(tmp_path)
    assert status == ("KILLED" if code == 130 else "FAILED")
    assert {name: run.info.status for name, run in children.items()} == {ended.record.label: "FINISHED"}
    assert notes(tmp_path) == []
