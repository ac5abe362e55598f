"""What a data loader returns: splits, classes, vocabulary, and the hash of all that.

Dimension letters: N sequences, L length, D feature width.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from harness.records import Mistake

IGNORED = -100
"""The label of a position that counts neither in the loss nor in a metric (padding of a tagging task)."""


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    ``x`` is int32 token ids ``x_NL`` or float32 features ``x_NLD``, zero behind each sequence's end; ``length_N`` int32
    real lengths; ``y`` int64 class numbers, ``y_N`` for classification or ``y_NL`` with -100 at ignored positions for
    tagging.
    """

    x: np.ndarray
    length_N: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.length_N)


@dataclass(frozen=True)
class Dataset:
    """Train, validation and test, disjoint, with what the model must know about them.

    ``vocabulary`` lists the tokens by id (0 is padding, 1 unknown); empty for feature vectors. ``classes`` names the
    labels by number. ``notes`` is whatever else is worth keeping in the record.
    """

    train: Split
    validation: Split
    test: Split
    classes: list[str]
    vocabulary: list[str] = field(default_factory=list)
    source: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, Split]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def task(self) -> str:
        """``tagging`` where every position has a label, else ``classification``."""
        return "tagging" if self.train.y.ndim == 2 else "classification"

    @property
    def tokens(self) -> bool:
        """Whether sequences are token ids rather than feature vectors."""
        return self.train.x.ndim == 2

    @property
    def width(self) -> int:
        """Features per step, or the vocabulary's size for token ids."""
        return len(self.vocabulary) if self.tokens else self.train.x.shape[2]

    @property
    def max_length(self) -> int:
        return max(split.x.shape[1] for split in self.splits.values())

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the contents of all splits, the classes and the vocabulary."""
        digest = hashlib.sha256()
        for name, split in self.splits.items():
            for part in (split.x, split.length_N, split.y):
                digest.update(f"{name} {part.dtype} {part.shape}".encode())
                digest.update(np.ascontiguousarray(part))
        digest.update("\0".join([*self.classes, "", *self.vocabulary]).encode("utf8", "surrogatepass"))
        return digest.hexdigest()

    def summary(self) -> dict[str, Any]:
        """What the record says about the data."""
        return {
            "source": self.source,
            "hash": self.hash,
            "task": self.task,
            "sizes": {name: len(split) for name, split in self.splits.items()},
            "classes": self.classes,
            "vocabulary_size": len(self.vocabulary),
            "max_length": self.max_length,
            **self.notes,
        }

    def check(self) -> None:
        """Refuse data on which a comparison would mean nothing.

        Raises:
            Mistake: a split is empty, shapes or types disagree, a label is out of range, or there is but one class.
        """
        for name, split in self.splits.items():
            _check_split(name, split, self)
        seen = np.unique(self.train.y[self.train.y != IGNORED])
        if len(seen) < 2:
            only = f" ({self.classes[int(seen[0])]!r})" if len(seen) else ""
            raise Mistake(f"data: the training split has one class only{only}; a classifier needs two or more")
        for name in ("validation", "test"):
            labels = self.splits[name].y
            if unknown := sorted(set(np.unique(labels[labels != IGNORED])) - set(seen)):
                named = ", ".join(repr(self.classes[int(label)]) for label in unknown[:5])
                raise Mistake(f"data: the {name} split has labels that the training split lacks: {named}")


def _check_split(name: str, split: Split, data: Dataset) -> None:
    if len(split) == 0:
        raise Mistake(f"data: the {name} split is empty; give it rows, or make a larger share of the data its own")
    kind, dimensions = (np.int32, 2) if data.tokens else (np.float32, 3)
    if split.x.dtype != kind or split.x.ndim != dimensions:
        raise Mistake(
            f"data: x of the {name} split must be int32 ids of shape (N, L) or float32 features of shape (N, L, D), "
            f"alike in all splits, and is {split.x.dtype} of shape {split.x.shape}"
        )
    if split.x.shape[2:] != data.train.x.shape[2:]:
        raise Mistake(f"data: features of the {name} split are {split.x.shape[2]} wide, those of train {data.width}")
    if not len(split.x) == len(split.length_N) == len(split.y):
        sizes = f"{len(split.x)} sequences, {len(split.length_N)} lengths and {len(split.y)} labels"
        raise Mistake(f"data: the {name} split has {sizes}; they must be as many")
    if split.length_N.min() < 0 or split.length_N.max() > split.x.shape[1]:
        raise Mistake(f"data: a length in the {name} split is negative or beyond the {split.x.shape[1]} steps of x")
    labels = split.y[split.y != IGNORED]
    if split.y.dtype != np.int64 or (labels.size and not 0 <= labels.min() <= labels.max() < len(data.classes)):
        raise Mistake(f"data: labels of the {name} split must be int64 in 0..{len(data.classes) - 1}")
    if not data.tokens and not np.isfinite(split.x).all():
        row = int(np.argwhere(~np.isfinite(split.x))[0, 0])
        raise Mistake(f"data: row {row} of the {name} split holds a value that is not finite")
    if data.tokens and (split.x.min() < 0 or split.x.max() >= data.width):
        raise Mistake(f"data: token ids of the {name} split must be in 0..{data.width - 1}, the vocabulary's size")


Sequences = Sequence[Sequence[int]] | Sequence[np.ndarray]


def from_sequences(
    train: tuple[Sequences, Sequence[Any]],
    validation: tuple[Sequences, Sequence[Any]],
    test: tuple[Sequences, Sequence[Any]],
    *,
    classes: Sequence[Any],
    vocabulary: Sequence[str] = (),
    source: str = "",
    notes: dict[str, Any] | None = None,
) -> Dataset:
    """A data set from plain sequences, each a list of token ids or an array of shape (length, D).

    ``classes`` lists the labels, ``y`` of each split holds members of it: one for a sequence, or for tagging a
    sequence of them, as long as its x. Ids need a ``vocabulary`` (0 padding, 1 unknown).

    Raises:
        Mistake: a label is not in ``classes``, or a tagging row's labels are not as many as its steps.
    """
    number = {label: index for index, label in enumerate(classes)}
    parts = {"train": train, "validation": validation, "test": test}
    made = {name: _pad(name, x, y, number, bool(len(vocabulary))) for name, (x, y) in parts.items()}
    names = [str(label) for label in classes]
    return Dataset(**made, classes=names, vocabulary=list(vocabulary), source=source, notes=notes or {})


def _pad(name: str, x: Sequences, y: Sequence[Any], number: dict[Any, int], tokens: bool) -> Split:
    length_N = np.array([len(sequence) for sequence in x], np.int32)
    longest = max(1, int(length_N.max(initial=1)))
    width = () if tokens else (np.asarray(x[int(length_N.argmax())]).shape[1],) if len(x) else (1,)
    padded = np.zeros((len(x), longest, *width), np.int32 if tokens else np.float32)
    for row, sequence in enumerate(x):
        padded[row, : len(sequence)] = sequence if len(sequence) else 0
    tagging = len(y) > 0 and not isinstance(y[0], str) and np.ndim(y[0]) == 1
    labels = np.full(padded.shape[:2] if tagging else len(x), IGNORED, np.int64)
    for row, label in enumerate(y):
        try:
            if tagging:
                if len(label) != length_N[row]:
                    raise Mistake(f"data: row {row} of {name} has {length_N[row]} steps and {len(label)} labels")
                labels[row, : len(label)] = [number[one] for one in label]
            else:
                labels[row] = number[label]
        except KeyError as error:
            raise Mistake(f"data: row {row} of {name} has the label {error.args[0]!r}, not among the classes") from None
    return Split(padded, length_N, labels)


def one_sequence(data: Dataset, length: int) -> Split:
    """A split of one sequence of so many real steps, drawn alike for every encoder: what latency is measured on."""
    generator = np.random.default_rng(0)
    if data.tokens:
        x = generator.integers(1, data.width, (1, length), dtype=np.int32)
    else:
        x = generator.normal(size=(1, length, data.width)).astype(np.float32)
    y = np.zeros((1, length) if data.task == "tagging" else 1, np.int64)
    return Split(x, np.array([length], np.int32), y)
