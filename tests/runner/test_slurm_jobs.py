"""What the launcher for Slurm asks for, and what it makes of Slurm's answers; a pretended Slurm answers."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import QUICK, refused
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from omegaconf import OmegaConf, open_dict

from harness.records import store
from harness.runner import lost_jobs
from harness.runner.slurm import queue
from harness.runner.slurm.queue import State
from harness.runner.slurm.resources import gpus_per_node
from harness.runner.stopping import Requeued, Stopped, stopped_by
from harness.runner.sweep import Sweep
from harness.tracking import tracker


def asked(accelerator: str, devices: int = 1, **launcher):
    hardware = OmegaConf.create({"accelerator": accelerator, "devices": devices})
    return hardware, OmegaConf.create({"gpus_per_node": None, **launcher})


@pytest.mark.parametrize(
    ("wanted", "gpus"),
    [
        (asked("gpu", 3), 3),
        (asked("gpu", 3, gpus_per_node=3), 3),
        (asked("gpu", 3, gres="gpu:a100:3"), None),
        (asked("gpu", 3, additional_parameters={"gpus": 3}), None),
        (asked("cpu"), None),
        (asked("gpu", 3, gres="tmpdisk:100"), 3),
        (asked("cpu", gres="tmpdisk:100"), None),
        (asked("cpu", gpus_per_node=0), None),
        (asked("auto"), None),
        (asked("auto", gpus_per_node=1), 1),
    ],
)
def test_a_job_asks_for_the_devices_of_its_run(wanted, gpus):
    assert gpus_per_node(*wanted) == gpus


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (asked("gpu", 3, gpus_per_node=5), "gpus_per_node=5 contradicts hardware.devices=3"),
        (asked("gpu", gpus_per_node=0), "gpus_per_node=0 contradicts hardware.devices=1"),
        (asked("cpu", gpus_per_node=2), "gpus_per_node=2 asks for GPUs, and a run with hardware.accelerator=cpu uses"),
        (asked("cpu", gres="gpu:1"), "hydra.launcher.gres=gpu:1 asks for GPUs"),
        (asked("auto", gpus_per_node=2), "gpus_per_node=2 asks for more than hardware.devices=1"),
        (asked("cpu", nodes=2), "hydra.launcher.nodes=2: a job of a sweep is one process on one node"),
        (asked("cpu", tasks_per_node=2), "hydra.launcher.tasks_per_node=2: a job of a sweep is one process"),
    ],
)
def test_a_launcher_that_contradicts_the_hardware_is_refused(wanted, sentence):
    assert sentence in refused(gpus_per_node, *wanted)


@dataclass
class Job:
    """A job of submitit."""

    job_id: str
    folder: Path

    @property
    def paths(self):
        return SimpleNamespace(result_pickle=self.folder / f"{self.job_id}.pkl")


@pytest.fixture
def slurm(clock, monkeypatch):
    """Slurm's answers, one after the other; the last one stays."""
    answers: list[dict[str, State] | None] = []
    monkeypatch.setattr(queue, "time", SimpleNamespace(monotonic=clock, sleep=clock.passes))
    monkeypatch.setattr(queue, "states", lambda: answers.pop(0) if len(answers) > 1 else answers[0])
    return answers


def test_jobs_that_left_no_result_are_told_from_those_that_may_still_do_so(slurm, tmp_path, clock):
    jobs = [Job(f"7_{number}", tmp_path) for number in range(5)]
    (tmp_path / "7_0.pkl").touch()
    back = State("NODE_FAIL", "None", "n2")
    slurm += [
        {"7_1": State("RUNNING"), "7_2": State("CANCELLED", "None", ""), "7_3": back, "7_4": State("PENDING")},
        None,  # the controller does not answer
        {"7_1": State("TIMEOUT", "TimeLimit", "n1"), "7_2": State("CANCELLED"), "7_3": State("PENDING")},
        {"7_1": State("TIMEOUT", "TimeLimit", "n1"), "7_3": State("RUNNING", "None", "n1")},
        {"7_3": State("OUT_OF_MEMORY", "OutOfMemory", "n1")},
    ]
    ended = {job_id: str(state) for job_id, state in queue.wait(jobs).items()}
    assert ended == {
        "7_1": "it reached its time limit (hydra.launcher.timeout_min) (n1, TimeLimit)",
        "7_2": "it was cancelled",
        "7_3": "it needed more memory than it had asked for (hydra.launcher.mem_gb) (n1, OutOfMemory)",
        "7_4": "it left the queue without a result",
    }


