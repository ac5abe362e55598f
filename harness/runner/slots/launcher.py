"""A launcher that keeps the slots of this machine busy: a job begins as soon as the slots that it takes are free."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from harness.config import launchers
from harness.config.compose import job_configs
from harness.errors import UserError
from harness.measure import neighbours, slots
from harness.measure.slots import Place
from harness.runner import job_outcomes, lost_jobs
from harness.runner.devices import say_once
from harness.runner.slots import job_process, shared_memory
from harness.runner.slots.job_process import JobProcess
from harness.runner.slots.messages import Begin, Done, SlotJob
from harness.runner.slots.schedule import Schedule

LOG = "neighbours.txt"
"""The file, beside the outcomes, that says when each job began and ended."""


@dataclass(frozen=True)
class Planned:
    """A job with its config, its number, and how many slots it takes."""

    overrides: Sequence[str]
    config: DictConfig
    number: int
    slots: int


class DevicesLauncher(Launcher):
    """Runs jobs side by side on this machine, each in one slot, or in as many as it takes devices.

    A slot is an accelerator with its share of the cores, or, without accelerators or with ``hardware=cpu``, a set of
    cores. ``cores_per_run`` is the number of cores of a slot; None: an equal share where slots have accelerators, else
    one. ``max_slots`` is the largest number of slots; None: all. ``measure_sharing``: measure once what slots share.
    """

    config: DictConfig
    hydra_context: HydraContext
    task: TaskFunction

    def __init__(
        self, cores_per_run: int | None = None, max_slots: int | None = None, measure_sharing: bool = True
    ) -> None:
        self.cores_per_run, self.max_slots, self.measure_sharing = cores_per_run, max_slots, measure_sharing
        self.processes: dict[int, JobProcess] = {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        for name in ("cores_per_run", "max_slots"):  # checked here, because Hydra wraps the errors of a constructor
            number = getattr(self, name)
            if number is not None and (type(number) is not int or number < 1):
                raise UserError(f"hydra.launcher.{name} must be a whole number from 1, or null, and is {number!r}")
        if (self.cores_per_run or 1) > (there := len(slots.granted_cores())):
            raise UserError(
                f"hydra.launcher.cores_per_run={self.cores_per_run}: this machine grants {there} "
                f"core{'s' * (there != 1)}; take no more"
            )
        self.hydra_context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        configs = job_configs(self.hydra_context.config_loader, self.config, job_overrides, initial_job_idx)
        jobs = [_planned(overrides, config) for overrides, config in zip(job_overrides, configs, strict=True)]
        on_accelerators = any(map(launchers.may_use_accelerator, configs))
        places = slots.of_machine(on_accelerators, self.cores_per_run, self.max_slots)
        slowdown = {}
        if len(places) > 1:
            say_once(describe(places))
            if self.measure_sharing:
                slowdown = shared_memory.slowdown(places, Path(self.config.cache_dir))
        launch = Launch(self, places, slowdown)
        try:
            return launch.run(jobs)
        except BaseException as error:
            kept = launch.interrupt()
            if isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt("; ".join(kept)) from None
            raise

    def process_of(self, places: Sequence[Place]) -> JobProcess:
        """The process of the first of these slots, which is started if there is none."""
        number = places[0].number
        if number not in self.processes:
            hydra, registered = GlobalHydra.instance().hydra, ConfigStore.instance().repo
            begin = Begin(hydra, registered, str(self.config.hydra.job.name), self.hydra_context, self.task)
            self.processes[number] = JobProcess(begin, slots.processors_of(places))
        return self.processes[number]

    def forget(self, process: JobProcess) -> int:
        """Close a process that has ended; returns its exit code. Its slot gets another with the next job."""
        for number in [number for number, one in self.processes.items() if one is process]:
            del self.processes[number]
        return process.close()


class Launch:
    """One launch: its jobs, the slots, and which process runs which job."""

    def __init__(self, launcher: DevicesLauncher, places: Sequence[Place], slowdown: dict[str, float]) -> None:
        self.launcher, self.slowdown = launcher, slowdown
        self.log = job_outcomes.outcomes_folder(launcher.config).absolute() / LOG
        self.schedule: Schedule[Planned] = Schedule(places)
        self.running: dict[JobProcess, Planned] = {}
        self.returns: dict[int, JobReturn] = {}

    def run(self, jobs: Sequence[Planned]) -> list[JobReturn]:
        """Run all jobs; returns what each returned, in their order."""
        for job in jobs:
            self.schedule.add(job, job.slots)
        self._begin_waiting()
        while self.running:
            for process in select(list(self.running), [], [])[0]:
                self._end(process)
                self._begin_waiting()
        return [self.returns[job.number] for job in jobs]

    def _begin_waiting(self) -> None:
        for job, places in self.schedule.begin():
            self._begin(job, places)

    def _begin(self, job: Planned, places: list[Place]) -> None:
        process = self.launcher.process_of(places)
        self.running[process] = job
        neighbours.log(self.log, job.number, begins=True)
        known: dict[str, Any] = {"log": str(self.log), "job": job.number}
        environment = slots.environment_of(places, self.schedule.slots, self.slowdown, known)
        process.give(SlotJob(job.config, environment, slots.processors_of(places)))

    def _end(self, process: JobProcess) -> None:
        """Take a job's answer, and free its slots."""
        answer = process.receive()
        job = self.running.pop(process)
        neighbours.log(self.log, job.number, begins=False)
        self.schedule.end(job)
        if not isinstance(answer, Done):  # its process has ended; the other jobs go on
            code = self.launcher.forget(process)
            how = f"killed by signal {-code}" if code < 0 else f"ended from outside, with exit code {code}"
            self.returns[job.number] = lost_jobs.returned(job.config, f"the process of its slot was {how}")
            return
        done = JobReturn(job.overrides, status=answer.status, working_dir=answer.working_dir)
        done.return_value = answer.returned
        self.returns[job.number] = done

    def interrupt(self) -> list[str]:
        """End all jobs as after Ctrl-C, and return what they leave; pressed once more, it kills them."""
        kept = []
        try:
            for process in self.running:
                process.interrupt()
            for process in self.running:
                answer = process.receive()
                while isinstance(answer, Done):  # its job ended meanwhile
                    answer = process.receive()
                if answer is not None and answer.kept:
                    kept.append(answer.kept)
        except KeyboardInterrupt:
            for process in self.running:
                process.process.kill()
        self.launcher.processes.clear()
        job_process.close_all()
        return kept


def describe(places: Sequence[Place]) -> str:
    """One line about the slots."""
    each, all_of_them = len(places[0].processors), len(slots.processors_of(places))
    own = f"{each} processor{'s' * (each != 1)} of its own"
    if all_of_them < each * len(places):  # more accelerators than processors
        own = f"one of {all_of_them} processors that they share"
    device = "an accelerator of its own and " if places[0].device is not None else ""
    return f"hydra/launcher=devices: {len(places)} runs at a time, each on {device}{own}"


def _planned(overrides: Sequence[str], config: DictConfig) -> Planned:
    return Planned(overrides, config, config.hydra.job.num, launchers.devices_of(config))
