"""The same command several times at once is one sweep: its commands share the runs, and each run is made once."""

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace

import commands
import mlflow
import psutil
import pytest
from conftest import QUICK

from harness.measure import process_identity
from harness.records import store
from harness.records.record import now
from harness.runner import run_lock

SWEEP = ("-m", "encoder=bag_of_embeddings,cnn,self_attention", "seed=0,1", *QUICK, "trainer.epochs=1")


def start(folder, name, *arguments):
    return commands.start(folder, *arguments, "output_dir=outputs", into=folder / name)


def records(folder):
    return list(store.read_all(folder / "outputs" / "runs"))


def in_mlflow(folder):
    client = mlflow.MlflowClient(f"sqlite:///{folder}/outputs/mlflow.db")
    (experiment,) = (one for one in client.search_experiments() if one.name == "digits")
    runs = client.search_runs([experiment.experiment_id])
    return [(run.data.tags["kind"], run.info.status) for run in runs]


def test_two_terminals_share_a_sweep_and_one_of_them_may_be_killed(tmp_path):
    first, second = start(tmp_path, "first", *SWEEP), start(tmp_path, "second", *SWEEP)
    while len(records(tmp_path)) < 2:
        assert second.poll() is None, (tmp_path / "second").read_text()
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.wait() == 0, (tmp_path / "second").read_text()
    made = records(tmp_path)
    assert len({record.fingerprint for record in made}) == len(made) == 6
    assert {(record.status, record.resumed_epochs) for record in made} == {("finished", 0)}
    assert sorted(in_mlflow(tmp_path)) == [*[("run", "FINISHED")] * 6, ("sweep", "FINISHED")]
    assert len(list((tmp_path / "outputs" / "reports").glob("*/*/report.md"))) == 1
    assert list((tmp_path / "outputs" / "locks").iterdir()) == []
    table = (tmp_path / "second").read_text().partition("\nreport")[0]
    assert all(f"{encoder}/seed={seed}" in table for encoder in ("bag_of_embeddings", "cnn") for seed in (0, 1))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kills", [0, 20])
def test_four_terminals_make_each_of_24_runs_once_whatever_is_killed(tmp_path, kills):
    """Commands and processes of runs are killed at random; whoever kills a command gives it again."""
    sweep = ("-m", "encoder=bag_of_embeddings,cnn,rnn,self_attention", "seed=0,1,2,3,4,5", *QUICK, "trainer.epochs=1")
    draw, killed = random.Random(kills), {"command": 0, "run": 0}
    terminals = [start(tmp_path, f"terminal {number}", *sweep) for number in range(4)]
    while sum(killed.values()) < kills:
        time.sleep(draw.uniform(0.0, 1.0))
        number = draw.randrange(4)
        training = commands.processes_of_runs(terminals[number])
        if training and draw.random() < 0.6:
            with suppress(psutil.NoSuchProcess):
                training[0].kill()
                killed["run"] += 1
        elif training:
            terminals[number].send_signal(signal.SIGKILL)
            terminals[number].wait()
            killed["command"] += 1
        if terminals[number].poll() is not None:  # killed, or all runs are made
            terminals[number] = start(tmp_path, f"terminal {number}", *sweep)
    codes = {terminal.wait() for terminal in terminals}
    assert codes <= ({0, 1} if kills else {0}), [(tmp_path / f"terminal {number}").read_text() for number in range(4)]
    assert not kills or min(killed.values()) >= 4
    for _ in range(3):  # a run whose process was killed last is tried again by the command after
        last = start(tmp_path, "last", *sweep)
        if last.wait() == 0:
            break
    made = records(tmp_path)
    assert len({record.fingerprint for record in made}) == len(made) == 24
    assert {record.status for record in made} == {"finished"}
    # a run that was killed goes on from its own epoch, and none from another one's
    assert {record.resumed_epochs for record in made} <= ({0, 1} if kills else {0})
    assert all(len(record.history) == 1 for record in made)
    assert sorted(in_mlflow(tmp_path)) == [*[("run", "FINISHED")] * 24, ("sweep", "FINISHED")]
    assert len(list((tmp_path / "outputs" / "reports").glob("*/*/report.md"))) == 1
    assert list((tmp_path / "outputs" / "locks").iterdir()) == []


@pytest.fixture
def stranger():
    """A living process that is not ours."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


RUN = ("encoder=bag_of_embeddings", *QUICK, "tracking=none")


def hold(command, tmp_path, process):
    """Let another process hold a run that has not been made; returns the lock's file, and the record as it would be."""
    done = command(*RUN)
    assert done.code == 0, done.err
    store.remove(done.record.folder)
    mine = run_lock.this_process()
    theirs = replace(mine, pid=process.pid, started=process_identity.started(process.pid))
    file = tmp_path / "outputs" / "locks" / f"{done.record.fingerprint[:12]}.json"
    file.write_text(json.dumps(asdict(theirs)))
    return file, done.record


def test_a_single_run_that_another_process_holds_waits_for_it(command, tmp_path, stranger, monkeypatch):
    file, _ = hold(command, tmp_path, stranger)
    real = run_lock.wait

    def wait(files):
        assert files == [file]
        assert run_lock.is_held(file)
        stranger.kill()
        stranger.wait()
        real(files)

    monkeypatch.setattr(run_lock, "wait", wait)
    ended = command(*RUN)
    assert ended.code == 0, ended.err
    assert f"held by process {stranger.pid} on " in ended.err
    assert ended.record.status == "finished"


def test_a_sweep_comes_back_to_a_run_that_was_held_and_takes_its_failure_as_it_is(
    command, tmp_path, stranger, monkeypatch
):
    """The other command's run failed meanwhile: it had its turn."""
    file, record = hold(command, tmp_path, stranger)

    def fail(files):
        assert files == [file]
        (cnn,) = records(tmp_path)  # the runs that nobody held were not kept waiting
        record.folder.mkdir(parents=True)
        store.write(replace(record, sweep=cnn.sweep, status="failed", reason="its machine", ended=now()))
        file.unlink()

    monkeypatch.setattr(run_lock, "wait", fail)
    ended = command("-m", "encoder=bag_of_embeddings,cnn", *QUICK, "tracking=none")
    assert ended.code == 1, ended.err
    assert "its machine" in ended.out + ended.err
    statuses = {one.choices["encoder"]: one.status for one in ended.records}
    assert statuses == {"cnn": "finished", "bag_of_embeddings": "failed"}
