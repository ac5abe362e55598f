"""What follows from the task that the data sets: how wide the model's output is and where it stands, how it is scored,
and by which score the best epoch is chosen. What a backend adds is the loss.

Dimension letters: N sequences of a batch or a split, L length, C classes.
"""


import numpy as np

from harness.config.schema import AUTO, Config
from harness.data import Dataset, Split
from harness.errors import UserError
from harness.records.metrics import METRICS
from harness.records.record import DataSummary
from harness.tasks import ctc
from harness.tasks import metrics as quality

Scored = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The model's outputs, the labels and the lengths of some sequences."""


class Task:
    """What all tasks share, and what each says for itself."""

    per_step = False
    """Whether the head stands at every step, instead of behind a pooling."""
    loss = "loss"
    """What the mean loss is called within a split."""

    def __init__(self, classes: list[str], tolerance: float | None) -> None:
        self.classes, self.tolerance = classes, tolerance

    @property
    def scores(self) -> tuple[str, ...]:
        """What ``evaluate`` gives; the best epoch is chosen by the first where ``trainer.monitor`` is auto."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        """Numbers that the head gives."""
        return len(self.classes)

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        """The scores by their names within a split; batches may be padded to different lengths."""
        raise NotImplementedError

    def confusion(self, outputs: np.ndarray, split: Split) -> list[list[int]] | None:
        """Counts ``m_CC``, rows the true class; None where labels are not compared one by one."""
        return None

    def monitor(self, setting: str) -> str:
        """The metric that the best epoch is chosen by.

        Raises:
            UserError: the task has no such metric.
        """
        chosen = f"val/{self.scores[0]}" if setting == AUTO else setting
        if chosen.removeprefix("val/") not in self.scores:
            there = ", ".join(f"val/{name}" for name in self.scores)
            raise UserError(f"trainer.monitor={setting}: this data's task has {there}; take one of them, or auto")
        return chosen


class Classification(Task):
    """One class for a sequence: logits ``NC``."""

    scores = ("accuracy", "f1_macro", "loss")

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        return quality.evaluate_batches([(logits, y) for logits, y, _ in batches])

    def confusion(self, outputs: np.ndarray, split: Split) -> list[list[int]]:
        return quality.confusion(split.y, outputs.argmax(-1), len(self.classes)).tolist()


class Tagging(Classification):
    """One class for every step: logits ``NLC``. Where classes are BIO labels, whole spans are to be right."""

    per_step = True

    @property
    def scores(self) -> tuple[str, ...]:
        return ("f1_span", *super().scores) if quality.are_spans(self.classes) else super().scores

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        found = super().evaluate(batches)
        if "f1_span" in self.scores:
            found["f1_span"] = quality.f1_span(((logits, y) for logits, y, _ in batches), self.classes)
        return found


class Regression(Task):
    """One number for a sequence, ``N1``; right, where the data says so, within a tolerance."""

    loss = "mse"
    width = 1

    @property
    def scores(self) -> tuple[str, ...]:
        return ("mse",) if self.tolerance is None else ("mse", "accuracy")

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        error_N = np.concatenate([found[:, 0].astype(np.float64) - y for found, y, _ in batches])
        found = {"mse": float((error_N**2).mean())}
        if self.tolerance is not None:
            found["accuracy"] = float((np.abs(error_N) < self.tolerance).mean())
        return found


class Transcription(Task):
    """Classes in order, as many as the model decides: logits ``NLK`` of the classes and, last, the blank of CTC."""

    per_step = True
    scores = ("label_error_rate", "loss")

    @property
    def width(self) -> int:
        return len(self.classes) + 1

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        errors = labels = 0
        for logits, y, length in batches:
            for answer, target in zip(ctc.decode(logits, length), y, strict=True):
                counted = target[target != quality.IGNORED].tolist()
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
    """The same from what a record says about the data."""
    return TASKS[summary.task](summary.classes, summary.tolerance)


def check_task(config: Config, task: Task, search: str | None = None) -> None:
    """Refuse a config that cannot do the task that the data set; ``search`` is the direction of a sweeper's search.

    Raises:
        UserError: the encoder gives one vector per sequence where every position needs one, the task does not have the
            metric that is to choose the best epoch, or the search goes in that metric's wrong direction.
    """
    if task.per_step and config.choices.encoder == "additive_attention":
        raise UserError(
            "encoder=additive_attention makes one vector of a sequence, and this data has a label for every position; "
            "take an encoder that gives one vector per position, such as self_attention or bidirectional"
        )
    monitor = task.monitor(config.trainer.monitor)
    higher = METRICS[monitor].higher_is_better
    better = "maximize" if higher else "minimize"
    if search not in (None, better):
        raise UserError(
            f"hydra.sweeper.direction={search}, and {monitor} must be {better}d: a run returns it, and the "
            f"{'highest' if higher else 'lowest'} is best; add hydra.sweeper.direction={better}"
        )
