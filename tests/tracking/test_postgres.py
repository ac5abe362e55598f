"""A group's tracking server: many runs write to it at once, it dies twice, and nothing is lost."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY
from mlflow import MlflowClient
from servers import kill, postgres, start_server
from writers import EPOCHS, SWEEP, record_of

from harness import tracking
from harness.cli import report, ui
from harness.records.settings import flatten

RUNS = 32


def start_writers(folder, uri):
    path = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests")))
    line = [sys.executable, str(Path(__file__).with_name("writers.py")), str(folder), uri, str(RUNS)]
    with open(folder / "printed", "w") as printed:
        return subprocess.Popen(line, env={**os.environ, "PYTHONPATH": path}, stdout=printed, stderr=printed)


def wait_for_epochs(folder, writers, number):
    """Wait until the runs have had so many epochs together."""
    while not (folder / "done").exists() or (folder / "done").stat().st_size < number:
        assert writers.poll() is None, (folder / "printed").read_text()
        time.sleep(0.05)


def notes(folder):
    return list((folder / "unsynced").glob("*/*.json"))


def check_run(client, record, runs, parent):
    """MLflow has the whole of a record, once."""
    (run,) = (one for one in runs if one.data.tags["fingerprint"] == record.fingerprint)
    assert run.info.status == "FINISHED"
    assert run.data.params == {key: str(value) for key, value in flatten(record.config)}
    assert run.data.metrics == record.metrics
    tags = {"seed": str(record.seed), "sweep": SWEEP, "run_dir": record.run_dir, "mlflow.parentRunId": parent}
    assert tags.items() <= run.data.tags.items()
    for key in ("train/loss", "val/accuracy"):
        points = sorted((one.step, one.value) for one in client.get_metric_history(run.info.run_id, key))
        # MLflow's latest value is that of the best epoch
        last = (EPOCHS, record.metrics[key])
        assert points == sorted([*((step["epoch"], step[key]) for step in record.history), last])


@pytest.mark.long
def test_a_server_that_dies_twice_under_32_writers_loses_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    gates = tmp_path / "gates"
    gates.mkdir()
    with postgres() as store:
        port = ui.free_port(5700)
        uri = f"http://127.0.0.1:{port}"
        server = start_server(tmp_path, port, store)
        writers = start_writers(tmp_path, uri)
        try:
            wait_for_epochs(tmp_path, writers, RUNS)  # some are at their first epoch, others at their third
            kill(server)
            (gates / "down").touch()
            wait_for_epochs(tmp_path, writers, 6 * RUNS)
            server = start_server(tmp_path, port, store)
            (gates / "back").touch()
            wait_for_epochs(tmp_path, writers, 8 * RUNS)  # some of the odd ones have ended
            kill(server)
            wait_for_epochs(tmp_path, writers, EPOCHS * RUNS)
            server = start_server(tmp_path, port, store)
            (gates / "end").touch()
            assert writers.wait() == 0, (tmp_path / "printed").read_text()
            said = (tmp_path / "printed").read_text()
            assert f"MLflow at {uri} failed" in said
            assert "Traceback" not in said
            left = len(notes(tmp_path))
            synced = tracking.sync_left(tmp_path, SWEEP)
            assert (synced.done, synced.left, synced.why) == (left, 0, "")
            assert notes(tmp_path) == []
            tracking.end_sweep(uri, "digits", SWEEP, "finished", tracking.Summary([]))
            assert report.main(["--sync", "--output-dir", str(tmp_path)]) == 0
            assert f"with 0 of {RUNS} records" in capsys.readouterr().out
            client = MlflowClient(uri)
            experiment = client.get_experiment_by_name("digits").experiment_id
            (parent,) = client.search_runs([experiment], "tags.kind = 'sweep'")
            assert parent.info.status == "FINISHED"
            runs = list(client.search_runs([experiment], "tags.kind = 'run'"))
            assert len(runs) == RUNS
            for number in range(RUNS):
                check_run(client, record_of(tmp_path, number, uri), runs, parent.info.run_id)
        finally:
            writers.kill()
            kill(server)
