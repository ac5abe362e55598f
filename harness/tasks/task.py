"""The tasks of data sets: width and shape of the model's output, scores, and the score that chooses the best epoch.

The losses are in the backends.

Dimension letters: N sequences of a batch or a split, L length, C classes.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from harness.config.schema import AUTO, CLASS_WEIGHTS, LAST_EPOCH, Config
from harness.data import Dataset, Split
from harness.data.labels import balanced_weights
from harness.errors import UserError
from harness.records.metrics import METRICS, split_of
from harness.records.record import DataSummary
from harness.tasks import ctc, multilabel, spans
from harness.tasks import metrics as scoring

Scored = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The model's outputs, the labels and the lengths of some sequences."""


class Task:
    """The interface of all tasks."""

    per_step = False
    """Whether the head gives an output for every step, instead of one after a pooling."""
    weighs_classes = False
    """Whether ``data.class_weights`` can be set: the loss has one class per sequence or per step."""
    loss = "loss"
    """The name of the mean loss, without the split."""

    def __init__(
        self,
        classes: list[str],
        tolerance: float | None = None,
        unseen: Sequence[str] = (),
        label_scale: list[float] | None = None,
    ) -> None:
        self.classes, self.tolerance = classes, tolerance
        self.unseen, self.label_scale = list(unseen), label_scale

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of the scores of ``evaluate``; with ``trainer.monitor=auto`` the first chooses the best epoch."""
        raise NotImplementedError

    @property
    def loss_unit(self) -> float:
        """What the mean loss that is trained on is multiplied by for the metric ``train/{loss}``."""
        return 1.0

    @property
    def width(self) -> int:
        """The width of the head's output."""
        return len(self.classes)

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        """The scores by their names without the split; batches may be padded to different lengths.

        A label that train never saw counts as an error in every score; the loss is over the other labels.
        """
        raise NotImplementedError

    def confusion(self, outputs: np.ndarray, split: Split) -> list[list[int]] | None:
        """Counts ``m_UC``, rows the true label, the classes first; None if labels are not compared one by one."""
        return None

    def monitor(self, setting: str) -> str:
        """The metric that chooses the best epoch, such as ``val/accuracy``; ``LAST_EPOCH`` where nothing chooses.

        Raises:
            UserError: the task has no such metric.
        """
        available = [f"val/{name}" for name in self.scores]
        chosen = available[0] if setting == AUTO else setting
        if chosen not in (*available, f"train/{self.loss}", LAST_EPOCH):
            names = ", ".join([*available, f"train/{self.loss}", LAST_EPOCH])
            raise UserError(f"trainer.monitor={setting}: this data's task has {names}; take one of them, or auto")
        return chosen


class Classification(Task):
    """One class per sequence: logits ``NC``."""

    scores = ("accuracy", "f1_macro", "loss")
    weighs_classes = True

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        return scoring.evaluate_batches([(logits, y) for logits, y, _ in batches], len(self.unseen))

    def confusion(self, outputs: np.ndarray, split: Split) -> list[list[int]]:
        return scoring.confusion(split.labels(), outputs.argmax(-1), len(self.classes), len(self.unseen)).tolist()


class Tagging(Classification):
    """One class per step: logits ``NLC``. If the tags mark spans (``harness.tasks.spans``), these are scored."""

    per_step = True

    @cached_property
    def span_tags(self) -> list[str] | None:
        """The tags in the form in which spans are scored; None if they mark no spans."""
        return spans.as_bioes([*self.classes, *self.unseen])

    @property
    def scores(self) -> tuple[str, ...]:
        return super().scores if self.span_tags is None else ("f1_span", *super().scores)

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        scores = super().evaluate(batches)
        if self.span_tags is not None:
            scores["f1_span"] = spans.f1_span(((logits, y) for logits, y, _ in batches), self.span_tags)
        return scores


