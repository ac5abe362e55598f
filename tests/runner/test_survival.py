"""Whatever is killed, whenever: the same command again ends with every run finished once, and nothing torn or lost."""

import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from commands import Command, processes_of_runs, start
from conftest import QUICK
from histories import without_seconds
from mlflow import MlflowClient

from harness.records import store

EPOCHS = 60
SWEEP = ("-m", "encoder=bag_of_embeddings,rnn,self_attention", "seed=0,1", *QUICK, f"trainer.epochs={EPOCHS}")
KILLS = 20


def wait_for_training(parent: Command) -> psutil.Process | None:
    while parent.poll() is None:
        if found := processes_of_runs(parent):
            return found[0]
        time.sleep(0.02)
    return None


def check_everything_finished_once(folder: Path) -> None:
    records = list(store.read_all(folder / "outputs" / "runs"))
    assert [record.status for record in records] == ["finished"] * 6
    assert len({record.fingerprint for record in records}) == 6
    assert all(len(record.history) == EPOCHS for record in records)
    client = MlflowClient(f"sqlite:///{folder}/outputs/mlflow.db")
    experiment = client.get_experiment_by_name("digits").experiment_id
    runs = client.search_runs([experiment], "tags.kind = 'run'")
    assert [run.info.status for run in runs] == ["FINISHED"] * 6
    assert {run.data.tags["fingerprint"] for run in runs} == {record.fingerprint for record in records}
    (parent,) = client.search_runs([experiment], "tags.kind = 'sweep'")
    assert parent.info.status == "FINISHED"
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent.info.run_id}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_sweep_survives_twenty_kills_at_random_times(tmp_path):
    draw = random.Random(0)
    kills = {"run": 0, "parent": 0, "interrupt": 0}
    while sum(kills.values()) < KILLS:
        command = start(tmp_path, *SWEEP)
        last = "interrupt" if kills["interrupt"] < 2 else "parent"
        # several runs of one command are killed, then the command itself
        for _ in range(draw.randint(2, 5)):
            victim = wait_for_training(command)
            if victim is None:
                break
            time.sleep(draw.uniform(0.0, 0.6))
            try:
                victim.kill()
                victim.wait()
            except psutil.NoSuchProcess:
                continue
            kills["run"] += 1
        if wait_for_training(command) is not None:
            time.sleep(draw.uniform(0.0, 0.6))
            command.send_signal(signal.SIGINT if last == "interrupt" else signal.SIGKILL)
            kills[last] += 1
        _, said = command.communicate()
        assert "Traceback" not in said, said
        assert command.returncode in (0, 1, 130, -signal.SIGKILL), said
        if command.returncode == 0:  # all finished: go on killing from the beginning
            shutil.rmtree(tmp_path / "outputs" / "runs")
            shutil.rmtree(tmp_path / "outputs" / "sweeps")
            (tmp_path / "outputs" / "mlflow.db").unlink()
    assert kills["run"] >= 5
    assert kills["parent"] >= 1
    for _ in range(3):  # a run whose process was killed last is tried again by the command after
        command = start(tmp_path, *SWEEP)
        _, said = command.communicate()
        if command.returncode == 0:
            break
    assert command.returncode == 0, said
    check_everything_finished_once(tmp_path)


@pytest.mark.long
def test_an_interrupted_run_resumes_from_its_last_epoch_to_the_same_numbers(tmp_path):
    """In the same MLflow run, and to the last digit as if it had never been interrupted."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    settings = ("encoder=lstm", "head.dropout=0.5", *QUICK, f"trainer.epochs={EPOCHS}")
    for folder in (whole, broken):
        folder.mkdir()
    command = start(broken, *settings)
    wait_for_training(command)
    while not list(broken.glob("outputs/runs/*/*/last.ckpt")):
        time.sleep(0.02)
    time.sleep(0.5)
    while command.poll() is None:  # Python drops an interruption that falls into a destructor: one presses again
        command.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            command.wait(timeout=3)
    _, said = command.communicate()
    assert command.returncode == 130
    assert f" of {EPOCHS} epochs are kept; the same command resumes from here" in said
    (interrupted,) = store.read_all(broken / "outputs" / "runs")
    assert (interrupted.status, interrupted.reason) == ("killed", "interrupted by Ctrl-C")
    for folder in (whole, broken):
        command = start(folder, *settings)
        _, said = command.communicate()
        assert command.returncode == 0, said
    expected, found = (next(store.read_all(folder / "outputs" / "runs")) for folder in (whole, broken))
    assert found.resumed_epochs > 0
    assert without_seconds(found.history) == without_seconds(expected.history)
    assert found.metrics["test/loss"] == expected.metrics["test/loss"]
    assert found.mlflow_run_id == interrupted.mlflow_run_id


def test_a_run_killed_while_it_is_measured_does_not_train_again(tmp_path):
    settings = ("encoder=gru", *QUICK, "measure.latency_seconds=6")
    command = start(tmp_path, *settings)
    for line in command.stderr:
        if line.startswith("epoch 2/2"):
            break
    time.sleep(2)
    command.kill()
    command.wait()
    command.close()
    assert not list(tmp_path.glob("outputs/runs/*/*/record.json"))
    command = start(tmp_path, *settings)
    _, said = command.communicate()
    assert command.returncode == 0, said
    assert not re.search(r"^epoch ", said, re.MULTILINE)
    (record,) = store.read_all(tmp_path / "outputs" / "runs")
    assert (record.status, record.resumed_epochs, len(record.history)) == ("finished", 2, 2)
    assert "speed/startup_seconds" not in record.metrics
    assert "speed/train_step_ms_p50" not in record.metrics
    assert record.metrics["test/accuracy"] > 0.3
    assert not list(tmp_path.glob("outputs/runs/*/*/last.*"))


def test_a_full_disk_is_said_and_once_there_is_room_the_same_command_finishes(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs the right to mount")
    try:
        arguments = (f"output_dir={disk}", *QUICK)
        command = start(tmp_path, *arguments)
        _, said = command.communicate()
        assert command.returncode == 1, said
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        command = start(tmp_path, *arguments)
        _, said = command.communicate()
        assert command.returncode == 0, said
        (record,) = store.read_all(disk / "runs")
        assert record.status == "finished"
        with sqlite3.connect(disk / "mlflow.db") as database:
            query = "select status from runs join tags using (run_uuid) where key = 'kind' and value = 'run'"
            assert database.execute(query).fetchall() == [("FINISHED",)]
        database.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
