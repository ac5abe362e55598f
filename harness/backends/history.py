"""The metrics of the epochs so far: best epoch, patience, divergence; the same in both backends."""

import math
from collections.abc import Sequence

from harness.config.schema import LAST_EPOCH
from harness.data import Dataset, Split
from harness.measure import StepTimer
from harness.notices import UNBROKEN, wrapped
from harness.records.metrics import METRICS, STEPS, TRAINING_SECONDS, known, split_of, without_split

Metrics = dict[str, float]
COLUMNS = 80
"""The lines of an epoch are at most so wide, whatever they are printed to."""


def evaluated_splits(data: Dataset, with_test: bool) -> dict[str, Split]:
    """The splits that are evaluated after each epoch, by the names of their metrics."""
    splits = {"val": data.validation} if len(data.validation) else {}
    return {**splits, "test": data.test} if with_test else splits


def direction(monitor: str) -> str:
    """``max`` or ``min``, from the definition of the metric."""
    return "max" if METRICS[monitor].higher_is_better else "min"


def best_epoch(history: list[Metrics], monitor: str) -> int:
    """The epoch, counted from 1, with the best value of a metric; with ``LAST_EPOCH``, the last one.

    Of epochs that are equally good on validation, the one with the lower validation loss is the best, then the first
    one. A data set that has few validation rows gives many equal accuracies. The loss of a regression is its error.
    """
    if monitor == LAST_EPOCH:
        return len(history)
    losses = ("val/loss", "val/mse") if split_of(monitor) == "val" else ()
    seconds = [next((entry[loss] for loss in losses if loss in entry), 0.0) for entry in history]
    ranks = list(zip(costs(history, monitor), seconds, strict=True))
    return ranks.index(min(ranks)) + 1


def costs(history: list[Metrics], monitor: str) -> list[float]:
    """The values of a metric, negated if higher is better: the lowest is the best.

    Raises:
        RuntimeError: an epoch lacks the metric.
    """
    if any(monitor not in entry for entry in history):
        raise RuntimeError(
            f"trainer.monitor={monitor}: validation has no such score, because every sequence of it has a label that "
            "train never saw; set trainer.monitor=auto"
        )
    sign = -1 if direction(monitor) == "max" else 1
    return [sign * entry[monitor] for entry in history]


def patience_is_out(history: list[Metrics], monitor: str, patience: int | None) -> bool:
    """Whether ``patience`` epochs have passed without a better score; never if ``patience`` is None.

    An equal score is no better one, whatever the loss.
    """
    if patience is None:
        return False
    scores = costs(history, monitor)
    return len(scores) - (scores.index(min(scores)) + 1) >= patience


def is_hopeless(history: list[Metrics], monitor: str, limits: Sequence[float]) -> bool:
    """Whether the best score so far costs more than the limit of the last epoch; without limits never."""
    return bool(limits) and min(costs(history, monitor)) > limits[len(history) - 1]


def is_over(history: list[Metrics], monitor: str, patience: int | None, limits: Sequence[float]) -> bool:
    """Whether training stops after these epochs: the patience is out, or the score is hopeless."""
    return bool(history) and (
        patience_is_out(history, monitor, patience) or is_hopeless(history, monitor, limits)
    )


def entry(epoch: int, trained: Metrics, scores: dict[str, Metrics]) -> Metrics:
    """The entry of an epoch in the history.

    ``trained`` is the mean loss by its whole name; ``scores`` are those of ``val`` and, if it is evaluated each epoch,
    of ``test``, by their names without the split.
    """
    named = {"epoch": epoch, **trained}
    for split, values in scores.items():
        suffix = "_each_epoch" if split == "test" else ""
        named |= {f"{split}/{name}{suffix}": value for name, value in values.items()}
    return named


def spent(history: list[Metrics], timer: StepTimer) -> Metrics:
    """The steps and the seconds of training until the end of the epoch that the timer has just measured.

    ``history`` has the epochs before it. An interrupted training has them from its checkpoint, so that the sums cover
    the epochs of all commands; what was trained of an epoch before it was interrupted is in neither.
    """
    before = history[-1] if history else {STEPS: 0, TRAINING_SECONDS: 0.0}
    return {
        STEPS: before[STEPS] + timer.epoch_steps[-1],
        TRAINING_SECONDS: before[TRAINING_SECONDS] + timer.epochs[-1],
    }


def check_finite(numbers: Metrics) -> None:
    """Stop a training that diverged.

    Raises:
        RuntimeError: a metric of the epoch is infinite or NaN.
    """
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise RuntimeError(
                f"training diverged: {name} is {value} in epoch {numbers['epoch']}; "
                "a lower optimizer.lr or trainer.clip_norm may help"
            )


def line(numbers: Metrics, epochs: int) -> str:
    """One epoch for the terminal: a line that names each split once; where it is too long, more lines.

    No line is cut between a name and its number.
    """
    by_split: dict[str, list[str]] = {}
    for name, value in numbers.items():
        if name != "epoch" and known(name).kind == "quality":
            by_split.setdefault(split_of(name), []).append(f"{without_split(name)}{UNBROKEN}{_figures(value)}")
    values = "; ".join(f"{split}/{' '.join(scores)}" for split, scores in by_split.items())
    text = f"epoch {numbers['epoch']}/{epochs}: {values}"
    return "\n".join(wrapped(text, COLUMNS, "  "))


def resuming(history: list[Metrics]) -> str:
    """What the terminal shows of a training that does not begin with its first epoch."""
    return f"resuming after epoch {history[-1]['epoch']}"


def _figures(value: float) -> str:
    """Four decimals; squared errors of large or tiny labels have their first figures instead."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if 0 < abs(value) < 0.001 else f"{value:.4f}"
