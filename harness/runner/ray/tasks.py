"""The tasks of a sweep: what is launched, what comes back, and what is lost on the way."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from ray.exceptions import RayError

from harness.config.compose import job_configs, state_of
from harness.errors import UserError
from harness.runner import lost_jobs
from harness.runner.ray import nodes, resources, task
from harness.runner.ray.losses import reason_of

LOOKS_EVERY = 10.0
"""Seconds between two looks at whether the waiting tasks still have a node."""
GIVES_UP_AFTER = 60.0
"""Seconds without a node for a task after which it is given up: a node may come back."""
ENDS_WITHIN = 30.0
"""Seconds that runs have to write their records after an interruption."""


@dataclass(frozen=True)
class Sweeping:
    """What Hydra gives a launcher: its context, what each job calls, and the config of the sweep."""

    context: HydraContext
    task_function: TaskFunction
    config: DictConfig


@dataclass(frozen=True)
class Job:
    """A job of the sweep: its config as Hydra composed it, and the options of its task."""

    config: DictConfig
    options: dict[str, Any]


def launch(
    sweeping: Sweeping, ray_settings: DictConfig, job_overrides: Sequence[Sequence[str]], first: int
) -> list[JobReturn]:
    """Run jobs as tasks and wait for them; the first has the number ``first``.

    Raises:
        UserError: the cluster cannot be used, or it cannot run one of the first jobs; none of them was begun.
    """
    setup_globals()
    configs = job_configs(sweeping.context.config_loader, sweeping.config, job_overrides, first)
    settings: Any = OmegaConf.to_container(ray_settings, resolve=True)
    try:
        nodes.connect(settings["init"])
        there, jobs = nodes.resources(), []
        for config in configs:
            with state_of(config):
                jobs.append(Job(config, resources.options_of(config, settings["remote"], there)))
        nodes.check(Path(str(sweeping.config.hydra.sweep.dir)))
    except UserError as refusal:
        if first == 0:
            raise
        # the runs before them have their comparison
        return [lost_jobs.returned(config, str(refusal)) for config in configs]
    return _gather(sweeping, jobs)


def _submit(sweeping: Sweeping, job: Job) -> Any:
    """Give a job to Ray; returns what stands for its result."""
    remote = ray.remote(**job.options)(task.run)
    arguments = sweeping.context, job.config, sweeping.task_function, Singleton.get_state()
    return remote.remote(*arguments, task.command_here())


def _gather(sweeping: Sweeping, to_run: Sequence[Job]) -> list[JobReturn]:
    """Run each job as a task, and wait for all; one that is lost, or that no node can run any more, ends no other."""
    jobs: dict[Any, Job] = {}
    returned: dict[Any, JobReturn] = {}
    homeless = Homeless()
    try:
        for job in to_run:
            jobs[_submit(sweeping, job)] = job
        waiting = list(jobs)
        while waiting:
            done, waiting = ray.wait(waiting, timeout=LOOKS_EVERY)
            for one in done:
                try:
                    returned[one] = ray.get(one)
                except RayError as error:
                    returned[one] = lost_jobs.returned(jobs[one].config, reason_of(error))
            for one in homeless.among({one: jobs[one] for one in waiting}):
                ray.cancel(one)
                waiting.remove(one)
                why = "no node of the Ray cluster has what it asks for any more"
                returned[one] = lost_jobs.returned(jobs[one].config, why)
    except BaseException:
        left = [one for one in jobs if one not in returned]
        for one in left:
            ray.cancel(one)  # raises KeyboardInterrupt in its process
        if left:
            ray.wait(left, num_returns=len(left), timeout=ENDS_WITHIN)
        raise
    return [returned[one] for one in jobs]


class Homeless:
    """Finds tasks that no node of the cluster can run, for so long that none may be expected."""

    def __init__(self) -> None:
        self.since: dict[Any, float] = {}

    def among(self, jobs: dict[Any, Job]) -> list[Any]:
        """Those of these tasks to give up."""
        now, there = time.monotonic(), nodes.resources()
        without = [one for one, job in jobs.items() if not resources.can_run(job.options, there)]
        self.since = {one: self.since.get(one, now) for one in without}
        return [one for one in without if now - self.since[one] >= GIVES_UP_AFTER]
