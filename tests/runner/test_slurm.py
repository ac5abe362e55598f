"""A sweep on a real Slurm, whose jobs are cancelled, run out of time and lose their node."""

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import commands
import mlflow
import pytest
import slurm_cluster
from conftest import QUICK

from harness.records import store

pytest.importorskip("hydra_plugins.hydra_submitit_launcher")

HELD = """
import os, time
from pathlib import Path
from torch import nn, ones

HOLDS = [Path("hold"), Path(f"hold_{os.environ.get('SLURM_ARRAY_TASK_ID')}")]

class Held(nn.Module):
    def __init__(self, in_dim):
        super().__init__()
        self.out_dim, self.passes = in_dim, 0
        self.scale = nn.Parameter(ones(in_dim))

    def forward(self, x_BLD, mask_BL):
        self.passes += self.training
        while self.passes > 50 and any(file.exists() for file in HOLDS):  # in the second epoch of 37 steps
            time.sleep(0.05)
        return x_BLD * mask_BL[:, :, None] * self.scale
"""
LAUNCHER = ("timeout_min=10", "signal_delay_s=120", "mem_gb=1", "cpus_per_task=1")
SWEEP = (
    *("-m", "--config-dir=conf", "hydra/launcher=submitit_slurm", *(f"hydra.launcher.{one}" for one in LAUNCHER)),
    *("encoder=held,dummy", "seed=0,1,2,3,4,5", *(one for one in QUICK if not one.startswith("hardware.threads"))),
)


@pytest.fixture(scope="module")
def cluster():
    if (why := slurm_cluster.missing()) is not None:
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="slurm"))  # the path of a socket must be short
    try:
        with slurm_cluster.Cluster(folder) as started:
            yield started
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def jobs():
    """What the command needs in its environment for jobs whose imports are there; one job of each command has none."""
    with commands.warm_jobs("harness.runner.slurm.job", "harness.backends.sklearn") as environment:
        yield environment


@pytest.fixture
def working_folder(tmp_path):
    (tmp_path / "conf" / "encoder").mkdir(parents=True)
    (tmp_path / "conf" / "encoder" / "held.yaml").write_text("_target_: held.Held\n")
    (tmp_path / "held.py").write_text(HELD)
    return tmp_path


def start(cluster, jobs, folder, name):
    changes = {**cluster.environment, "OMP_NUM_THREADS": None, **jobs}
    return commands.start(folder, *SWEEP, into=folder / name, changes=changes)


def records(folder):
    return {record.label: record for record in store.read_all(folder / "outputs" / "runs")}


def statuses_in_mlflow(folder):
    client = mlflow.MlflowClient(f"sqlite:///{folder}/outputs/mlflow.db")
    (experiment,) = (one for one in client.search_experiments() if one.name == "digits")
    runs = client.search_runs([experiment.experiment_id])
    return sorted((run.data.tags["kind"], run.info.status) for run in runs)


def killed(folder):
    return [record for record in records(folder).values() if record.status == "killed"]


def limit_soon(cluster, job):
    """Give a running job a time limit in one or two minutes: Slurm looks every 30 s, and warns the job."""
    began = cluster.do("squeue", "--noheader", f"--jobs={job}", "--format=%S")
    lasted = time.time() - time.mktime(time.strptime(began, "%Y-%m-%dT%H:%M:%S"))
    cluster.do("scontrol", "update", f"JobId={job}", f"TimeLimit={int((lasted + 60) / 60) + 1}")


@pytest.mark.timeout(1200)
def test_a_sweep_of_twelve_jobs_loses_four_and_the_same_command_finishes_them(cluster, jobs, working_folder):
    folder, hold = working_folder, working_folder / "hold"
    hold.touch()
    driver = start(cluster, jobs, folder, "first")
    try:
        cluster.until(lambda: len(list(folder.glob("outputs/runs/*/*/last.ckpt"))) == 4 or driver.poll(), 600)
        states = cluster.jobs()
        assert len(states) == 12, (folder / "first").read_text()
        running = {node: sorted(job for job, (state, on) in states.items() if (state, on) == ("RUNNING", node))
                   for node in ("n1", "n2")}  # fmt: skip
        pending = next(job for job, (state, _) in states.items() if state == "PENDING")
        (cancelled, limited), (with_node, requeued) = running["n1"], running["n2"]
        still_held = folder / f"hold_{limited.partition('_')[2]}"
        still_held.touch()
        limit_soon(cluster, limited)
        cluster.do("scancel", pending, cancelled)
        cluster.do("scontrol", "update", f"JobId={with_node}", "Requeue=0")
        cluster.kill_node("n2")
        cluster.until(lambda: any(cancelled in record.reason for record in killed(folder)), 300)
        hold.unlink()  # the other jobs run while Slurm has not yet seen the time limit
        # Slurm would wait for two minutes; on the node that comes back, it may take the job for the one that was lost
        cluster.do("scontrol", "update", f"JobId={requeued}", "StartTime=now", "ReqNodeList=n1")
        cluster.revive_node("n2")
        assert driver.wait(600) == 1, (folder / "first").read_text()
        still_held.unlink()
    finally:
        driver.kill()
        driver.wait()
    said = (folder / "first").read_text()
    assert f"Slurm job {pending} left no result: it " in said
    assert f"Slurm job {with_node} left no result: its node failed (n2" in said
    first = records(folder)
    assert sorted(record.reason for record in killed(folder)) == [
        f"ended by Slurm: SIGTERM to its job {cancelled}, which was cancelled, preempted, or lost its node",
        f"time limit: its Slurm job {limited} may run 10 min (hydra.launcher.timeout_min)",
    ]
    finished = {label for label, record in first.items() if record.status == "finished"}
    assert len(finished) == 8
    assert "\nreport " in said
    assert sum(first[label].resumed_epochs for label in finished) == 1  # the job that Slurm put back into the queue
    assert {first[label].environment.threads_decided_by for label in finished} == {"SLURM_CPUS_PER_TASK"}
    assert {first[label].environment.hardware.threads for label in finished} == {1}

    driver = start(cluster, jobs, folder, "second")
    assert driver.wait(600) == 0, (folder / "second").read_text()
    second = records(folder)
    assert len(second) == 12
    assert {record.status for record in second.values()} == {"finished"}
    assert all(second[label].ended == first[label].ended for label in finished)
    resumed = [label for label in second.keys() - finished if second[label].resumed_epochs == 1]
    assert len(resumed) >= 3  # the one that was cancelled before it began had no epoch
    assert statuses_in_mlflow(folder) == [*[("run", "FINISHED")] * 12, ("sweep", "FINISHED")]
    assert re.search(r"^held\D* 6 ", (folder / "second").read_text(), re.MULTILINE)
    assert not any(os.scandir(folder / "outputs" / "locks"))