class Multilabel(Task):
    """Any number of classes per sequence, none too: logits ``NC`` of independent yes-or-no decisions."""

    scores = ("f1_micro", "f1_macro", "exact_match", "loss")

    def evaluate(self, batches: list[Scored]) -> dict[str, float]:
        logits_NC, y_NA = (np.concatenate([batch[part] for batch in batches]) for part in (0, 1))
        return multilabel.scores(logits_NC, y_NA)


class Regression(Task):
    """One number per sequence, ``N1``, in the unit of the labels; with a tolerance, numbers within it are correct."""

    loss = "mse"
    width = 1

    @property
    def loss_unit(self) -> float:
        """The loss is of labels in standard deviations, the metric in the unit of the labels."""
        return 1.0 if self.label_scale is None else self.label_scale[1] ** 2

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
        # a target with a label that has no output cannot be spelled
        known = [(y < len(self.classes)).all(1) for _, y, _ in batches]
        loss_N = np.concatenate(
            [ctc.loss(*(part[rows] for part in batch)) for batch, rows in zip(batches, known, strict=True)]
        )
        loss = {"loss": float(loss_N.mean())} if loss_N.size else {}
        return {"label_error_rate": errors / labels, **loss}


TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "tagging": Tagging,
    "multilabel": Multilabel,
    "regression": Regression,
    "ctc": Transcription,
}


def task_of(data: Dataset) -> Task:
    """The task of a data set."""
    return TASKS[data.task](data.classes, data.tolerance, data.unseen, data.label_scale)


def task_of_summary(summary: DataSummary) -> Task:
    """The task of the data that a record describes."""
    return TASKS[summary.task](summary.classes, summary.tolerance, summary.unseen, summary.label_scale)


def class_weights(config: Config, data: Dataset) -> np.ndarray | None:
    """The weights of the classes in the training loss, ``w_C``; None if ``data.class_weights`` is not set.

    A profile trains on random tokens, and has none.
    """
    if config.mode == "profile" or config.data.get(CLASS_WEIGHTS) is None:
        return None
    return balanced_weights(data.train.y, len(data.classes))


def check_task(config: Config, task: Task, summary: DataSummary, search: str | None = None) -> None:
    """Refuse a config that does not fit the task of the data; ``search`` is the direction of a sweeper's search.

    Raises:
        UserError: the encoder gives one vector per sequence and every position needs one, the task has no class
            weights, or not the metric ``trainer.monitor``, or validation cannot have it, or the search optimizes it in
            the wrong direction.
    """
    if task.per_step and config.choices.encoder == "additive_attention":
        raise UserError(
            "encoder=additive_attention gives one vector per sequence, and this data has a label for every position; "
            "take an encoder that gives one vector per position, such as self_attention or bidirectional"
        )
    weights = config.data.get(CLASS_WEIGHTS)
    if weights is not None and not task.weighs_classes:
        raise UserError(
            f"data.class_weights={weights} is for classification and tagging, and this data's task is {summary.task}; "
            "set it to null"
        )
    monitor = task.monitor(config.trainer.monitor)
    if split_of(monitor) == "val" and summary.sizes["validation"] == 0:
        raise UserError(
            f"trainer.monitor={config.trainer.monitor} chooses the epoch on validation, and this data has no "
            f"validation rows; set trainer.monitor=train/{task.loss} or trainer.monitor=last, or give it some"
        )
    if monitor == LAST_EPOCH:
        if search is not None:
            raise UserError("trainer.monitor=last gives a search no score; set trainer.monitor to a metric, or auto")
        return
    unseen = summary.notes.get("unseen_labels", {}).get("validation")
    if monitor == "val/loss" and unseen and unseen == summary.notes["counted_labels"]["validation"]:
        raise UserError(
            "trainer.monitor=val/loss: no label of the validation split occurs in train, so that it has no loss; set "
            "trainer.monitor=auto, or give validation labels that train has"
        )
    better = "maximize" if METRICS[monitor].higher_is_better else "minimize"
    if search not in (None, better):
        raise UserError(
            f"hydra.sweeper.direction={search}, but a run returns {monitor}, which is {better}d; "
            f"set hydra.sweeper.direction={better}"
        )