@pytest.mark.parametrize(
    "held",
    [
        State("REQUEUE_HOLD", "JobHeldUser"),
        State("SPECIAL_EXIT", "JobHeldUser"),
        State("PENDING", "launch failed requeued held"),
        State("PENDING", "job requeued in held state"),
        State("PENDING", "JobHoldMaxRequeue"),
    ],
)
def test_a_job_that_slurm_holds_after_it_had_to_begin_again_is_lost(slurm, tmp_path, held):
    jobs = [Job("7_0", tmp_path), Job("7_1", tmp_path)]
    own_hold = State("PENDING", "JobHeldUser")  # somebody will release it
    slurm += [{"7_0": held, "7_1": own_hold}] * 3 + [{"7_0": held, "7_1": State("CANCELLED")}]
    ended = {job_id: str(state) for job_id, state in queue.wait(jobs).items()}
    assert ended == {
        "7_0": f"Slurm put it back into the queue and holds it there ({held.reason})", "7_1": "it was cancelled"
    }  # fmt: skip


def test_what_to_do_with_a_held_job_is_said(monkeypatch, tmp_path):
    launcher = pytest.importorskip("harness.runner.slurm.launcher")
    monkeypatch.setattr(launcher.lost_jobs, "returned", lambda config, reason: reason)
    job = SimpleNamespace(job_id="7_3", paths=SimpleNamespace(stderr=tmp_path / "log"))
    ended = {"7_3": State("REQUEUE_HOLD", "None", "")}
    assert launcher.SlurmLauncher._returned(None, job, ended, None) == (
        "Slurm job 7_3 left no result: Slurm put it back into the queue and holds it there; `scontrol release 7_3` "
        "lets it run, `scancel 7_3` removes it"
    )


def test_cancelled_jobs_are_waited_for_until_they_have_written_their_records(slurm, tmp_path, clock, monkeypatch):
    jobs, said = [Job(f"7_{number}", tmp_path) for number in range(3)], []
    (tmp_path / "7_0.pkl").touch()
    monkeypatch.setattr(queue.subprocess, "run", lambda command, **_: said.append(command))
    cancelled, began = State("CANCELLED"), clock()
    slurm += [
        {"7_1": State("COMPLETING"), "7_2": cancelled},
        None,  # the controller does not answer
        {"7_1": State("COMPLETING")},
        {"7_1": cancelled},
    ]
    queue.cancel(jobs)
    assert said == [["scancel", "7_1", "7_2"]]
    assert clock() - began == 3 * queue.LOOKS_EVERY
    slurm[:] = [{"7_1": State("COMPLETING")}]
    queue.cancel(jobs)
    assert clock() - began == 3 * queue.LOOKS_EVERY + queue.ENDS_WITHIN, "a job that does not end is left alone"
    (tmp_path / "7_1.pkl").touch()
    (tmp_path / "7_2.pkl").touch()
    queue.cancel(jobs)
    assert len(said) == 2, "all are over"


def test_a_result_that_a_shared_folder_shows_late_counts(slurm, tmp_path, clock):
    job, began = Job("9", tmp_path), clock()
    slurm.append({"9": State("COMPLETED", "None", "n1")})
    passes = clock.passes

    def sleep(seconds):
        passes(seconds)
        if clock() - began >= 11:
            (tmp_path / "9.pkl").touch()

    queue.time.sleep = sleep
    assert queue.wait([job]) == {}
    (tmp_path / "9.pkl").unlink()
    queue.time.sleep = passes
    assert str(queue.wait([job])["9"]) == "it ended without a result (n1)"


