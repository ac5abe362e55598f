"""The tasks of data sets: width and shape of the model's output, scores, and the score that chooses the best epoch.

The losses are in the backends.

Dimension letters: N sequences of a batch or a split, L length, C classes.
"""

import numpy as np

from harness.config.schema import AUTO, Config
from harness.data import Dataset, Split
from harness.errors import UserError
from harness.records.metrics import METRICS
from harness.records.record import DataSummary
from harness.tasks import ctc
from harness.tasks import metrics as scoring

Scored = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The model's outputs, the labels and the lengths of some sequences."""


class Task:
    """The interface of all tasks."""

    per_step = False
    """Whether the head gives an output for every step, instead of one after a pooling."""
    loss = "loss"
    """The name of the mean loss, without the split."""

    def __init__(self, classes: list[str], tolerance: float | None) -> None:
        self.classes, self.tolerance = classes, tolerance

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of the scores of ``evaluate``; with ``trainer.monitor=auto`` the first chooses the best epoch."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        """The width of the head's output."""
        return len(self.classes)

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        """The scores by their names without the split; batches may be padded to different lengths."""
        raise NotImplementedError

    def confusion(self, outputs: np.ndarray, split: Split) -> list[list[int]] | None:
        """Counts ``m_CC``, rows the true class; None if the task does not compare labels one by one."""
        return None

    def monitor(self, setting: str) -> str:
        """The metric that chooses the best epoch, such as ``val/accuracy``.

        Raises:
            UserError: the task has no such metric.
        """
        available = [f"val/{name}" for name in self.scores]
        chosen = available[0] if setting == AUTO else setting
        if chosen not in available:
            names = ", ".join(available)
            raise UserError(f"trainer.monitor={setting}: this data's task has {names}; take one of them, or auto")
        return chosen


class Classification(Task):
    """One class per sequence: logits ``NC``."""

    scores = ("accuracy", "f1_macro", "loss")

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        return scoring.evaluate_batches([(logits, y) for logits, y, _ in batches])

    def confusion(self, outputs: np.ndarray, split: Split) -> list[list[int]]:
        return scoring.confusion(split.y, outputs.argmax(-1), len(self.classes)).tolist()


class Tagging(Classification):
    """One class per step: logits ``NLC``. If the classes are BIO labels, whole spans are scored."""

    per_step = True

    @property
    def scores(self) -> tuple[str, ...]:
        return ("f1_span", *super().scores) if scoring.are_spans(self.classes) else super().scores

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        scores = super().evaluate(batches)
        if "f1_span" in self.scores:
            scores["f1_span"] = scoring.f1_span(((logits, y) for logits, y, _ in batches), self.classes)
        return scores


class Regression(Task):
    """One number per sequence, ``N1``; with a tolerance, numbers within it count as correct."""

    loss = "mse"
    width = 1

    @property
    def scores(self) -> tuple[str, ...]:
        return ("mse",) if self.tolerance is None else ("mse", "accuracy")

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        error_N = np.concatenate([outputs[:, 0].astype(np.float64) - y for outputs, y, _ in batches])
        scores = {"mse": float((error_N**2).mean())}
        if self.tolerance is not None:
            scores["accuracy"] = float((np.abs(error_N) < self.tolerance).mean())
        return scores


class Transcription(Task):
    """A sequence of classes whose length the model decides: logits ``NLK`` of the classes and, last, the CTC blank."""

    per_step = True
    scores = ("label_error_rate", "loss")

    @property
    def width(self) -> int:
        return len(self.classes) + 1

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        errors = labels = 0
        for logits, y, length in batches:
            for answer, target in zip(ctc.decode(logits, length), y, strict=True):
                counted = target[target != scoring.IGNORED].tolist()
                errors, labels = errors + ctc.edit_distance(answer, counted), labels + len(counted)
        loss_N = np.concatenate([ctc.loss(*batch) for batch in batches])
        return {"label_error_rate": errors / labels, "loss": float(loss_N.mean())}


TASKS: dict[str, type[Task]] = {
    "classification": Classification, "tagging": Tagging, "regression": Regression, "ctc": Transcription,
}  # fmt: skip


def task_of(data: Dataset) -> Task:
    """The task of a data set."""
    return TASKS[data.task](data.classes, data.tolerance)


def task_of_summary(summary: DataSummary) -> Task:
    """The task of the data that a record describes."""
    return TASKS[summary.task](summary.classes, summary.tolerance)


def check_task(config: Config, task: Task, search: str | None = None) -> None:
    """Refuse a config that does not fit the task of the data; ``search`` is the direction of a sweeper's search.

    Raises:
        UserError: the encoder gives one vector per sequence and every position needs one, the task does not have the
            metric ``trainer.monitor``, or the search optimizes that metric in the wrong direction.
    """
    if task.per_step and config.choices.encoder == "additive_attention":
        raise UserError(
            "encoder=additive_attention gives one vector per sequence, and this data has a label for every position; "
            "take an encoder that gives one vector per position, such as self_attention or bidirectional"
        )
    monitor = task.monitor(config.trainer.monitor)
    better = "maximize" if METRICS[monitor].higher_is_better else "minimize"
    if search not in (None, better):
        raise UserError(
            f"hydra.sweeper.direction={search}, but a run returns {monitor}, which is {better}d; "
            f"set hydra.sweeper.direction={better}"
        )
