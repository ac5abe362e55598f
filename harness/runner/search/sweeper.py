"""The sweeper of ``hydra/sweeper=optuna``: batches of trials, each chosen by the validation scores of those before.

Its trials are kept as soon as they are chosen. The same command goes on with them: a trial whose runs are finished is
skipped, and one that was interrupted resumes. Commands that run at the same time share the runs of each batch.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from harness.analysis.searched import SearchTrial
from harness.errors import UserError
from harness.records.tuning import Tuning
from harness.runner import job_outcomes, run_names
from harness.runner.batches_sweeper import BatchesSweeper, Job
from harness.runner.job_outcomes import JobOutcome
from harness.runner.search.search import Search, outcomes_by_trial

if TYPE_CHECKING:
    from harness.runner.search.proposals import Proposal, Result
    from harness.runner.search.space import Space

DIRECTIONS = ("maximize", "minimize")
PRUNERS = (None, "median")


class SearchSweeper(BatchesSweeper):
    """Searches with Optuna. The arguments are those of ``conf/hydra/sweeper/optuna.yaml``."""

    space: "Space"

    def __init__(
        self, sampler: DictConfig, direction: str, n_trials: int, n_jobs: int, max_failure_rate: float,
        pruner: str | None = None, params: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params=params)
        self.sampler, self.direction, self.pruner = sampler, direction, pruner
        self.n_trials, self.n_jobs, self.max_failure_rate = n_trials, n_jobs, max_failure_rate
        self.search = Search()

    def sweep(self, arguments: list[str]) -> Any:
        from harness.runner.search.kept_trials import KeptTrials
        from harness.runner.search.space import read_space
        from harness.runner.sweep import Sweep

        self._refuse_settings()
        self.max_batch_size = self.n_jobs
        given = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        self.space = read_space(given, parser)
        to_train = min(self.n_trials, self.space.size or self.n_trials) + (self.pruner is not None)
        job_outcomes.keep_planned(self.config, to_train * max(1, len(self.space.seeds)))
        kept = KeptTrials(run_names.sweep_folder(self.config))
        if Sweep.current:
            Sweep.current.search = self.search
        trials = self.search.trials
        while self.search.ended is None and len(trials) < self.n_trials:
            batch = kept.after(len(trials), self.pruner is not None, self._propose)
            if not batch:
                size = self.space.size
                why = f"all {size} combinations were tried" if len(trials) == size else "the sampler finds nothing new"
                self.search.ended = f"the search ends after {len(trials)} of {self.n_trials} trials: {why}"
                break
            self._run(batch[: self.n_trials - len(trials)])
        if self.pruner:
            self._train_best()

    def _refuse_settings(self) -> None:
        """Refuse settings of the search that are of the wrong kind.

        Raises:
            UserError: one sentence with the key.
        """
        for key in ("n_trials", "n_jobs"):
            value = getattr(self, key)
            if type(value) is not int or value < 1:
                raise UserError(f"hydra.sweeper.{key} must be a whole number of 1 or more, and is {value!r}")
        if self.direction not in DIRECTIONS:
            raise UserError(f"hydra.sweeper.direction must be {' or '.join(DIRECTIONS)}, and is {self.direction!r}")
        if self.pruner not in PRUNERS:
            raise UserError(f"hydra.sweeper.pruner must be null or median, and is {self.pruner!r}")
        rate = self.max_failure_rate
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise UserError(f"hydra.sweeper.max_failure_rate must be from 0 to 1, and is {rate!r}")

    def _propose(self, past: "Sequence[Proposal]") -> "list[Proposal]":
        from harness.runner.search.proposals import propose

        results = [self._result(trial) for trial in self.search.trials]
        count = min(self.n_jobs, self.n_trials - len(past))
        return propose(past, results, self.space, self.sampler, self.direction, count)

    def _result(self, trial: SearchTrial) -> "Result":
        from harness.runner.search.proposals import Result

        return Result(trial.score, trial.steps, trial.stopped)

    def _run(self, batch: "Sequence[Proposal]") -> None:
        """Run trials, and see whether the search goes on; one that resumes runs those of several batches at once."""
        first, seeds = len(self.search.trials), max(1, len(self.space.seeds))
        trials = [SearchTrial(first + place, one.settings, seeds) for place, one in enumerate(batch)]
        jobs = [[*job, *self._own(trial)] for trial in trials for job in self.space.jobs(trial.settings)]
        self.search.trials += trials
        self.check(jobs)
        try:
            _take(trials, self.launch(jobs))
        except BaseException:  # such as Ctrl-C: what has ended is shown
            ended = [job_outcomes.of_job(self.config, number) for number in self.numbers_of_batch]
            _take(trials, [replace(one, damaged=None) for one in ended])
            raise
        self._judge(trials, [one.batch for one in batch])

    def _own(self, trial: SearchTrial) -> Job:
        """What a trial's runs are told of it. Those that may be stopped are no results, and read no test split."""
        if self.pruner is None:
            return [f"trial={trial.number}"]
        return [f"tune.trial={trial.number}", "tune.prune=true", "trainer.report_test_each_epoch=false"]

    def _judge(self, trials: Sequence[SearchTrial], batches: Sequence[int]) -> None:
        """End the search where it cannot go on. ``batches`` has the number of each trial's batch."""
        every = self.search.trials
        counts = Counter(batches)
        failed = Counter(batch for trial, batch in zip(trials, batches, strict=True) if trial.score is None)
        too_many = [batch for batch in counts if failed[batch] > self.max_failure_rate * counts[batch]]
        if self.config.fail_fast and job_outcomes.failed_before(self.config):
            self.search.ended = (
                f"the search ends after {len(every)} of {self.n_trials} trials: fail_fast, and one failed"
            )
        elif not any(trial.records for trial in every):
            self.search.ended = "the search ends: no trial of its first batch could be run"
        elif too_many:
            rate = f"hydra.sweeper.max_failure_rate={self.max_failure_rate}"
            share = f"{failed[too_many[0]]} of {counts[too_many[0]]}"
            self.search.ended = f"the search ends: {share} trials of a batch failed, and {rate}"

    def _train_best(self) -> None:
        """Train the best settings as runs of their own, which read the test split."""
        best = self.search.best
        if best is None or best.score is None or best.metric is None:
            return
        jobs = self.space.jobs(best.settings)
        self.check(jobs)
        every = self.search.trials
        tuning = Tuning(
            metric=best.metric,
            seed=best.records[0].seed,
            scores=[trial.score for trial in every],
            best=best.number,
            chosen=dict(best.settings),
            seconds=sum(trial.seconds for trial in every),
            stopped=[trial.number for trial in every if trial.stopped],
        )
        outcomes = self.launch(jobs, tunings=[tuning] * len(jobs))
        self.search.results = [outcome.record for outcome in outcomes if outcome.record]


def _take(trials: Sequence[SearchTrial], outcomes: Sequence[JobOutcome]) -> None:
    """Give trials the outcomes of their runs."""
    for trial, own in zip(trials, outcomes_by_trial(outcomes, trials[0].seeds), strict=True):
        trial.records = [one.record for one in own if one.record]
        reasons = (one.user_error or one.error or one.lost or one.damaged for one in own)
        trial.reasons = [reason for reason in reasons if reason]
