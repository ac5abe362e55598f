"""What becomes of the tasks of a sweep that Ray cannot finish, without a cluster."""

from types import SimpleNamespace

import pytest
from conftest import QUICK
from hydra.core.singleton import Singleton

ray = pytest.importorskip("ray", reason="ray is not installed: pip install '.[ray]'")

from ray import exceptions  # noqa: E402

from harness.config.compose import composed  # noqa: E402
from harness.runner import job_outcomes, lost_jobs  # noqa: E402
from harness.runner.job_outcomes import JobOutcome  # noqa: E402
from harness.runner.ray import tasks  # noqa: E402
from harness.runner.ray.losses import reason_of  # noqa: E402

ON_CPU = {"num_cpus": 1, "num_gpus": 0}
ON_GPU = {"num_cpus": 1, "num_gpus": 1}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exceptions.WorkerCrashedError(), "its process was killed or crashed, or its Ray node was lost"),
        (exceptions.NodeDiedError("details\nof Ray"), "its Ray node was lost"),
        (exceptions.OutOfMemoryError("details"), "the memory of its Ray node ran out, and Ray ended it"),
        (exceptions.RuntimeEnvSetupError("no such package\nmore"), "RuntimeEnvSetupError: Failed to set up runtime"),
        (exceptions.RayTaskError("run", "Traceback", ImportError("no harness")), "ImportError: no harness"),
    ],
)
def test_a_loss_is_told_in_one_line(error, reason):
    assert reason_of(error).startswith(reason)
    assert "\n" not in reason_of(error)


