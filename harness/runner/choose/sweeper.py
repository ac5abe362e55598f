"""The sweeper of ``harness choose``: it decides its own batches, until all is decided or the time is spent."""

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

from harness.config import launchers
from harness.errors import UserError
from harness.records.settings import key_of
from harness.records.tuning import Tuning
from harness.runner import run_names
from harness.runner.batches_sweeper import BatchesSweeper, Job
from harness.runner.choose.plan import Run
from harness.runner.choose.trials import Trials
from harness.runner.job_outcomes import JobOutcome, drop_outcome
from harness.runner.tuning import as_overrides, searches_of

SAME = ("data", "hardware", "backend", "measure", "tracking", "name", "cache_dir", "run_timeout", "report", "tune")
"""Parts of the config in which candidates must not differ: their numbers could not be compared."""


class ChooseSweeper(BatchesSweeper):
    """Tunes the candidates, trains them with as many seeds as the verdicts need, and names the one to take.

    ``budget`` is a time such as ``1h``; ``cost`` says what is cheap; ``looks`` are the numbers of seeds at which one
    looks. The candidates are the combinations of all keys with several values.
    """

    def __init__(
        self, budget: str, cost: str, looks: Sequence[int], max_batch_size: int | None = None,
        params: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        from harness.runner.choose import settings  # here: every sweep loads this file, and does without scipy

        super().__init__(max_batch_size, params)
        self.budget = settings.seconds_of(budget)
        self.cost = settings.cost_of(cost)
        self.looks = settings.looks_of(looks)
        self.jobs_of: dict[str, Job] = {}
        self.trials = Trials({})
        self.tunings: dict[str, Tuning] = {}
        self.numbers: dict[Run, int] = {}

    def sweep(self, arguments: list[str]) -> Any:
        from harness.runner.choose.choice import Choice
        from harness.runner.sweep import Sweep

        self.jobs_of = self.candidates(arguments)
        composed = self.check(list(self.jobs_of.values()))
        searches = searches_of(self, list(self.jobs_of.values()), composed)
        self.trials = Trials(dict(zip(self.jobs_of, searches, strict=True)))
        choice = Choice(self, composed)
        if Sweep.current:
            Sweep.current.choice = choice
        choice.make()
        return choice.ending

    def candidates(self, arguments: Sequence[str]) -> dict[str, Job]:
        """Each candidate's name and overrides.

        Raises:
            UserError: candidates differ in something that makes their numbers incomparable.
        """
        swept = run_names.swept_keys([*arguments, *run_names.searched(self.config)])
        if wrong := [key for key in swept if key.split(".")[0].split("@")[0] in SAME]:
            raise UserError(
                f"candidates must not differ in {wrong[0]}: choose compares them on the same data and hardware; give "
                "each value a command of its own"
            )
        return {_name(job, swept): job for job in self.jobs(arguments)}

    @property
    def one_by_one(self) -> bool:
        """Whether the launcher runs jobs one after the other, in this process."""
        return launchers.in_turn(self.config.hydra.launcher)

    def tune_by(self, candidate: str, tuning: Tuning) -> None:
        """Give a candidate's seeds the settings that its trials chose."""
        self.tunings[candidate] = tuning

    def launch_runs(self, runs: Sequence[Run], limit: float) -> list[JobOutcome]:
        """Launch runs, each of which is stopped after ``limit`` seconds; returns their outcomes.

        A run whose machine or process was lost is launched once more, in what is left of this time: the loss says
        nothing about its candidate.
        """
        ends = time.monotonic() + limit
        outcomes = self._launch(runs, limit)
        lost, left = [run for run, outcome in outcomes.items() if outcome.lost], ends - time.monotonic()
        if lost and left > 0:
            self.forget(lost)
            outcomes |= self._launch(lost, left)
        return [outcomes[run] for run in runs]

    def _launch(self, runs: Sequence[Run], limit: float) -> dict[Run, JobOutcome]:
        jobs = [within(self._job(run), limit) for run in runs]
        tunings = [self.tunings.get(run.candidate) if run.stage == "seeds" else None for run in runs]
        outcomes = dict(zip(runs, self.launch(jobs, tunings=tunings), strict=True))
        self.numbers |= dict(zip(runs, self.numbers_of_batch, strict=True))
        self.forget(run for run, outcome in outcomes.items() if outcome.user_error)
        return outcomes

    def forget(self, runs: Iterable[Run]) -> None:
        """Leave out of the sweep's outcomes what is no result: refusals, and runs that the budget stopped."""
        for run in runs:
            drop_outcome(self.config, self.numbers[run])

    def _job(self, run: Run) -> Job:
        if run.stage == "tuning":
            return self.trials.job(run)
        job = [*self.jobs_of[run.candidate], f"seed={run.number}"]
        if tuning := self.tunings.get(run.candidate):
            return [*job, *as_overrides(tuning.chosen)]
        # where nothing was tuned, it is the same run as in a sweep without tuning
        return [*(one for one in job if key_of(one).partition(".")[0] != "tune"), "tune=none"]


def within(job: Job, limit: float) -> Job:
    """A job that is stopped after ``limit`` seconds, or after its own ``run_timeout`` if that is shorter."""
    own = [float(one.partition("=")[2]) for one in job if one.startswith("run_timeout=") and not one.endswith("null")]
    others = [one for one in job if not one.startswith("run_timeout=")]
    return [*others, f"run_timeout={math.ceil(min([limit, *own]))}"]


def _name(job: Job, swept: Sequence[str]) -> str:
    """A candidate's name: its encoder, and the other keys in which candidates differ."""
    values = dict(override.lstrip("+").partition("=")[::2] for override in job)
    others = [f"{key}={values[key]}" for key in swept if key != "encoder" and key in values]
    return ", ".join([values.get("encoder", "default encoder"), *others])
