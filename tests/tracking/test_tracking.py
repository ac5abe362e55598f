"""MLflow shows what the record says, and a run loses nothing when MLflow does not answer."""

import sqlite3
import subprocess
import sys
import textwrap
import time
from datetime import datetime

import psutil
import pytest
from conftest import QUICK
from mlflow import MlflowClient
from servers import kill, start_server

from harness.cli import main as cli
from harness.cli import report, ui
from harness.records import store as records
from harness.records.settings import flatten
from harness.tracking import store
from harness.tracking.tracker import MlflowTracker

TRACKED = [*QUICK]


def client_of(folder):
    return MlflowClient(f"sqlite:///{folder}/outputs/mlflow.db")


def runs_of(folder, kind="run", name="digits"):
    client = client_of(folder)
    experiment = client.get_experiment_by_name(name).experiment_id
    return client.search_runs([experiment], f"tags.kind = '{kind}'")


def test_a_run_in_mlflow_says_what_the_record_says(command, tmp_path):
    record = command(*TRACKED).record
    (run,) = runs_of(tmp_path)
    assert run.info.run_id == record.mlflow_run_id
    assert (run.info.status, run.info.run_name) == ("FINISHED", record.label)
    assert run.data.metrics == pytest.approx(record.metrics)
    assert run.data.params["encoder.hidden_size"] == "128"
    assert run.data.params["optimizer.betas"] == "[0.9, 0.999]"
    assert {"encoder", "data", "backend", "hardware", "fingerprint", "run_dir"} <= set(run.data.tags)
    (logged,) = run.inputs.dataset_inputs
    assert logged.dataset.digest == record.data.hash[:32]
    client = client_of(tmp_path)
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert names == {
        *("record.json", "config.yaml", "environment.json", "learning_curves.png", "confusion.json", "confusion.png"),
        *("attention", "attention.json", "predictions.npz"),
    }
    drawn = {file.path for file in client.list_artifacts(run.info.run_id, "attention")}
    assert drawn == {"attention/1-right-encoder.png", "attention/2-wrong-encoder.png"}
    live = client.get_metric_history(run.info.run_id, "train/loss")
    assert [metric.step for metric in live][:2] == [1, 2]
    assert [metric.value for metric in live][:2] == [entry["train/loss"] for entry in record.history]
    (whole,) = client.get_metric_history(run.info.run_id, "test/accuracy")
    assert whole.step == 0  # a metric without epochs is at step 0, and MLflow draws it as a bar


def test_a_sweep_is_a_parent_with_its_runs_as_children(command, tmp_path):
    ended = command("-m", *TRACKED, "encoder=bag_of_embeddings,rnn", "seed=0,1")
    assert ended.code == 0, ended.err
    (parent,) = runs_of(tmp_path, "sweep")
    children = runs_of(tmp_path)
    assert parent.info.status == "FINISHED"
    assert len(children) == 4
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.data.tags["sweep"] for run in children} == {ended.records[0].sweep}
    assert {run.info.run_name.split("/trainer")[0].split("/hardware")[0] for run in children} == {
        f"{encoder}/seed={seed}" for encoder in ("bag_of_embeddings", "rnn") for seed in (0, 1)
    }
    again = command("-m", *TRACKED, "seed=0,1", "encoder=bag_of_embeddings,rnn")
    assert again.code == 0
    assert len(runs_of(tmp_path)) == 4
    assert len(runs_of(tmp_path, "sweep")) == 1


def test_a_user_error_found_while_building_leaves_no_run(command, tmp_path):
    (tmp_path / "picky.py").write_text(
        "class Picky:\n    def __init__(self, in_dim):\n        raise ValueError('in_dim must be prime')\n"
    )
    ended = command("encoder=custom", "encoder._target_=picky.Picky", *TRACKED)
    assert ended.code == 2
    assert "picky.Picky cannot be built" in ended.err
    assert "in_dim must be prime" in ended.err
    assert runs_of(tmp_path) == []
    assert not list(tmp_path.glob("outputs/runs/**"))