def test_a_task_that_no_node_can_run_any_more_is_given_up_after_a_minute(monkeypatch, clock):
    """Not before: a node may come back. Its neighbour still has a node."""
    there = [{"CPU": 2.0}, {"CPU": 2.0, "GPU": 1.0}]
    monkeypatch.setattr(tasks, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(tasks.nodes, "resources", lambda: there)
    waiting = {"on cpu": tasks.Job(None, ON_CPU), "on gpu": tasks.Job(None, ON_GPU)}
    homeless = tasks.Homeless()
    assert homeless.among(waiting) == []
    gone = there.pop()
    assert homeless.among(waiting) == []
    clock.passes(59)
    assert homeless.among(waiting) == []
    there.append(gone)
    assert homeless.among(waiting) == []
    there.pop()
    assert homeless.among(waiting) == []
    clock.passes(59)
    assert homeless.among(waiting) == []
    clock.passes(1)
    assert homeless.among(waiting) == ["on gpu"]


@pytest.fixture
def job(tmp_path):
    """The config of the third job of a search."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf, open_dict, read_write

    overrides = ("encoder=cnn", "seed=7", f"output_dir={tmp_path}", "+sweep=s1", "+worker=1.0-here-1")
    with composed(*(one.lstrip("+") for one in overrides)) as config:
        whole = OmegaConf.merge(HydraConfig.instance().cfg, config)
        with read_write(whole.hydra), open_dict(whole):
            whole.hydra.job.num = 2
            whole.hydra.mode = "MULTIRUN"
            whole.hydra.sweeper.direction = "maximize"
        yield whole


def test_the_outcome_of_a_lost_job_names_it_and_a_search_goes_on_with_the_worst_score(job):
    assert lost_jobs.keep(job, "its Ray node was lost") == float("-inf")
    (outcome,) = job_outcomes.outcomes_of(job)
    assert outcome.lost == (
        "cnn/seed=7 was lost: its Ray node was lost; the same command runs it again, from its last epoch"
    )
    assert outcome.failed


def test_a_job_that_left_its_outcome_before_its_process_was_lost_keeps_it(job):
    job_outcomes.keep_outcome(job, 2, JobOutcome(error="of its own"))
    lost_jobs.keep(job, "its Ray node was lost")
    assert [outcome.error for outcome in job_outcomes.outcomes_of(job)] == ["of its own"]


class Task(tuple):
    """What stands for a task: its function and arguments; two are never the same."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class PretendedRay:
    """Runs each task in this process when its result is asked for, the last first; some encoders and seeds are lost."""

    def __init__(self, lost):
        self.lost, self.options = lost, []

    def remote(self, **options):
        self.options.append(options)
        return lambda function: SimpleNamespace(remote=lambda *arguments: Task((function, arguments)))

    @staticmethod
    def wait(waiting, timeout):
        return waiting[-1:], waiting[:-1]

    def get(self, one):
        function, arguments = one
        _context, config, *_ = arguments
        if (config.encoder._target_.rpartition(".")[2], config.seed) in self.lost:
            raise exceptions.WorkerCrashedError
        return function(*arguments)

    def get_assigned_resources(self):
        return {"CPU": self.options[0]["num_cpus"]}


@pytest.fixture
def pretended(monkeypatch):
    def pretend(lost=(), nodes=lambda: [{"CPU": 3.0}]):
        pretends = PretendedRay(lost)
        monkeypatch.setattr(tasks, "ray", pretends)
        # a worker of Ray takes over Hydra's state; this process has it, and would load all plugins a second time
        monkeypatch.setattr(Singleton, "set_state", lambda _state: None)
        monkeypatch.setattr(ray, "get_runtime_context", lambda: pretends)
        for name, does in {"connect": lambda _: None, "check": lambda _: None, "resources": nodes}.items():
            monkeypatch.setattr(tasks.nodes, name, does)
        return pretends

    return pretend


SWEEP = ("-m", "hydra/launcher=ray", "encoder=bag_of_embeddings,cnn", "seed=0,1", *QUICK, "tracking=none")


def test_a_lost_task_is_named_and_the_same_command_runs_it_alone(command, pretended):
    pretended(lost=[("CNN", 1)])
    first = command(*SWEEP)
    assert first.code == 1, first.err
    assert "cnn/seed=1 was lost: its process was killed or crashed" in first.err
    assert first.err.count(" was lost: ") == 1
    assert "Traceback" not in first.err
    assert "report.md" in first.out
    ended = {record.label: record.ended for record in first.records if record.status == "finished"}
    assert set(ended) == {"bag_of_embeddings/seed=0", "bag_of_embeddings/seed=1", "cnn/seed=0"}
    again = pretended()
    second = command(*SWEEP)
    assert second.code == 0, second.err
    assert {record.label: record.ended for record in second.records if record.label != "cnn/seed=1"} == ended
    assert {record.status for record in second.records} == {"finished"}
    assert len(second.records) == 4
    assert again.options == [{"num_cpus": 1, "num_gpus": 0, "max_retries": 0}] * 4


def test_a_cluster_that_cannot_run_a_job_is_refused_before_any_run(command, pretended):
    pretends = pretended()
    refusal = command(*SWEEP, "hardware=gpu")
    assert (refusal.code, refusal.records, pretends.options) == (2, [], [])
    assert refusal.err.splitlines()[-1] == (
        "hardware=gpu: a run asks for 1 processor and 1 GPU, and no node of the Ray cluster has that (they have "
        "3 processors and 0 GPUs); ask for less by hardware or hydra.launcher.ray.remote, or start a node that has it"
    )


def test_a_cluster_that_shrinks_between_batches_loses_the_rest_and_keeps_the_comparison(command, pretended):
    looks = iter([[{"CPU": 1.0}], []])  # before each batch; nobody waits for a node while the first runs
    pretends = pretended(nodes=lambda: next(looks, []))
    ended = command(*SWEEP, "hydra.sweeper.max_batch_size=1")
    assert ended.code == 1, ended.err
    assert len(pretends.options) == len(ended.records) == 1
    assert ended.err.count("no node of the Ray cluster has that (they have nothing)") == 3
    assert "report.md" in ended.out