def test_slurms_list_is_read(monkeypatch, tmp_path):
    fake = tmp_path / "squeue"
    fake.write_text("#!/bin/sh\necho '12_0|RUNNING|None|n1'; echo '12_1|CANCELLED|JobHeldUser|'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert queue.states() == {"12_0": State("RUNNING", "None", "n1"), "12_1": State("CANCELLED", "JobHeldUser", "")}
    fake.write_text("#!/bin/sh\nexit 1\n")
    assert queue.states() is None


def test_the_first_signal_stops_a_job_and_the_next_ones_let_it_write_its_record():
    before, reached = signal.getsignal(signal.SIGTERM), []

    def job():
        try:
            signal.raise_signal(signal.SIGUSR2)
        finally:
            signal.raise_signal(signal.SIGTERM)
            reached.append("the record is written")

    with pytest.raises(Stopped, match="the limit"), stopped_by(
        {signal.SIGUSR2: lambda *_: "the limit", signal.SIGTERM: lambda *_: "cancelled"}
    ):  # fmt: skip
        job()
    assert reached == ["the record is written"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_job_that_is_stopped_keeps_its_record_and_its_outcome(command, monkeypatch, tmp_path):
    reasons = ["time limit: of this test"]

    def epoch(self, numbers):
        if reasons:
            raise Stopped(reasons.pop())

    monkeypatch.setattr(tracker.NoTracker, "epoch", epoch)
    with pytest.raises(Stopped):
        command("-m", "encoder=bag_of_embeddings", "seed=0", *QUICK, "tracking=none")
    (record,) = store.read_all(tmp_path / "outputs" / "runs")
    assert (record.status, record.reason) == ("killed", "time limit: of this test")
    (outcome,) = Sweep.current.outcomes()
    assert (outcome.record.status, outcome.failed) == ("killed", True)
    ended = command("-m", "encoder=bag_of_embeddings", "seed=0", *QUICK, "tracking=none")
    assert (ended.code, ended.record.status, ended.record.resumed_epochs) == (0, "finished", 1)


def test_a_job_that_goes_back_into_the_queue_has_no_outcome_yet(command, monkeypatch, tmp_path):
    def epoch(self, numbers):
        raise Requeued("its Slurm job 7 went back into the queue")

    monkeypatch.setattr(tracker.NoTracker, "epoch", epoch)
    with pytest.raises(Requeued):
        command("-m", "encoder=bag_of_embeddings", "seed=0", *QUICK, "tracking=none")
    (record,) = store.read_all(tmp_path / "outputs" / "runs")
    assert (record.status, record.reason) == ("killed", "its Slurm job 7 went back into the queue")
    assert Sweep.current.outcomes() == []


def test_submitit_puts_a_job_back_into_the_queue_near_its_limit(monkeypatch):
    job = pytest.importorskip("harness.runner.slurm.job")
    ended = []

    def run(_job):
        try:
            signal.raise_signal(signal.SIGUSR2)
        except Stopped as stopped:
            ended.append(stopped)
            raise

    monkeypatch.setattr(job.submitit_launcher.SlurmLauncher, "__call__", run)
    monkeypatch.setattr(job.JobEnvironment, "USR_SIG", "USR2")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.delenv("SLURM_ARRAY_JOB_ID", raising=False)
    own = object.__new__(job.SlurmJob)
    own.params = {"timeout_min": 60}

    def refuse(number, frame):
        raise RuntimeError("it was put back too often")

    before = signal.getsignal(signal.SIGUSR2)
    try:
        for of_submitit in (lambda *_: sys.exit(-1), refuse):
            signal.signal(signal.SIGUSR2, of_submitit)
            with pytest.raises(SystemExit):
                own()
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert [type(one) for one in ended] == [Requeued, Stopped]
    assert str(ended[0]) == "its Slurm job 7 went back into the queue"
    assert str(ended[1]).startswith("time limit: its Slurm job 7 may run 60 min")


def test_with_fail_fast_a_job_that_its_scheduler_runs_again_is_no_failure(command, monkeypatch):
    """Slurm ends a job by SIGTERM where it needs the node for another, and runs it again; others begin meanwhile."""
    (basic,) = (one for one in Plugins.instance().discover(Launcher) if one.__name__ == "BasicLauncher")
    real, reasons = basic.launch, ["ended by Slurm: SIGTERM"]

    def epoch(self, numbers):
        if reasons:
            raise Stopped(reasons.pop())

    def launch(self, job_overrides, initial_job_idx):
        with pytest.raises(Stopped):
            real(self, job_overrides[:1], initial_job_idx)
        others = real(self, job_overrides[1:], initial_job_idx + 1)
        return [*real(self, job_overrides[:1], initial_job_idx), *others]

    monkeypatch.setattr(tracker.NoTracker, "epoch", epoch)
    monkeypatch.setattr(basic, "launch", launch)
    ended = command("-m", "encoder=bag_of_embeddings", "seed=0,1", "fail_fast=true", *QUICK, "tracking=none")
    assert ended.code == 0, ended.err
    # the one that runs again began last
    assert [(record.status, record.resumed_epochs) for record in ended.records] == [("finished", 0), ("finished", 1)]


def test_a_launcher_that_loses_jobs_ends_the_sweep_with_its_comparison_and_their_names(command, monkeypatch):
    (basic,) = (one for one in Plugins.instance().discover(Launcher) if one.__name__ == "BasicLauncher")
    real = basic.launch

    def launch(self, job_overrides, initial_job_idx):
        """The first job is lost before it began."""
        returned = real(self, job_overrides[1:], initial_job_idx + 1)
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(job_overrides[0]))
        with open_dict(config):
            config.hydra.job.num = initial_job_idx
        return [lost_jobs.returned(config, "Slurm job 3_0 left no result: it was cancelled"), *returned]

    monkeypatch.setattr(basic, "launch", launch)
    ended = command("-m", "encoder=bag_of_embeddings", "seed=0,1", *QUICK, "tracking=none")
    assert ended.code == 1
    assert "bag_of_embeddings/seed=0 was lost: Slurm job 3_0 left no result: it was cancelled; the same" in ended.err
    assert "\nreport " in ended.out
    assert [record.seed for record in ended.records] == [1]


def test_a_launcher_whose_processes_are_killed_ends_the_sweep_with_its_comparison_and_their_names(command, monkeypatch):
    """Loky, with which joblib launches, ends all of its processes where one of them was killed."""
    broken = pytest.importorskip("joblib.externals.loky.process_executor").TerminatedWorkerError
    (basic,) = (one for one in Plugins.instance().discover(Launcher) if one.__name__ == "BasicLauncher")
    real = basic.launch

    def launch(self, job_overrides, initial_job_idx):
        real(self, job_overrides[:1], initial_job_idx)
        raise broken("A worker process managed by the executor was unexpectedly terminated.")

    monkeypatch.setattr(basic, "launch", launch)
    ended = command("-m", "encoder=bag_of_embeddings", "seed=0,1", *QUICK, "tracking=none")
    assert (ended.code, "Traceback" in ended.err) == (1, False)
    why = "a process of the launcher was killed or crashed, which ends all of them; the same command runs it again"
    assert ended.err.count(why) == 1
    assert f"bag_of_embeddings/seed=1 was lost: {why}" in ended.err
    assert "\nreport " in ended.out
    assert [record.seed for record in ended.records] == [0]


SBATCH = """#!/bin/sh
env | grep -e SLURM -e SRUN -e SBATCH > "$SEEN"
echo Submitted batch job 7
"""
OF_A_JOB = {"SLURM_JOB_ID": "3", "SLURM_MEM_PER_CPU": "4000", "SLURM_CPU_BIND": "mask_cpu:0x3", "SRUN_DEBUG": "3"}
OF_ALL = {"SLURM_CONF": "/etc/own.conf", "SBATCH_ACCOUNT": "mine"}


@pytest.fixture
def submitting(tmp_path, monkeypatch):
    """A launcher, and what submits two jobs to a pretended Slurm whose ``sbatch`` is this script."""
    launcher = pytest.importorskip("harness.runner.slurm.launcher")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    slurm = launcher.SlurmLauncher(submitit_folder=str(tmp_path / "jobs"), max_num_timeout=0, timeout_min=5)
    slurm.config, slurm.hydra_context, slurm.task_function = OmegaConf.create({}), None, print

    def submit(script):
        for name in ("sbatch", "srun"):
            (tmp_path / name).write_text(script)
            (tmp_path / name).chmod(0o755)
        return [job.job_id for job in slurm._submit([["seed=0"], ["seed=1"]], [0, 1], 0, None)]

    return submit


@pytest.mark.parametrize("inside", [True, False], ids=["inside a job", "outside"])
def test_jobs_inherit_nothing_of_the_job_that_their_command_runs_in(submitting, tmp_path, monkeypatch, inside):
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    given = {**OF_A_JOB, **OF_ALL} if inside else {"SLURM_MEM_PER_CPU": "4000", **OF_ALL}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert submitting(SBATCH) == ["7_0", "7_1"]
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    expected = OF_ALL if inside else given
    assert {name: value for name, value in seen.items() if name in {**OF_A_JOB, **OF_ALL}} == expected
    assert {name: os.environ[name] for name in given} == given


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        ("Invalid job array specification", "hydra.sweeper.max_batch_size=100 gives it at most 100 at a time"),
        ("Job violates accounting/QOS policy (job submit limit, user's size)", "hydra.sweeper.max_batch_size=100"),
        ("Invalid account", "see hydra.launcher in the config"),
    ],
)
def test_what_to_do_about_jobs_that_slurm_does_not_take_is_said(submitting, why, remedy):
    script = f'#!/bin/sh\necho "sbatch: error: Batch job submission failed: {why}" >&2\nexit 1\n'
    assert refused(submitting, script).startswith(f"Slurm does not take the jobs: {why}; {remedy}")
