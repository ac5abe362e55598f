"""The metrics of the epochs so far: best epoch, patience, divergence; the same in both backends."""

import math

from harness.records.metrics import METRICS

Metrics = dict[str, float]


def direction(monitor: str) -> str:
    """``max`` or ``min``, from the definition of the metric."""
    return "max" if METRICS[monitor].higher_is_better else "min"


def best_epoch(history: list[Metrics], monitor: str) -> int:
    """The epoch, counted from 1, with the best value of a metric; the first one if several are equal."""
    best = max if direction(monitor) == "max" else min
    values = [entry[monitor] for entry in history]
    return values.index(best(values)) + 1


def patience_is_out(history: list[Metrics], monitor: str, patience: int | None) -> bool:
    """Whether ``patience`` epochs have passed without a better score; never if ``patience`` is None."""
    return patience is not None and len(history) - best_epoch(history, monitor) >= patience


def entry(epoch: int, train_loss: float, scores: dict[str, Metrics]) -> Metrics:
    """The entry of an epoch in the history, from the scores of ``val`` and, if it is evaluated each epoch, ``test``."""
    named = {"epoch": epoch, "train/loss": train_loss}
    for split, values in scores.items():
        suffix = "_each_epoch" if split == "test" else ""
        named |= {f"{split}/{name}{suffix}": value for name, value in values.items()}
    return named


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
    """One epoch as one line for the terminal."""
    values = ", ".join(f"{name} {value:.4f}" for name, value in numbers.items() if name != "epoch")
    return f"epoch {numbers['epoch']}/{epochs}: {values}"
