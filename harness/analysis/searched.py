"""The trials of a search by validation: the score of each, and the best one. No test score takes part in this."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from harness.analysis.listed import listed
from harness.analysis.targets import monitored
from harness.backends.history import direction
from harness.records.metrics import STARTUP_SECONDS, TOTAL_SECONDS, TRAINING_SECONDS, TRIALS
from harness.records.record import Record

LOSS = "val/loss"


@dataclass
class SearchTrial:
    """Settings that a search tried, by key, and the records of their runs, one for each of ``seeds`` seeds.

    ``reasons`` says of runs without a record why there is none.
    """

    number: int
    settings: Mapping[str, Any]
    seeds: int = 1
    records: list[Record] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def metric(self) -> str | None:
        """The metric that scores a trial; None before it has a run."""
        return monitored(self.records[0]) if self.records else None

    @property
    def scores(self) -> list[float]:
        """The score on validation of each finished run."""
        finished = (record for record in self.records if record.status == "finished")
        return [record.metrics[self.metric] for record in finished if self.metric in record.metrics]

    @property
    def score(self) -> float | None:
        """The mean score over the seeds; None if one of the runs has none."""
        return fmean(self.scores) if self.scores and len(self.scores) == self.seeds else None

    @property
    def loss(self) -> float:
        """The mean loss on validation, which decides between equal scores; 0 where a run has none."""
        losses = [record.metrics[LOSS] for record in self.records if LOSS in record.metrics]
        return fmean(losses) if losses and len(losses) == self.seeds else 0.0

    @property
    def steps(self) -> dict[int, float]:
        """The mean score by epoch, as far as all runs went."""
        curves = [[entry.get(self.metric or "") for entry in record.history] for record in self.records]
        by_epoch = enumerate(zip(*curves, strict=False), start=1) if len(curves) == self.seeds else ()
        return {epoch: fmean(scores) for epoch, scores in by_epoch if None not in scores}

    @property
    def stopped(self) -> bool:
        """Whether median stopping ended a run."""
        return any(record.stopped_epoch is not None for record in self.records)

    @property
    def seconds(self) -> float:
        """The seconds of all its runs."""
        return sum(map(seconds_of, self.records))


def seconds_of(trial: Record) -> float:
    """The seconds that a trial took, without those before its first training step.

    The first run of a command waits there for imports and for the data of all, which its variant alone would pay for.
    Of a trial that was interrupted and resumed there are at least the seconds of all its training.
    """
    after_start = trial.metrics.get(TOTAL_SECONDS, 0.0) - trial.metrics.get(STARTUP_SECONDS, 0.0)
    return max(after_start, trial.metrics.get(TRAINING_SECONDS, 0.0))


def best_first(trials: Iterable[SearchTrial]) -> list[SearchTrial]:
    """The trials with a score that were not stopped, the best one first; of equal ones that with the lower loss."""
    scored = [trial for trial in trials if trial.score is not None and not trial.stopped]

    def rank(trial: SearchTrial) -> tuple[float, float, int]:
        score, metric = trial.score or 0.0, trial.metric or ""
        return -score if direction(metric) == "max" else score, trial.loss, trial.number

    return sorted(scored, key=rank)


def without_losers(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """The records without those of trials that validation did not choose, and a sentence for each search.

    To compare all trials of a search by their scores on the test split would choose by test. A trial that another
    command asked for as well is compared: there the command chose it. The best trial has the number of trials as a
    metric, which says how well it was tuned.
    """
    searches: dict[str, list[Record]] = {}
    for record in records:
        if record.search_trial is not None and not record.skipped:
            searches.setdefault(str(record.sweep), []).append(record)
    losers: set[int] = set()
    tuned: dict[int, int] = {}
    sentences = []
    for sweep, runs in searches.items():
        trials = _trials_of(runs)
        ranked = best_first(trials)
        best = ranked[0].number if ranked else None
        chosen_by_search = [run for run in runs if not run.asked_again]
        losers |= {id(run) for run in chosen_by_search if run.search_trial != best}
        tuned |= {id(run): len(trials) for run in chosen_by_search if run.search_trial == best}
        asked = {run.search_trial or 0 for run in runs if run.asked_again} - {best}
        count = f"{len(trials)} trial{'s' * (len(trials) != 1)}"
        sentences.append(f"The search {sweep} has {count}: {_compared(best, sorted(asked))}.")
    compared = [record for record in records if id(record) not in losers]
    return [_tuned(record, tuned[id(record)]) if id(record) in tuned else record for record in compared], sentences


def _compared(best: int | None, asked: Sequence[int]) -> str:
    """Which trials of a search are compared: the best one, and those that other commands asked for."""
    if best is None:
        return "none of them finished"
    if not asked:
        return f"only trial {best}, the best one on validation, is compared"
    others = f"trial{'s' * (len(asked) != 1)} {listed([str(number) for number in asked])}"
    return f"trial {best}, the best one on validation, is compared, and {others}, which another command asked for"


def _tuned(record: Record, trials: int) -> Record:
    """The record, with the number of trials from which it was chosen."""
    return replace(record, metrics={**record.metrics, TRIALS: max(trials, record.metrics.get(TRIALS, 0))})


def _trials_of(runs: Iterable[Record]) -> list[SearchTrial]:
    """The trials of one search, with the newest run of each seed."""
    newest: dict[tuple[int, int], Record] = {}
    for run in sorted(runs, key=lambda run: run.started):
        newest[run.search_trial or 0, run.seed] = run
    by_trial: dict[int, list[Record]] = {}
    for (number, _), run in newest.items():
        by_trial.setdefault(number, []).append(run)
    seeds = len({seed for _, seed in newest})
    return [SearchTrial(number, {}, seeds, own) for number, own in sorted(by_trial.items())]
