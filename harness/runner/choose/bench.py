"""Where the runs of ``choose`` happen and are known: the sweep's launcher, and the records that it leaves."""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from harness.records.metrics import STARTUP_SECONDS, TOTAL_SECONDS
from harness.records.record import Record
from harness.runner.choose.plan import Contender, Run, Stage
from harness.runner.choose.spending import Spending
from harness.runner.job_outcomes import JobOutcome

Launch = Callable[[Sequence[Run], float], list[JobOutcome]]
"""Launches runs, each of which is stopped after so many seconds; returns their outcomes in the same order."""
Stand = Callable[[Mapping[Run, Record], Mapping[Run, str], Mapping[str, str]], list[Contender]]
"""From finished runs, failed ones and excluded candidates to how each candidate stands."""
GRACE = 0.05
"""A run that lasts longer than predicted is stopped when the budget is exceeded by this share."""
SHORTEST = 1.0
"""No run is stopped before so many seconds."""


class LaunchedBench:
    """Runs through a launcher, within a budget of seconds.

    ``one_by_one``: the launcher runs jobs one after the other, so each gets a launch of its own, before which the time
    is looked at. ``records`` has every finished run; ``failures`` the reason of every failed one; ``excluded``
    the candidates that do not fit, with the reason. ``stopped`` are runs that the budget ended. ``untimed`` are the
    seconds that a seed measures, and a trial does not. ``sweep`` decides the order in which candidates take turns.
    ``exists`` says whether a candidate has such a run: one that lacks a key of the space has fewer trials.
    """

    def __init__(
        self, launch: Launch, stand: Stand, spending: Spending, budget: float, one_by_one: bool, untimed: float = 0.0,
        sweep: str = "", exists: Callable[[Run], bool] = lambda run: True,
    ) -> None:  # fmt: skip
        self.launch, self.stand, self.spending = launch, stand, spending
        self.budget, self.one_by_one, self.untimed, self.sweep = budget, one_by_one, untimed, sweep
        self.exists = exists
        self.records: dict[Run, Record] = {}
        self.failures: dict[Run, str] = {}
        self.excluded: dict[str, str] = {}
        self.stopped: set[Run] = set()
        self.parallel = 1.0
        self._seconds: dict[Run, float] = {}
        self._startups: dict[Run, float] = {}

    def left(self) -> float:
        """The seconds that are left of the budget."""
        return self.budget - self.spending.total

    def contenders(self) -> list[Contender]:
        """How each candidate stands."""
        return self.stand(self.records, self.failures, self.excluded)

    def ended(self, run: Run) -> bool:
        """Whether nothing is to be done: it finished, failed, does not exist, or its candidate does not fit."""
        return run in self.records or run in self.failures or run.candidate in self.excluded or not self.exists(run)

    def trials(self, tune: Callable[[], int]) -> int:
        """The number of trials with which an earlier command ended its tuning, else that of ``tune()``, kept."""
        if self.spending.trials is None:
            self.spending.keep(trials=tune())
        return self.spending.trials or 0

    def asked(self, look: int, names: Callable[[], list[str]]) -> list[str]:
        """Who gets the seeds of a look: what an earlier command decided, else ``names()``, which is kept."""
        if look not in self.spending.asked and (now := names()):
            self.spending.keep(asked={look: now})
        return self.spending.asked.get(look, [])

    def restore(self, stage: Stage) -> None:
        """Find the runs that an earlier command finished, without looking at the time: none is run again."""
        if found := self.in_turn(run for run in self.spending.finished if run.stage == stage):
            self._take(found, self.launch(found, self._limit()), None)

    def _limit(self) -> float:
        """The seconds after which a run is stopped."""
        return max(self.left() + GRACE * self.budget, SHORTEST)

    def run(self, runs: Sequence[Run], hopeless: Callable[[], bool] = lambda: False) -> bool:
        """Launch runs; returns False if the time ended before all were done, or the others would be ``hopeless``."""
        runs = self.in_turn(runs)
        for batch in [[run] for run in runs] if self.one_by_one else [runs]:
            if self.left() <= 0 or (self.predicted(batch) or 0.0) > self._limit() or hopeless():
                return False
            self.spending.begin(batch[0].stage)
            began = time.monotonic()
            outcomes = self.launch(batch, self._limit())
            self._take(batch, outcomes, time.monotonic() - began)
        return not self.stopped.intersection(runs)

    def _take(self, batch: list[Run], outcomes: list[JobOutcome], wall: float | None) -> None:
        """Keep the outcomes of a batch; ``wall`` are the seconds that it took, None where it was only found."""
        for run, outcome in zip(batch, outcomes, strict=True):
            record = outcome.record
            if outcome.user_error:
                self.excluded[run.candidate] = outcome.user_error
            elif record is None:
                self.failures[run] = outcome.error or outcome.lost or outcome.damaged or "its process left no record"
            elif record.status == "finished":
                self.records[run] = record
            elif _timed_out(record) and self.left() <= 0:
                self.stopped.add(run)
                continue
            else:
                self.failures[run] = record.reason or record.status
            if record is not None and not record.resumed_epochs:  # else its time does not cover all epochs
                took = float(record.metrics.get(TOTAL_SECONDS, 0.0))
                if wall is not None and len(batch) == 1 and not record.skipped:
                    took = max(wall, took)  # the record of a command's first run counts from the command's begin
                self._seconds[run] = self.spending.finished.get(run, took)
                self._startups[run] = float(record.metrics.get(STARTUP_SECONDS, 0.0))
        done = [run for run in batch if run in self.records]
        self.spending.keep({run: self._seconds.get(run, 0.0) for run in done})
        fresh = [run for run in done if not self.records[run].skipped]
        if wall and len(fresh) == len(batch) > 1:
            self.parallel = max(1.0, sum(self._seconds[run] for run in fresh) / wall)

    def in_turn(self, runs: Iterable[Run]) -> list[Run]:
        """Runs seed by seed, or trial by trial, the candidates of each in an order of their own.

        A machine that gets slower in the course of the sweep then favours no candidate.
        """

        def place(run: Run) -> tuple[int, float]:
            return run.number, random.Random(f"{self.sweep}/{run.stage}/{run.number}/{run.candidate}").random()

        return sorted(runs, key=place)

    def predicted(self, runs: Sequence[Run]) -> float | None:
        """The seconds that these runs will take together; None where no run of a candidate has ended yet."""
        each = [self._predicted(run) for run in runs]
        known = [seconds for seconds in each if seconds is not None]
        if len(known) < len(each):
            return None
        return max(max(known), sum(known) / self.parallel) if known else 0.0

    def _predicted(self, run: Run) -> float | None:
        """The median time of the candidate's runs in this stage, or in the stage before.

        The first run of a command waits for imports and for the data of all, so each run counts as if it had started as
        fast as the fastest.
        """
        fastest = min(self._startups.values(), default=0.0)
        own = {
            done: max(0.0, seconds - self._startups[done]) + fastest
            for done, seconds in self._seconds.items()
            if done.candidate == run.candidate
        }
        same = [seconds for done, seconds in own.items() if done.stage == run.stage]
        if same or not own:
            return median(same) if same else None
        return median(own.values()) + self.untimed


def _timed_out(record: Record) -> bool:
    """Whether a run was stopped because its time was up."""
    return (record.reason or "").startswith("time-out")
