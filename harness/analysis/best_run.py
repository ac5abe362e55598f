"""Which of several runs to use: the best on validation, because the test split chooses nothing."""

from collections.abc import Callable, Sequence
from math import inf

from harness.analysis.differences import DIGITS
from harness.analysis.targets import score_on_validation
from harness.records.metrics import METRICS
from harness.records.record import Record

LOSS = "val/loss"


def merit(metric: str, value_of: Callable[[str], float | None]) -> tuple[float, float]:
    """A key that is larger for better scores on validation; of equally good ones, for the lower loss there."""
    sign, loss = 1 if METRICS[metric].higher_is_better else -1, value_of(LOSS)
    return round(sign * (value_of(metric) or 0.0), DIGITS), -inf if loss is None else -loss


def best_run(runs: Sequence[Record], metric: str | None = None) -> Record | None:
    """The run with the best score on validation, as ``best:NAME`` takes it; None where none has such a score.

    ``metric`` is the score, by default the one that chose the best epochs of these runs.
    """
    if not runs:
        return None
    metric = metric or score_on_validation(runs)
    scored = [run for run in runs if metric in run.metrics]
    return max(scored, key=lambda run: merit(metric, run.metrics.get), default=None)
