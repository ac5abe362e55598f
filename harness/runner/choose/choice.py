"""One ``choose``: from its settings to the answer, and what it has to say at any moment."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import psutil
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from harness.analysis.sequential import level_per_look
from harness.config.requirement import parse_all
from harness.config.schema import Config
from harness.config.validation import resolve
from harness.errors import UserError
from harness.records.tuning import Tuning
from harness.runner import run_names
from harness.runner.batches_sweeper import Job
from harness.runner.choose import answer, progress
from harness.runner.choose.bench import LaunchedBench
from harness.runner.choose.judge import Judge
from harness.runner.choose.plan import Ending, Plan, Run, decide
from harness.runner.choose.spending import Spending
from harness.runner.choose.trials import Trials
from harness.runner.choose.tuning_stage import tune
from harness.runner.job_outcomes import JobOutcome

STATE = "choose.json"
"""The file in the sweep's folder that has the time spent."""


class Launching(Protocol):
    """What a choice needs of its sweeper: the settings, the candidates with their trials, and the launcher."""

    config: DictConfig
    budget: float
    cost: str
    looks: tuple[int, ...]
    jobs_of: dict[str, Job]
    trials: Trials

    @property
    def one_by_one(self) -> bool: ...
    def launch_runs(self, runs: Sequence[Run], limit: float) -> list[JobOutcome]: ...
    def tune_by(self, candidate: str, tuning: Tuning) -> None: ...
    def fail(self, reasons: Sequence[str]) -> None: ...
    def forget(self, runs: Iterable[Run]) -> None: ...


class Choice:
    """Runs a plan on the bench of a sweeper. ``ending`` is None until it is over, also where it was stopped.

    ``tried`` are the trials that chose the settings of each candidate, None until the tuning is over.

    Raises:
        UserError: no candidate has a config that can run.
    """

    def __init__(self, sweeper: Launching, composed: Sequence[DictConfig]) -> None:
        self.sweeper = sweeper
        names = tuple(sweeper.jobs_of)
        configs, refused = _resolved(dict(zip(names, composed, strict=True)))
        first = next(iter(configs.values()))
        trials, seed = sweeper.trials.number, first.tune.seed
        self.plan = Plan(names, sweeper.looks, trials, sweeper.budget, seed if trials > 1 else None)
        self.judge = Judge(
            self.plan, level_per_look(sweeper.looks), first.report.margin, parse_all(first.report.require)
        )
        self.spending = Spending(run_names.sweep_folder(sweeper.config) / STATE)
        measuring = first.measure.latency_seconds + first.measure.inference_seconds
        self.bench = LaunchedBench(
            sweeper.launch_runs, self.judge.contenders, self.spending, self.plan.budget, sweeper.one_by_one, measuring,
            sweeper.config.sweep, lambda run: run.stage == "seeds" or sweeper.trials.exists(run),
        )  # fmt: skip
        self.bench.excluded |= refused
        self.tried: int | None = None
        self.ending: Ending | None = None

    def make(self) -> None:
        """Tune the candidates, run their seeds, and end.

        Raises:
            UserError: no candidate fits the data.
        """
        with self.spending.counted(already=seconds_of_process()):
            self.bench.restore("tuning")
            self.tried = tune(self.plan, self.bench, self.tell)
            self._take_settings()
            self.bench.restore("seeds")
            self.ending = decide(self.plan, self.bench, self.tell)
            self.sweeper.forget(self.bench.stopped)
            self.spending.keep(ended=True)
        if not self.bench.records and not self.bench.failures and self.bench.excluded:
            raise UserError("; ".join(dict.fromkeys(self.bench.excluded.values())))

    def _take_settings(self) -> None:
        """Give each candidate the settings that its trials chose; a candidate without any is excluded."""
        for name, search in self.sweeper.trials.searches.items() if self.tried else ():
            if name in self.bench.excluded or not search.to_try:
                continue
            tuning = self.sweeper.trials.chosen(name, self.bench.records, self.tried or 0)
            if tuning:
                self.sweeper.tune_by(name, tuning)
            else:
                why = [why for run, why in self.bench.failures.items() if run.candidate == name]
                self.bench.excluded[name] = f"none of its {self.tried} trials finished: {why[-1]}"
                self.sweeper.fail([f"{name}: {self.bench.excluded[name]}"])

    def tell(self, what: str, runs: Sequence[Run]) -> None:
        """Show what is being decided by the next runs."""
        progress.show(what, self.bench.contenders(), runs, self.bench.predicted(runs), self._spent())

    def _spent(self) -> tuple[float, float]:
        return self.spending.total, self.plan.budget

    def _tuning(self) -> str:
        """How many trials each candidate got, or how far they are."""
        if self.tried is None and self.plan.trials > 1:
            return answer.stopped_tuning(self.plan, self.spending.finished)
        tried = self.tried or 0
        return answer.tuning(self.plan, tried, self.sweeper.trials.fewer(tried))

    @property
    def answered(self) -> bool:
        """Whether the candidates could be compared."""
        return self.ending is not None and self.ending.reason not in ("too small", "no candidate")

    def asked(self) -> dict[str, Any]:
        """What the comparison at the end is asked, besides what the config says."""
        return {"alpha": self.judge.level, "cost": self.sweeper.cost, "told": self.sentences()}

    def not_begun(self) -> str:
        """Why there was no run at all, and where the time went."""
        spent = answer.time_spent(self.spending.by_stage, self.plan.budget)
        return f"{answer.how_it_ended(self.plan, self.ending)} {spent}"

    def sentences(self) -> list[str]:
        """How it ended, what it left out, what more it would take, and the time by stage."""
        contenders = self.bench.contenders()
        seconds = {name: self.bench.predicted([Run(name, "seeds", 0)]) or 0.0 for name in self.plan.candidates}
        return [
            answer.how_it_ended(self.plan, self.ending, contenders),
            *answer.more_seeds(contenders, seconds),
            *answer.left_out(self.bench.excluded, contenders, self.bench.failures),
            self._tuning(),
            answer.looked(self.plan.looks, self.judge.level),
            *[answer.OPTIMISTIC] * (sum(len(one.finished) >= self.plan.looks[0] for one in contenders) > 1),
            answer.time_spent(self.spending.by_stage, self.plan.budget),
        ]


def seconds_of_process() -> float:
    """How long this process runs already: its imports are part of the user's waiting."""
    return max(0.0, time.time() - float(psutil.Process().create_time()))


def _resolved(composed: dict[str, DictConfig]) -> tuple[dict[str, Config], dict[str, str]]:
    """The typed config of each candidate, and the refusals of the others.

    Raises:
        UserError: all are refused.
    """
    configs, refused = {}, {}
    for name, one in composed.items():
        HydraConfig.instance().set_config(one)  # the config reads its choices from there
        try:
            configs[name] = resolve(OmegaConf.masked_copy(one, [str(key) for key in one if key != "hydra"]))
        except UserError as error:
            refused[name] = str(error)
    if not configs:
        raise UserError("; ".join(dict.fromkeys(refused.values())))
    return configs, refused