def test_a_run_whose_process_is_gone_is_closed(command, tmp_path):
    command(*TRACKED)
    client = client_of(tmp_path)
    experiment = client.get_experiment_by_name("digits").experiment_id
    dead = psutil.Popen([sys.executable, "-c", ""])
    dead.wait()
    tags = {"host": runs_of(tmp_path)[0].data.tags["host"], "kind": "run"}
    mine = store.this_process()
    here = mine.rpartition("@")[2]
    # a container of the same name has processes of its own
    processes = {f"{dead.pid}@1.00@{here}": "KILLED", mine: "RUNNING", f"{dead.pid}@1.00@0badc0de": "RUNNING"}
    left = {process: client.create_run(experiment, tags={**tags, "process": process}) for process in processes}
    command(*TRACKED, "seed=1")
    assert {process: client.get_run(run.info.run_id).info.status for process, run in left.items()} == processes


def test_a_server_that_does_not_answer_costs_a_warning(command, tmp_path):
    ended = command(*TRACKED, "tracking.uri=http://127.0.0.1:9")
    assert ended.code == 0
    assert ended.record.status == "finished"
    assert ended.record.mlflow_run_id is None
    assert "MLflow at http://127.0.0.1:9" in ended.err
    assert "Traceback" not in ended.err


def test_tracking_none_makes_no_store(command, tmp_path):
    ended = command("tracking=none", *[one for one in QUICK if not one.startswith("tracking")])
    assert ended.code == 0
    assert not (tmp_path / "outputs" / "mlflow.db").exists()


def test_tracking_none_leaves_the_same_files_in_the_runs_folder(command, tmp_path):
    untracked = command("tracking=none", *[one for one in QUICK if not one.startswith("tracking")]).record
    assert command(*TRACKED, "output_dir=tracked").code == 0
    (tracked,) = records.read_all(tmp_path / "tracked" / "runs")
    names = [{str(file.relative_to(run.folder)) for file in run.folder.rglob("*")} for run in (untracked, tracked)]
    assert names[0] == names[1]
    assert {"learning_curves.png", "confusion.png", "config.yaml", "environment.json", "record.json"} <= names[0]
    assert (untracked.mlflow_run_id, untracked.status) == (None, "finished")


def test_eight_processes_at_once_into_a_store_that_does_not_exist_yet(tmp_path):
    script = textwrap.dedent("""
        import os, sys, traceback
        from pathlib import Path
        from harness.tracking import store, store_uri, sweeps
        from harness.tracking.quiet import silence

        def write(folder):
            uri = store_uri(None, folder)
            client = store.connect(uri)
            experiment = store.find_experiment(client, "many", folder, uri)
            parent = sweeps.parent_run(client, experiment, "sweep", folder)
            run = client.create_run(experiment, tags={"kind": "run", "mlflow.parentRunId": parent}).info.run_id
            for step in range(20):
                client.log_metric(run, "value", step, step=step)
            client.set_terminated(run, "FINISHED")

        silence()  # loads MLflow once for all
        children = []
        for number in range(8):
            children.append(os.fork())
            if children[-1] == 0:
                try:
                    write(Path(sys.argv[1]))
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
        sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
    """)
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "locked" not in ended.stderr
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        assert database.execute("select count(*) from metrics").fetchone() == (160,)
        assert database.execute("select count(*) from tags where value = 'sweep' and key = 'kind'").fetchone() == (1,)


def test_flatten_gives_dotted_keys():
    assert dict(flatten({"a": {"b": 1, "c": [2, 3]}, "d": None})) == {"a.b": 1, "a.c": [2, 3], "d": None}


def test_a_server_that_comes_back_is_brought_up_to_date(command, tmp_path, capfd):
    """Down at the start: the run finishes; --sync then brings MLflow up to date, once."""
    down = tmp_path / "not-a-folder"
    down.touch()
    elsewhere = f"tracking.uri=sqlite:///{down}/mlflow.db"
    ended = command(*TRACKED, elsewhere)
    assert ended.code == 0
    assert ended.record.mlflow_run_id is None
    assert "python -m harness report --sync" in ended.err
    down.unlink()
    assert report.main(["--sync"]) == 0
    assert "up to date with 1 of 1 records" in capfd.readouterr().out
    assert report.main(["--sync"]) == 0
    assert "up to date with 0 of 1 records" in capfd.readouterr().out
    client = MlflowClient(f"sqlite:///{down}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics == pytest.approx(ended.record.metrics)
    steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "val/loss")]
    assert steps[:2] == [1, 2]


