"""What follows from the numbers of the epochs so far, in both backends the same."""

import math

from harness.records.metrics import METRICS

Metrics = dict[str, float]


def direction(monitor: str) -> str:
    """``max`` or ``min``, as the metric's definition says."""
    return "max" if METRICS[monitor].higher_is_better else "min"


def best_epoch(history: list[Metrics], monitor: str) -> int:
    """The epoch, counted from 1, with the best value of a metric; the first of several."""
    best = max if direction(monitor) == "max" else min
    values = [entry[monitor] for entry in history]
    return values.index(best(values)) + 1


def patience_is_out(history: list[Metrics], monitor: str, patience: int | None) -> bool:
    """Whether so many epochs have passed without a better score; never where ``patience`` is None."""
    return patience is not None and len(history) - best_epoch(history, monitor) >= patience


def entry(epoch: int, train_loss: float, found: dict[str, Metrics]) -> Metrics:
    """The object of an epoch in the history, from the scores of ``val`` and, where it is watched, of ``test``."""
    named = {"epoch": epoch, "train/loss": train_loss}
    for split, scores in found.items():
        suffix = "_each_epoch" if split == "test" else ""
        named |= {f"{split}/{name}{suffix}": value for name, value in scores.items()}
    return named


def check_finite(numbers: Metrics) -> None:
    """Stop a training that has lost its way.

    Raises:
        RuntimeError: a number of the epoch is infinite or none at all.
    """
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise RuntimeError(
                f"training diverged: {name} is {value} in epoch {numbers['epoch']}; "
                "a lower optimizer.lr or trainer.clip_norm may help"
            )


def line(numbers: Metrics, epochs: int) -> str:
    """One epoch in one line of the terminal."""
    told = ", ".join(f"{name} {value:.4f}" for name, value in numbers.items() if name != "epoch")
    return f"epoch {numbers['epoch']}/{epochs}: {told}"
