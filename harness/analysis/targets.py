"""Seconds of training until validation first reached ``measure.target``.

They follow from the history of a run, which has the score and the seconds of training of each epoch. So another target
can be asked for when the runs are finished, and nothing is trained again. The record of a run has the number for the
target that its command named; a report compares all runs of one data set at one target.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

from harness.config.schema import AUTO, Config
from harness.errors import UserError
from harness.records.metrics import METRICS, ON_VALIDATION, SECONDS_TO_TARGET, TRAINING_SECONDS
from harness.records.record import Record
from harness.tasks.task import Task, task_of_summary


def check(config: Config, task: Task) -> None:
    """Refuse a target that no training can reach.

    Raises:
        UserError: ``trainer.monitor`` is no score on validation, or the target is outside its bounds.
    """
    target = config.measure.target
    if target is None:
        return
    monitor = task.monitor(config.trainer.monitor)
    if monitor not in ON_VALIDATION:
        raise UserError(
            f"measure.target is a score on validation, and trainer.monitor={monitor} is none; set trainer.monitor to "
            f"a metric such as {task.monitor(AUTO)}, or measure.target=null"
        )
    check_bounds("measure.target", target, monitor)


def check_bounds(name: str, target: float, metric: str) -> None:
    """Refuse a target outside the bounds of its metric; ``name`` is where the user wrote it.

    Raises:
        UserError: no value of the metric is the target.
    """
    low, high = METRICS[metric].bounds
    if not low <= target <= high:
        bounds = f"from {low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
        raise UserError(f"{name}={target:g} is no value of {metric}, which is {bounds}; give a number in its unit")


def seconds_to(history: list[dict[str, int | float]], metric: str, target: float) -> float | None:
    """The seconds of training until the first epoch with a score at least as good as the target.

    None if there is no such epoch, or if the history has no seconds.
    """
    sign = 1 if METRICS[metric].higher_is_better else -1
    first = next((entry for entry in history if metric in entry and sign * entry[metric] >= sign * target), {})
    return first.get(TRAINING_SECONDS)


def score_on_validation(records: Sequence[Record]) -> str:
    """The score on validation that chose the best epochs of all these runs; where they share none, the task's own."""
    metrics = {monitored(record) for record in records}
    only = next(iter(metrics))
    return only if metrics == {only} & set(ON_VALIDATION) else task_of_summary(records[0].data).monitor(AUTO)


def monitored(record: Record) -> str:
    """The metric that chose the best epoch of a run; ``LAST_EPOCH`` if none did."""
    setting = str((record.config.get("trainer") or {}).get("monitor") or AUTO)
    return task_of_summary(record.data).monitor(AUTO) if setting == AUTO else setting


def target_of(record: Record) -> float | None:
    """The target that a run was given."""
    target: float | None = (record.config.get("measure") or {}).get("target")
    return target


def metrics_at(record: Record, target: float | None) -> dict[str, int | float]:
    """The metrics of a run, with the seconds to this target; without them if it has none or never reached it."""
    metrics = {name: value for name, value in record.metrics.items() if name != SECONDS_TO_TARGET}
    seconds = None if target is None else seconds_to(record.history, monitored(record), target)
    return metrics if seconds is None else {**metrics, SECONDS_TO_TARGET: seconds}


def at(record: Record, target: float | None) -> Record:
    """A run as if its command had named this target; the run itself if it did."""
    if target == target_of(record):
        return record
    measured = {**(record.config.get("measure") or {}), "target": target}
    return dataclasses.replace(
        record, metrics=metrics_at(record, target), config={**record.config, "measure": measured}
    )


def at_one_target(records: Iterable[Record], asked: float | None = None) -> list[Record]:
    """The records, those of each data set at one target: the one that is ``asked`` for, or else the newest run's.

    A target is a value of the metric that the newest run with a target monitored; runs that monitored another metric
    have none.

    Raises:
        UserError: no run has a score on validation that could reach what is asked for.
    """
    records = list(records)
    chosen: dict[str, tuple[str, float | None]] = {}
    for record in sorted(records, key=lambda record: record.started):
        target = target_of(record) if asked is None else asked
        if record.mode == "train" and target is not None and (metric := monitored(record)) in ON_VALIDATION:
            chosen[record.data.rows] = (metric, target)
    if asked is not None:
        if not chosen:
            raise UserError("the target is a score on validation, and trainer.monitor is one in none of these runs")
        for metric, _ in chosen.values():
            check_bounds("target", asked, metric)
    placed = []
    for record in records:
        metric, target = chosen.get(record.data.rows, ("", None))
        train = record.mode == "train"
        placed.append(at(record, target if monitored(record) == metric else None) if train else record)
    return placed

