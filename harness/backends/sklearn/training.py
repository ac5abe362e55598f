"""The choice among candidates, such as strengths of regularisation: each is scored on validation as it comes.

Dimension letters: N sequences, C classes.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning

from harness.backends.history import Metrics, best_epoch
from harness.backends.sklearn.model import Fitting
from harness.config.rules import is_number
from harness.data import Split
from harness.errors import UserError
from harness.notices import notify
from harness.records.metrics import number, split_of
from harness.tasks.task import Task

CANDIDATES = "candidates.json"
"""The file in a run's folder with the settings that were tried, and their scores on validation."""
Made = TypeVar("Made")


class Choice(Generic[Made]):
    """Keeps the best of the candidates that it is offered, by ``trainer.monitor`` on validation.

    Of equal ones the one with the lower validation loss is the best, then the first, as for epochs.
    """

    def __init__(self, fitting: Fitting) -> None:
        self.fitting = fitting
        self.tried: list[Metrics] = []
        self.best: Made | None = None
        self.begun = time.perf_counter()

    def offer(self, settings: Mapping[str, float], made: Made, outputs_NC: np.ndarray) -> None:
        """Take a candidate with its outputs on the rows of validation, none if there are no such rows."""
        split = self.fitting.data.validation
        scores: Metrics = {}
        if len(split):
            scores = self.fitting.task.evaluate([(outputs_NC, split.labels(), split.length_N)])
            scores = {f"val/{name}": value for name, value in scores.items()}
        self.tried.append({**settings, **scores})
        if self._best(self.tried) is self.tried[-1]:
            self.best = made

    def _best(self, tried: Sequence[Metrics]) -> Metrics:
        return tried[0] if len(tried) == 1 else tried[best_epoch(list(tried), self.fitting.monitor) - 1]

    def say_best_of(self, last: int) -> None:
        """Say which of the last few candidates is the best, and how long they took."""
        best, seconds = self._best(self.tried[-last:]), time.perf_counter() - self.begun
        settings = " ".join(f"encoder.{key}={value:g}" for key, value in best.items() if "/" not in key)
        monitor = self.fitting.monitor
        score = f": {monitor} {number(monitor, best[monitor])}" if monitor in best else ""
        of = f", the best of {last}" if last > 1 else ""
        notify(f"{settings}{score}{of} ({seconds:.1f} s)")
        self.begun = time.perf_counter()

    def say_if_at_the_end(self, key: str, values: Sequence[float]) -> None:
        """Say that the best value is the largest or the smallest that was tried, so that one beyond may be better."""
        if len(values) < 3:
            return
        chosen = self._best(self.tried)[key]
        for end, which in ((min, "smallest"), (max, "largest")):
            if chosen == end(values):
                notify(f"encoder.{key}={chosen:g} is the {which} value that was tried; one beyond it may be better")


def check_candidates(key: str, values: Any, monitor: str, low: float, high: float = float("inf")) -> list[float]:
    """The values of a setting that validation chooses from.

    Raises:
        UserError: they are no list of numbers above ``low`` and up to ``high``, or nothing chooses among them.
    """
    given = values if isinstance(values, list) else [values]
    if not given or not all(is_number(one) and low < one <= high for one in given):
        span = f"above {low:g}" + (f" and up to {high:g}" if high < float("inf") else "")
        raise UserError(f"encoder.{key} must be a number {span}, or a list of such numbers, and is {values!r}")
    if len(given) > 1 and split_of(monitor) != "val":
        raise UserError(
            f"encoder.{key} has {len(given)} values, of which validation chooses one, and trainer.monitor={monitor} "
            f"chooses nothing on validation; set encoder.{key} to one number, or trainer.monitor=auto"
        )
    return [float(one) for one in given]


def scale_of(margins_NC: np.ndarray, task: Task, split: Split) -> float:
    """What margins are multiplied by so that the loss on validation is the lowest; 1 without validation.

    Margins are no log-probabilities. This one number (Platt scaling without a shift; Guo et al. 2017 call its inverse a
    temperature) makes them such, and changes no answer.
    """
    if not len(split):
        return 1.0
    y, length_N = split.labels(), split.length_N

    def loss(logarithm: float) -> float:
        return task.evaluate([(np.exp(logarithm) * margins_NC, y, length_N)]).get("loss", 0.0)

    return float(np.exp(minimize_scalar(loss, bounds=(-7, 7), method="bounded").x))


@contextmanager
def said_if_not_converged(what: Callable[[], str]) -> Iterator[None]:
    """Turn scikit-learn's warning that a solver stopped early into a line of progress."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        yield
    for one in caught:
        if issubclass(one.category, ConvergenceWarning):
            notify(f"{what()}: the solver stopped before it converged; its last weights are used")
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
