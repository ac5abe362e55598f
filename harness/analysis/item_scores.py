"""The scores of single test items, from the predictions that a run kept: their mean over the items is the metric.

Items are the rows of the test split, in its order. Runs on data of the same hash have the same items.

Dimension letters: N items, T labels of all of them together.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import isclose
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import IGNORED
from harness.records.metrics import split_of, without_split
from harness.records.record import Record
from harness.records.store import PREDICTIONS, Unreadable
from harness.tasks import ctc, predictions
from harness.tasks.predictions import Predictions

MOST_KEPT = 512
"""The scores of so many runs and metrics stay in memory: reports ask for the same ones again and again."""
ROUNDING = 1e-6
"""A metric and the mean over the items may differ by this share of them."""
REMEDY = "rerun=true makes it again"


@dataclass(frozen=True)
class ItemScores:
    """The metric is ``score_N.sum() / weight_N.sum()``; both are float64 and read-only.

    ``score_N`` is the sum over an item's labels of right ones, edits or squared errors. ``weight_N`` is how many labels
    an item has: 1 where it has one, 0 where it does not count.
    """

    score_N: NDArray[np.float64]
    weight_N: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """The metric."""
        return float(self.score_N.sum() / self.weight_N.sum())


Scorer = Callable[[Predictions, float | None], tuple[np.ndarray, np.ndarray]]
"""From predictions and the tolerance of a regression to scores and weights."""


def _right(found: Predictions, _: float | None) -> tuple[np.ndarray, np.ndarray]:
    return found.predicted == found.truth, found.truth != IGNORED


def _right_steps(found: Predictions, _: float | None) -> tuple[np.ndarray, np.ndarray]:
    offsets = found.truth_offsets
    assert offsets is not None
    right_before = np.concatenate([[0], np.cumsum(found.predicted == found.truth)])
    return np.diff(right_before[offsets]), np.diff(offsets)


def _same_labels(found: Predictions, _: float | None) -> tuple[np.ndarray, np.ndarray]:
    return (found.predicted == found.truth).all(1), np.ones(len(found))


def _errors(found: Predictions) -> np.ndarray:
    return found.predicted.astype(np.float64) - found.truth


def _squared_errors(found: Predictions, _: float | None) -> tuple[np.ndarray, np.ndarray]:
    return _errors(found) ** 2, np.ones(len(found))


def _within_tolerance(found: Predictions, tolerance: float | None) -> tuple[np.ndarray, np.ndarray]:
    assert tolerance is not None
    return np.abs(_errors(found)) < tolerance, np.ones(len(found))


def _edits(found: Predictions, _: float | None) -> tuple[np.ndarray, np.ndarray]:
    pairs = [[part.tolist() for part in found.item(row)] for row in range(len(found))]
    return np.array([ctc.edit_distance(*pair) for pair in pairs]), np.array([len(true) for _, true in pairs])


SCORERS: dict[tuple[str, str], Scorer] = {
    ("classification", "accuracy"): _right,
    ("tagging", "accuracy"): _right_steps,
    ("multilabel", "exact_match"): _same_labels,
    ("regression", "mse"): _squared_errors,
    ("regression", "accuracy"): _within_tolerance,
    ("ctc", "label_error_rate"): _edits,
}
"""By task and the metric's name without the split. F1 is no mean over items, and the loss needs more than is kept."""


def has_item_scores(task: str, metric: str) -> bool:
    """Whether a metric is a mean over the items of the test split in this task."""
    return split_of(metric) == "test" and (task, without_split(metric)) in SCORERS


def item_scores(record: Record, metric: str) -> ItemScores | None:
    """The scores of a run's test items in a metric.

    None where the run kept no predictions, or none that can be used (``unusable`` says why), where the metric is no
    mean over the items of the test split, or where the record lacks it.
    """
    try:
        return _item_scores(record, metric)
    except Unreadable:
        return None


def unusable(records: Iterable[Record]) -> list[str]:
    """A sentence for each run whose kept predictions cannot be used."""
    sentences = []
    for record in records:
        try:
            read_predictions(record)
            for metric in record.metrics:
                _item_scores(record, metric)
        except Unreadable as error:
            sentences.append(str(error))
    return sentences


def read_predictions(record: Record) -> Predictions | None:
    """What a finished run predicted; None where it kept nothing.

    Raises:
        Unreadable: the file is damaged, or of another test split.
    """
    if record.status != "finished":
        return None
    return _read(record.folder / PREDICTIONS, record.data.task, record.data.sizes.get("test"))


def _read(file: Path, task: str, rows: int | None) -> Predictions | None:
    try:
        found = predictions.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Unreadable(f"{file} holds no predictions ({error}); {REMEDY}") from None
    if (found.task, len(found)) != (task, rows):
        raise Unreadable(
            f"{file} holds predictions of {found.task} for {len(found)} rows, and its record has a test split of "
            f"{task} with {rows} rows; {REMEDY}"
        )
    return found


def _item_scores(record: Record, metric: str) -> ItemScores | None:
    data, name = record.data, without_split(metric)
    kept = record.status == "finished" and metric in record.metrics
    if not kept or split_of(metric) != "test" or (data.task, name) not in SCORERS:
        return None
    file = record.folder / PREDICTIONS
    try:
        stored = file.stat()
    except OSError:
        return None
    scores = _scores(file, (stored.st_mtime_ns, stored.st_ino), data.task, data.sizes.get("test"), name, data.tolerance)
    if scores is not None and not isclose(scores.mean, record.metrics[metric], rel_tol=ROUNDING, abs_tol=1e-12):
        raise Unreadable(
            f"{file} gives {metric} {scores.mean:.6g}, and its record has {record.metrics[metric]:.6g}: they are of "
            f"different runs; {REMEDY}"
        )
    return scores


@lru_cache(MOST_KEPT)
def _scores(
    file: Path, _version: tuple[int, int], task: str, rows: int | None, name: str, tolerance: float | None
) -> ItemScores | None:
    """The scores in this version of a file: a run that is run again replaces it."""
    found = _read(file, task, rows)
    if found is None:
        return None
    scores = ItemScores(*(part.astype(np.float64) for part in SCORERS[task, name](found, tolerance)))
    for part in (scores.score_N, scores.weight_N):
        part.flags.writeable = False
    return scores