def test_a_rerun_while_mlflow_was_down_is_synced_too(command, tmp_path, monkeypatch):
    first = command(*TRACKED).record
    database = tmp_path / "outputs" / "mlflow.db"
    database.rename(tmp_path / "away.db")
    database.mkdir()
    monkeypatch.setattr(cli, "_command_started", time.time)  # both commands are of this process
    again = command(*TRACKED, "rerun=true")
    assert again.code == 0
    database.rmdir()
    (tmp_path / "away.db").rename(database)
    assert again.record.ended != first.ended
    assert report.main(["--sync"]) == 0
    newest = max(runs_of(tmp_path), key=lambda run: run.info.start_time)
    (record,) = records.read_all(tmp_path / "outputs" / "runs")
    assert len(runs_of(tmp_path)) == 2
    assert newest.info.run_id == record.mlflow_run_id != first.mlflow_run_id
    assert newest.data.metrics == pytest.approx(record.metrics)
    assert newest.info.start_time == pytest.approx(seconds(record.started) * 1000, abs=1)
    assert newest.info.end_time == pytest.approx(seconds(record.ended) * 1000, abs=1)


def seconds(moment):
    return datetime.fromisoformat(moment).timestamp()


def test_a_server_that_goes_down_in_the_middle_is_brought_up_to_date_when_it_is_back(
    command, tmp_path, monkeypatch, capfd
):
    port = ui.free_port(5500)
    server = start_server(tmp_path, port)
    epochs_logged = []

    def epoch(tracker, metrics):
        """Log an epoch; the server is killed after the first."""
        epochs_logged.append(metrics["epoch"])
        log_epoch(tracker, metrics)
        if len(epochs_logged) == 1:
            kill(server)

    log_epoch = MlflowTracker.epoch
    monkeypatch.setattr(MlflowTracker, "epoch", epoch)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = f"http://127.0.0.1:{port}"
    ended = command(*TRACKED, f"tracking.uri={uri}")
    assert (ended.code, epochs_logged) == (0, [1, 2])
    assert ended.err.count(f"MLflow at {uri} failed") == 1
    assert "python -m harness report --sync" in ended.err
    record = ended.record
    assert (record.status, len(record.history)) == ("finished", 2)
    server = start_server(tmp_path, port)
    try:
        client = MlflowClient(uri)
        assert client.get_run(record.mlflow_run_id).info.status == "RUNNING"
        assert report.main(["--sync"]) == 0
        assert "up to date with 1 of 1 records" in capfd.readouterr().out
        run = client.get_run(record.mlflow_run_id)
        assert (run.info.status, run.data.metrics) == ("FINISHED", pytest.approx(record.metrics))
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "train/loss")]
        assert sorted(set(steps)) == [1, 2]
        assert "confusion.png" in {file.path for file in client.list_artifacts(run.info.run_id)}
    finally:
        kill(server)


def test_a_second_try_with_another_time_limit_resumes_the_same_mlflow_run(command, tmp_path):
    """MLflow takes no second value for a parameter, and a parameter such as run_timeout may change between tries."""
    (tmp_path / "moody.py").write_text(
        "import os\n"
        "from torch import nn\n"
        "class Moody(nn.Module):\n"
        "    def __init__(self, in_dim):\n"
        "        super().__init__()\n"
        "        self.out_dim, self.layer = in_dim, nn.Linear(in_dim, in_dim)\n"
        "    def forward(self, x_BLD, mask_BL):\n"
        "        if not os.path.exists('ready'): raise RuntimeError('not yet')\n"
        "        return self.layer(x_BLD) * mask_BL[:, :, None]\n"
    )
    moody = ("encoder=custom", "encoder._target_=moody.Moody", *TRACKED)
    assert command(*moody, "run_timeout=60").code == 1
    (first,) = runs_of(tmp_path)
    assert (first.info.status, first.data.tags["reason"]) == ("FAILED", "RuntimeError: not yet")
    (tmp_path / "ready").touch()
    ended = command(*moody, "run_timeout=600")
    assert ended.code == 0
    assert "MLflow" not in ended.err
    (run,) = runs_of(tmp_path)
    assert (run.info.run_id, run.info.status) == (first.info.run_id, "FINISHED")
    assert ended.record.mlflow_run_id == run.info.run_id


def test_a_finished_run_that_mlflow_has_in_part_is_synced_when_it_is_skipped(command, tmp_path):
    record = command(*TRACKED).record
    client_of(tmp_path).set_terminated(record.mlflow_run_id, "KILLED")
    assert "skipped" in command(*TRACKED).out
    (run,) = runs_of(tmp_path)
    assert run.info.status == "FINISHED"
