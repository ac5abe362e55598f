"""A sweep on a real Ray of two nodes: what is killed ends no other run, and the same command again finishes all."""

import os
import re
import signal
import time
from dataclasses import dataclass

import commands
import pytest
import ray_cluster
from conftest import QUICK
from mlflow import MlflowClient

from harness.records import store
from harness.records.record import Record
from harness.runner import run_lock

WITHOUT_RAY = ray_cluster.missing()
pytestmark = [pytest.mark.long, pytest.mark.skipif(WITHOUT_RAY is not None, reason=WITHOUT_RAY or "")]
OWN_THREADS = [one for one in QUICK if not one.startswith("hardware.threads")]
RAY = ("-m", "hydra/launcher=ray", *OWN_THREADS)
LABELS = {f"{encoder}/seed={seed}" for encoder in ("bag_of_embeddings", "cnn") for seed in range(3)}
SWEEP = (*RAY, "encoder=bag_of_embeddings,cnn", "seed=0,1,2", "trainer.epochs=12")


@dataclass
class Ended:
    """A command that has ended: its exit code, what it printed, and the records in its folder by their labels."""

    code: int
    out: str
    err: str
    records: dict[str, Record]

    def finished(self):
        return {label for label, record in self.records.items() if record.status == "finished"}


def start(folder, *arguments):
    return commands.start(folder, *arguments, changes={"OMP_NUM_THREADS": "1"})


def end_of(command, folder):
    out, err = command.communicate(timeout=500)
    records = {record.label: record for record in store.read_all(folder / "outputs" / "runs")}
    return Ended(command.wait(), out, err, records)


def run_on(cluster, node, folder, command):
    """The label of a run that is under way on a node and has finished an epoch, and the process that Ray runs it in."""
    while command.poll() is None:
        for lock in (folder / "outputs" / "locks").glob("*.json"):
            begun = list((folder / "outputs" / "runs").glob(f"*/*-{lock.stem}/last.*"))
            owner = run_lock.read(lock)
            if begun and owner and cluster.node_of(owner.pid) == node:
                return begun[0].parent.name.removesuffix(f"-{lock.stem}").replace("-seed", "/seed"), owner.pid
        time.sleep(0.02)
    raise AssertionError(command.communicate())


def in_mlflow(folder):
    client = MlflowClient(f"sqlite:///{folder}/outputs/mlflow.db")
    experiment = client.get_experiment_by_name("digits").experiment_id
    return sorted((run.data.tags["kind"], run.info.status) for run in client.search_runs([experiment]))


@pytest.fixture(scope="module")
def cluster():
    with ray_cluster.Cluster() as running:
        yield running


@dataclass
class Twice:
    """The same sweep twice: in the first, a worker was killed on one node, and the other node was removed."""

    killed: str
    removed: str
    first: Ended
    first_in_mlflow: list[tuple[str, str]]
    second: Ended
    second_in_mlflow: list[tuple[str, str]]


@pytest.fixture(scope="module")
def twice(cluster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    sweep = (*SWEEP, f"hydra.launcher.ray.init.address={cluster.address}")
    command = start(folder, *sweep)
    killed, worker = run_on(cluster, 0, folder, command)
    os.kill(worker, signal.SIGKILL)
    removed, _ = run_on(cluster, 1, folder, command)
    cluster.remove(1)
    first, after_first = end_of(command, folder), in_mlflow(folder)
    cluster.add(f"--address={cluster.address}")
    second = end_of(start(folder, *sweep), folder)
    return Twice(killed, removed, first, after_first, second, in_mlflow(folder))


def test_a_killed_worker_and_a_removed_node_end_no_other_run(twice):
    first = twice.first
    assert first.code == 1, first.err
    assert first.finished() == LABELS - {twice.killed, twice.removed}
    assert f"{twice.killed} was lost: its process was killed or crashed" in first.err
    assert f"{twice.removed} was lost: its" in first.err
    assert first.err.count(" was lost: ") == 2
    assert "Traceback" not in first.err
    assert re.search(r"reports/digits/s[0-9a-f]{11}/report.md\n", first.out)
    assert ("run", "RUNNING") not in twice.first_in_mlflow
    assert twice.first_in_mlflow.count(("run", "FINISHED")) == 4


def test_the_same_command_again_finishes_every_run_once(twice):
    second, first = twice.second, twice.first
    assert second.code == 0, second.err
    assert second.finished() == LABELS == set(second.records)
    resumed = {label for label, record in second.records.items() if record.resumed_epochs}
    assert resumed == {twice.killed, twice.removed}
    assert all(second.records[label].ended == first.records[label].ended for label in first.finished())
    assert all(len(record.history) == 12 for record in second.records.values())
    assert twice.second_in_mlflow == [("run", "FINISHED")] * 6 + [("sweep", "FINISHED")]


def test_the_processors_of_a_task_are_the_threads_of_its_run(twice):
    """The machine has more, and nothing else decides."""
    decided = {
        (record.environment.hardware.threads, record.environment.threads_decided_by)
        for record in twice.second.records.values()
    }
    assert decided == {(1, "hydra.launcher.ray.remote.num_cpus")}


def test_what_the_cluster_does_not_have_is_refused_before_any_run(cluster, tmp_path):
    command = (*RAY, "seed=0,1", "hardware=gpu", f"hydra.launcher.ray.init.address={cluster.address}")
    refused = end_of(start(tmp_path, *command), tmp_path)
    assert (refused.code, refused.records) == (2, {})
    assert refused.err.splitlines()[-1].startswith(
        "hardware=gpu: a run asks for 1 processor and 1 GPU, and no node of the Ray cluster has that (they have "
        "1 processor and 0 GPUs)"
    )
    assert "Traceback" not in refused.err
