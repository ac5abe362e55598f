"""What a data loader returns: splits, classes, vocabulary, and the hash of their contents.

Dimension letters: N sequences, T steps of all of them together, L length, D feature width.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from harness.data import content, labels
from harness.data.chance import level_of_chance
from harness.data.characters import Characters, check_characters
from harness.data.flat import chunks, joined
from harness.data.labels import IGNORED as IGNORED  # exported: most code that reads labels needs it
from harness.data.overlap import notes_of_arrays
from harness.data.split import Split as Split
from harness.data.unseen import set_apart, unseen_among
from harness.data.vectors.kept import WordVectors
from harness.errors import UserError
from harness.records.record import DataSummary

SPECIAL = ["[PAD]", "[UNK]"]
"""The first two entries of every vocabulary: padding has id 0."""
UNKNOWN = 1
"""The id of every token that the vocabulary lacks."""


class Preparation(Protocol):
    """What made token ids of rows (``harness.data.preparation``); ``identity`` is empty for the default."""

    @property
    def identity(self) -> str: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class Dataset:
    """Train, validation and test, which are disjoint, with what the model must know about them.

    Validation may be empty: then ``trainer.monitor`` must be ``last``, or a metric of training.

    ``vocabulary`` lists the tokens by id (0 is padding, 1 unknown) and is empty for feature vectors. ``classes`` lists
    the names of the classes by id. ``unseen`` lists the labels that only validation or test has; their ids follow those
    of the classes. ``notes`` go into the record. ``task`` is inferred from the labels, except ``ctc``, which must be
    given. ``tolerance`` is the error below which a prediction of a regression counts as correct, if the data defines
    one. ``label_scale`` is the mean and the standard deviation of train's labels, if a regression trains on labels
    that are standardised by them; outputs and metrics are in the unit of the labels either way. ``alphabet`` lists the
    characters of words by id, if the loader provides them. ``preparation`` is what made the ids, for new rows;
    ``examples`` are some rows as they were before (``harness.data.examples``). ``vectors`` are those of the vocabulary
    from a file, if ``input.vectors`` names one. ``rows_hash`` is that of ``DataSummary``.
    """

    train: Split
    validation: Split
    test: Split
    classes: list[str]
    vocabulary: list[str] = field(default_factory=list)
    source: str = ""
    notes: dict[str, Any] = field(default_factory=dict)
    task: str = ""
    tolerance: float | None = None
    alphabet: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    label_scale: list[float] | None = None
    preparation: Preparation | None = None
    examples: list[Any] = field(default_factory=list)
    vectors: WordVectors | None = None
    rows_hash: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", self.task or self._inferred_task)

    @property
    def _inferred_task(self) -> str:
        return labels.infer_task(self.train.y, self.train.y_offsets)

    @property
    def splits(self) -> dict[str, Split]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def label_names(self) -> list[str]:
        """The names of all labels by id: the classes, then those that train never saw."""
        return [*self.classes, *self.unseen]

    @property
    def tokens(self) -> bool:
        """Whether sequences are token ids rather than feature vectors."""
        return self.train.x.ndim == 1

    @property
    def width(self) -> int:
        """Features per step, or the size of the vocabulary for token ids."""
        return len(self.vocabulary) if self.tokens else self.train.x.shape[1]

    @property
    def max_length(self) -> int:
        """Steps of the longest sequence in any split, 1 at least."""
        return max(split.longest for split in self.splits.values())

    @cached_property
    def hash(self) -> str:
        """SHA-256 over splits, classes, vocabulary, alphabet; task, tolerance, unseen, tokenizer if not the defaults.

        Splits count as padded arrays, as which they were stored once: the hash of data does not depend on its storage.
        """
        digest = hashlib.sha256()
        for name, split in self.splits.items():
            content.add(digest, name, split)
        names = [*self.classes, "", *self.vocabulary, *(["", *self.alphabet] if self.alphabet else [])]
        digest.update("\0".join(names).encode("utf8", "surrogatepass"))
        if self.task != self._inferred_task or self.tolerance is not None:
            digest.update(f"{self.task} {self.tolerance}".encode())
        if self.unseen:
            digest.update(f"unseen {self.unseen}".encode())
        if self.label_scale is not None:  # it changes the training
            digest.update(f"label_scale {self.label_scale}".encode())
        if self.preparation is not None:
            digest.update(self.preparation.identity.encode())
        return digest.hexdigest()

    def summary(self) -> DataSummary:
        """What the record reports about the data."""
        return DataSummary(
            source=self.source,
            hash=self.hash,
            task=self.task,
            sizes={name: len(split) for name, split in self.splits.items()},
            classes=self.classes,
            unseen=self.unseen,
            vocabulary_size=len(self.vocabulary),
            max_length=self.max_length,
            tolerance=self.tolerance,
            label_scale=self.label_scale,
            rows_hash=self.rows_hash,
            chance=level_of_chance(self.task, self.splits, self.classes, self.tolerance),
            notes={**self.notes, **notes_of_arrays(self.splits, self.notes, UNKNOWN if self.tokens else None)},
        )

    def check(self) -> None:
        """Refuse data on which a comparison would be meaningless.

        Raises:
            UserError: a split is empty, shapes or types disagree, a label is out of range, all of train is
                empty, or there is only one class.
        """
        for name, split in self.splits.items():
            _check_split(name, split, self)
            if len(split):
                ids = len(self.classes if name == "train" else self.label_names)
                labels.check_labels(self.task, name, split.y, split.y_offsets, split.length_N, ids)
        if not self.train.length_N.any():
            raise UserError(
                "data: every sequence of the training split is empty, so that no encoder can learn from it; texts need "
                "words: is data.text the right column?"
            )
        labels.check_training_labels(self.task, self.train.y, self.classes)


def unlabelled(data: Dataset, x: np.ndarray, offsets: np.ndarray, characters: Characters | None = None) -> Split:
    """A split of sequences that ``data`` does not have: its labels are of the same kind and say nothing."""
    several, train = data.train.y_offsets is not None, data.train
    y = np.zeros((len(x) if several else len(offsets) - 1, *train.y.shape[1:]), train.y.dtype)
    return Split(x, offsets, y, offsets if several else None, characters)


def _check_split(name: str, split: Split, data: Dataset) -> None:
    if len(split) == 0:
        if name == "validation":
            return
        raise UserError(f"data: the {name} split is empty; give it rows, or cut a larger share of the data for it")
    kind, dimensions = (np.int32, 1) if data.tokens else (np.float32, 2)
    if split.x.dtype != kind or split.x.ndim != dimensions:
        raise UserError(
            f"data: x of the {name} split must be int32 ids, or float32 features of the same width at each step, the "
            f"same kind in all splits, and is {split.x.dtype} of shape {split.x.shape}"
        )
    if split.x.shape[1:] != data.train.x.shape[1:]:
        raise UserError(f"data: features of the {name} split are {split.x.shape[1]} wide, those of train {data.width}")
    if (np.diff(split.offsets) < 0).any():
        raise UserError(f"data: a length in the {name} split is negative: its offsets must not fall")
    if not data.tokens and not all(np.isfinite(part).all() for part in chunks(split.x)):
        step = int(np.flatnonzero(~np.isfinite(split.x).all(1))[0])
        row = int(np.searchsorted(split.offsets, step, "right")) - 1
        raise UserError(f"data: row {row} of the {name} split holds a value that is not finite")
    if data.tokens and (split.x.min(initial=0) < 0 or split.x.max(initial=0) >= data.width):
        raise UserError(f"data: token ids of the {name} split must be in 0..{data.width - 1}, the vocabulary's size")
    if split.characters is not None:
        check_characters(name, split.characters, len(split.x), len(data.alphabet))


Sequences = Sequence[Sequence[int]] | Sequence[np.ndarray]


def from_sequences(
    train: tuple[Sequences, Sequence[Any]],
    validation: tuple[Sequences, Sequence[Any]],
    test: tuple[Sequences, Sequence[Any]],
    *,
    classes: Sequence[Any] = (),
    vocabulary: Sequence[str] = (),
    source: str = "",
    notes: dict[str, Any] | None = None,
    task: str | None = None,
    tolerance: float | None = None,
    standardise_labels: bool = False,
) -> Dataset:
    """A data set from plain sequences; each split is a pair ``(x, y)`` of sequences and their labels.

    A sequence is a list of token ids, which need a ``vocabulary`` (0 padding, 1 unknown), or an array of features of
    shape (length, D). Labels are members of ``classes``: one per sequence for classification; for tagging, a list of
    them as long as the sequence, with None at positions that do not count; for ``task="ctc"``, a list of any length.
    For ``task="multilabel"``, labels are lists of classes, which may be empty. For ``task="regression"``, labels are
    numbers and there are no classes; with ``standardise_labels`` the model trains on them in standard deviations from
    the mean of train, and its outputs and metrics stay in their unit. Validation and test may have other labels, which
    become ``unseen``, like the classes that they have and train lacks.

    Raises:
        UserError: a label of train is not in ``classes``, or a tagging row has a different number of labels and steps.
    """
    parts = {"train": train, "validation": validation, "test": test}
    task = task or labels.infer_task_from_labels([y for _, y in parts.values()])
    unseen = unseen_among(task, [validation[1], test[1]], classes)
    known = [*classes, *unseen]
    id_of = {label: index for index, label in enumerate(known)}
    splits: dict[str, Any] = {
        name: _flat(name, x, y, task, id_of, bool(len(vocabulary))) for name, (x, y) in parts.items()
    }
    scale = labels.scale_of(splits["train"].y) if task == "regression" and standardise_labels else None
    names, words = [str(label) for label in known], list(vocabulary)
    return set_apart(Dataset(**splits, classes=names[: len(classes)], unseen=names[len(classes) :], vocabulary=words,
                             source=source, notes=notes or {}, task=task, tolerance=tolerance,
                             label_scale=scale))  # fmt: skip


def _flat(name: str, x: Sequence[Any], y: Sequence[Any], task: str, id_of: dict[Any, int], tokens: bool) -> Split:
    length_N = np.array([len(sequence) for sequence in x], np.int32)
    width = () if tokens else (np.asarray(x[int(length_N.argmax())]).shape[1],) if len(x) else (1,)
    flat, offsets = joined(x, width, np.int32 if tokens else np.float32)
    y_of_all, y_offsets = labels.encode_labels(task, name, y, id_of, length_N)
    return Split(flat, offsets, y_of_all, y_offsets)
