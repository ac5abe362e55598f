"""A sweeper of the harness's own: it launches batches of jobs, each through the launcher that the command chose.

What the batches are, and in which order their jobs run, is decided by the classes that inherit from it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from itertools import product
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from harness.config import per_encoder
from harness.config.compose import job_configs
from harness.errors import UserError
from harness.records.tuning import Tuning
from harness.runner import job_outcomes, lost_jobs, run_lock
from harness.runner.job_outcomes import JobOutcome

Job = list[str]
"""The overrides of one run."""


class BatchesSweeper(Sweeper):
    """Launches batches of jobs and reads their outcomes.

    ``max_batch_size``: the most jobs that the launcher gets at a time; None: all of a batch.
    ``params``: keys and their values, as further overrides.
    """

    config: DictConfig
    hydra_context: HydraContext
    launcher: Launcher

    def __init__(self, max_batch_size: int | None = None, params: dict[str, str] | None = None) -> None:
        self.max_batch_size = max_batch_size
        self.params = params or {}
        self.launched = 0
        self.shown: list[int] = []
        self.numbers_of_batch: list[int] = []
        """The numbers of the jobs that were launched last, in the order of these jobs."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        most = self.max_batch_size  # checked here, because Hydra wraps the errors of a constructor
        if most is not None and (type(most) is not int or most < 1):
            must = "must be a whole number of 1 or more, or null"
            raise UserError(f"hydra.sweeper.max_batch_size {must}, and is {most!r}")
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def jobs(self, arguments: Sequence[str]) -> list[Job]:
        """Every combination of the overrides, each run once: the seed varies slowest, of the others the first one.

        A setting of one encoder alone, ``+per.cnn.kernel_size=3,5``, leaves the runs of the others as they are.

        Raises:
            HydraException: an override is an interval, of which there are no combinations, or cannot be composed.
        """
        overrides = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        # a later override of a key replaces an earlier one
        by_key = {one.get_key_element(): list(values_of(one)) for one in parser.parse_overrides(overrides)}
        seed_first = sorted(by_key.values(), key=lambda values: not (values and is_seed(values[0])))
        jobs = (per_encoder.rewritten(job, self._compose) for job in product(*seed_first))
        return [list(job) for job in dict.fromkeys(map(tuple, jobs))]

    def _compose(self, job: Job) -> DictConfig:
        return self.hydra_context.config_loader.load_sweep_config(self.config, job)

    def check(self, jobs: Sequence[Job]) -> list[DictConfig]:
        """Compose each job, so that an error ends the sweep before any training; returns the configs.

        Raises:
            HydraException: Hydra cannot compose a job.
        """
        # Hydra's sweepers write this file too
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        return [self._compose(list(job)) for job in jobs]

    def launch(
        self, jobs: Sequence[Job], order: Sequence[int] | None = None, tunings: Sequence[Tuning | None] = ()
    ) -> list[JobOutcome]:
        """Run jobs and wait for them; returns their outcomes, in the order of ``jobs``.

        ``order`` has the places of the jobs in the order in which they run; by default, as they stand. They are shown
        in the order of ``jobs``, after the jobs that were launched before. ``tunings`` says what chose the settings of
        each job, for their records.
        """
        order = range(len(jobs)) if order is None else order
        number_of = {place: self.launched + turn for turn, place in enumerate(order)}
        self.numbers_of_batch = numbers = [number_of[place] for place in range(len(jobs))]
        self.shown += numbers
        job_outcomes.keep_batch(self.config, self.launched)
        self._submit(jobs, order, numbers, tunings)
        while held := self._held(numbers):
            self._come_back(jobs, held, numbers, tunings)
        return [job_outcomes.of_job(self.config, number) for number in numbers]

    def _submit(
        self, jobs: Sequence[Job], order: Sequence[int], numbers: Sequence[int], tunings: Sequence[Tuning | None]
    ) -> None:
        """Give jobs to the launcher, and wait for them."""
        job_outcomes.keep_order(self.config, self.shown)
        for place in order:
            job_outcomes.keep_tuning(self.config, numbers[place], tunings[place] if tunings else None)
        for batch in _chunks([jobs[place] for place in order], self.max_batch_size):
            try:
                returned = self.launcher.launch(batch, initial_job_idx=self.launched)
            except BrokenExecutor:  # joblib's
                configs = job_configs(self.hydra_context.config_loader, self.config, batch, self.launched)
                why = "a process of the launcher was killed or crashed, which ends all of them"
                returned = [lost_jobs.returned(config, why) for config in configs]
            self.launched += len(batch)
            for job in returned:
                _ = job.return_value  # raises what went wrong around a job

    def _held(self, numbers: Sequence[int]) -> dict[int, Path]:
        """The places of the jobs that another command held when their turn came, with the files of their locks."""
        held = ((place, job_outcomes.of_job(self.config, number).held) for place, number in enumerate(numbers))
        return {place: Path(file) for place, file in held if file}

    def _come_back(
        self, jobs: Sequence[Job], held: dict[int, Path], numbers: list[int], tunings: Sequence[Tuning | None]
    ) -> None:
        """Wait until other commands hold one or more of their runs no more, and launch these again.

        Most are finished then, and skipped. Each gets a new number, in the place of its old one.
        """
        from harness.runner import lifecycle  # here: --cfg does without it

        lifecycle.sync_ended()  # the others may wait for these runs
        run_lock.wait(list(held.values()))
        free = [place for place, file in held.items() if not run_lock.is_held(file)]
        for turn, place in enumerate(free):
            job_outcomes.drop_outcome(self.config, numbers[place])
            self.shown[self.shown.index(numbers[place])] = self.launched + turn
            numbers[place] = self.launched + turn
        self._submit(jobs, free, numbers, tunings)

    def fail(self, reasons: Sequence[str]) -> None:
        """Keep an outcome for each job that cannot be run, with the reason."""
        for reason in reasons:
            job_outcomes.keep_outcome(self.config, self.launched, JobOutcome(error=reason))
            self.launched += 1


def is_seed(override: str) -> bool:
    """Whether an override sets the seed of the run."""
    return override.lstrip("+").startswith("seed=")


def values_of(override: Override) -> Iterator[str]:
    """An override with each of its values in turn.

    Raises:
        HydraException: it is an interval, which has no values to go through.
    """
    key = override.get_key_element()
    if not override.is_sweep_override():
        yield f"{key}={override.get_value_element_as_str()}"
    elif override.is_discrete_sweep():
        yield from (f"{key}={value}" for value in override.sweep_string_iterator())
    else:
        kind = override.value_type.name if override.value_type else "unknown"
        raise HydraException(f"a sweep over all combinations does not support {key} of the type {kind}")


def _chunks(jobs: Sequence[Job], size: int | None) -> Iterator[Sequence[Job]]:
    """The jobs in pieces of at most this size; no piece is empty."""
    size = size or max(len(jobs), 1)
    yield from (jobs[start : start + size] for start in range(0, len(jobs), size))
