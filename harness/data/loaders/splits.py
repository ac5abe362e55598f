"""Rows into train, validation and test: labelled ones, cut, sampled, checked for classes and for repeated rows."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from harness.data.dataset import Dataset, from_sequences
from harness.data.loaders import cuts
from harness.data.loaders.cuts import SPLIT_SEED
from harness.data.overlap import shared_rows
from harness.errors import UserError

Part = tuple[list[Any], list[Any]]
"""The inputs of a split and their labels, row by row; the label of a row that has none is None."""
NUMBER = re.compile(r"-?[0-9]+")
HIDDEN = {"-1", -1.0}
"""What published test splits have instead of labels: as a class, or as a number."""


def settings_key(**settings: Any) -> str:
    """The cache key of a loader whose data depends only on its settings."""
    return str(sorted(settings.items()))


def split_features(
    x: Sequence[np.ndarray],
    labels: np.ndarray,
    validation: float,
    test: float,
    limit: int | None,
    source: str,
    train_limit: int | None = None,
) -> Dataset:
    """Cut feature sequences into three splits with equal shares of every class, the same for every seed.

    With a share of 0, there is no validation split.
    Of train, ``limit`` keeps the first rows and ``train_limit`` a nested subset (``nested_rows``).
    """
    from sklearn.model_selection import train_test_split

    rest, test_rows = train_test_split(
        np.arange(len(labels)), test_size=test, stratify=labels, random_state=SPLIT_SEED
    )
    share = validation / (1 - test)
    train_rows, validation_rows = rest, rest[:0]
    if validation:
        train_rows, validation_rows = train_test_split(
            rest, test_size=share, stratify=labels[rest], random_state=SPLIT_SEED
        )
    train_rows = train_rows[:limit]
    train_rows = train_rows[nested_rows(labels[train_rows].tolist(), train_limit, stratify=True)]
    parts = [([x[row] for row in rows], labels[rows]) for rows in (train_rows, validation_rows, test_rows)]
    return from_sequences(*parts, classes=sorted(set(labels.tolist())), source=source)


def labelled_rows(parts: Mapping[str, Part | None]) -> tuple[dict[str, Part | None], dict[str, Any]]:
    """The rows that have a label, and the note of how many have none."""
    kept: dict[str, Part | None] = dict.fromkeys(parts)
    dropped = dict.fromkeys(parts, 0)
    for role, part in parts.items():
        if part is not None:
            dropped[role] = sum(label is None for label in part[1])
            rows = (row for row, label in enumerate(part[1]) if label is not None)
            kept[role] = _take(part, rows) if dropped[role] else part
    return kept, {"unlabelled_rows": dropped} if any(dropped.values()) else {}


def refuse_hidden_labels(parts: Mapping[str, Part | None], source: str, key: str, leave_out: str) -> None:
    """Refuse a split without any label, as many published test splits are: labels are missing, or all are -1.

    ``key`` is the setting that names the labels, ``leave_out`` says how to do without a split: ``{role}`` is its name.

    Raises:
        UserError: a split has no label.
    """
    labels = {role: _distinct(part[1]) for role, part in parts.items() if part is not None}
    if "train" in labels and not labels["train"]:
        raise UserError(f"data: {source}: no row of the training split has a label; is {key} the right column?")
    for role, own in labels.items():
        if not own or (own <= HIDDEN and own.isdisjoint(labels.get("train", own))):
            raise UserError(
                f"data: {source}: the {role} split has no labels, like many published test splits; "
                f"{leave_out.format(role=role)}, and its rows are cut from train, or name another split"
            )


def _distinct(labels: Sequence[Any]) -> set[Any]:
    """The labels of all rows; of rows with several, each of them, and () where a row has none of them."""
    return {one for label in labels for one in ((isinstance(label, tuple) and label) or (label,))} - {None}


def complete_splits(
    parts: Mapping[str, Part | None],
    validation: float,
    test: float,
    limit: int | None,
    source: str,
    stratify: bool,
    train_limit: int | None = None,
    labels_of: Callable[[Any], Collection[Any]] = lambda label: (),
) -> tuple[dict[str, Part], dict[str, Any]]:
    """All three splits and notes: missing ones are cut from train, and of each at most ``limit`` rows are sampled.

    ``validation`` and ``test`` are shares of train in 0..1. With ``validation=0``, all rows train, and the split of
    validation is empty. With ``stratify``, a split that is cut has the same share
    of every class as train; where a class has too few rows for that, train keeps it, and a note counts such classes.
    Without, ``labels_of(label)`` are the labels in the label of a row: where train would lack one, the row that has it
    stays in train, and a note counts these labels. ``train_limit`` then keeps a nested subset of train
    (``nested_rows``).

    Raises:
        UserError: train is missing or too small to cut a split from it, or has no classes that repeat.
    """
    train = parts.get("train")
    if train is None:
        raise UserError(f"data: {source}: the training split must be named")
    shares = {"test": test, "validation": validation}
    fill = partial(_fill, parts, train, shares, source)
    cut = [role for role in ("validation", "test") if parts.get(role) is None and (shares[role] or role == "test")]
    notes: dict[str, Any] = {}
    if stratify:
        refuse_unique_labels(train[1], source, "data.label")
        classes = set(train[1])
        if cut and len(classes) < 2:
            raise UserError(f"data: {source} has one class only ({train[1][0]!r}); a classifier needs two or more")
        try:
            splits = fill(cuts.evenly)
        except UserError:
            splits = fill(cuts.beside_rare)
            notes["rare_classes"] = {role: len(classes - set(splits[role][1])) for role in cut}
    else:
        splits = fill(cuts.at_random)
        if rare := _lacking({role: _sample(part, limit) for role, part in splits.items()}, cut, labels_of):
            splits = fill(cuts.keeping(labels_of))
            notes["rare_tags"] = len(rare)
    sampled = {role: _sample(part, limit) for role, part in splits.items()}
    kept = nested_rows(sampled["train"][1], train_limit, stratify)
    if len(kept) < len(sampled["train"][1]):
        sampled["train"] = _take(sampled["train"], kept)
    return sampled, notes


def _fill(
    parts: Mapping[str, Part | None], train: Part, shares: Mapping[str, float], source: str, cut: cuts.Cut
) -> dict[str, Part]:
    """All three splits; those that are missing are cut from train, in the order of ``shares``."""
    held_out: dict[str, Part] = {}
    for role, share in shares.items():
        part = parts.get(role)
        if part is None and role == "validation" and share == 0:
            part = ([], [])
        elif part is None:
            try:
                rows, kept = cut(train[1], share)
            except ValueError:
                raise UserError(
                    f"data: {source}: {share:.0%} of {len(train[1])} rows make no {role} split; provide a {role} "
                    "split, or more rows"
                ) from None
            part, train = _take(train, rows), _take(train, np.sort(kept))
        held_out[role] = part
    return {"train": train, "validation": held_out["validation"], "test": held_out["test"]}


def _lacking(
    splits: Mapping[str, Part], cut: Iterable[str], labels_of: Callable[[Any], Collection[Any]]
) -> set[Any]:
    """The labels that train lacks and a split that was cut from it has."""
    has = {role: {one for label in part[1] for one in labels_of(label)} for role, part in splits.items()}
    return {one for role in cut for one in has[role]} - has["train"]


def _take(part: Part, rows: Iterable[int]) -> Part:
    inputs, labels = part
    rows = list(rows)
    return [inputs[row] for row in rows], [labels[row] for row in rows]


def _sample(part: Part, limit: int | None) -> Part:
    if limit is None or len(part[1]) <= limit:
        return part
    return _take(part, np.sort(np.random.default_rng(SPLIT_SEED).permutation(len(part[1]))[:limit]))


def nested_rows(labels: Sequence[Any], count: int | None, stratify: bool) -> np.ndarray:
    """The rows of a subset of ``count`` rows, in order; a larger subset contains every smaller one. None: all rows.

    With ``stratify``, each class has about its share of the rows: the shuffled rows of a class are spread evenly over
    the order in which rows are taken.
    """
    if count is None or count >= len(labels):
        return np.arange(len(labels))
    generator = np.random.default_rng(SPLIT_SEED)
    place_N = generator.permutation(len(labels)).astype(float)
    if stratify:
        _, class_N = np.unique([str(label) for label in labels], return_inverse=True)
        for each in range(class_N.max() + 1):
            rows = np.flatnonzero(class_N == each)
            place_N[rows[np.argsort(place_N[rows])]] = (np.arange(len(rows)) + generator.random()) / len(rows)
    return np.sort(np.argsort(place_N, kind="stable")[:count])


def class_names(labels: Iterable[str]) -> list[str]:
    """The classes, sorted, as numbers if all are whole; ``labels`` are those of the training split."""
    classes = set(labels)
    if all(NUMBER.fullmatch(name) for name in classes):
        return sorted(classes, key=lambda name: (int(name), name))
    return sorted(classes)


def refuse_unique_labels(labels: Sequence[str], source: str, key: str) -> None:
    """Refuse labels of the training split that hardly repeat; ``key`` is the setting that names their column.

    Raises:
        UserError: more than half of the labels are different.
    """
    classes = set(labels)
    if len(classes) > 100 and len(classes) > len(labels) / 2:
        raise UserError(
            f"data: {source}: the label column has {len(classes)} different values in {len(labels)} rows, but classes "
            f"repeat; is {key} the right column? (For regression on numbers set data.task=regression.)"
        )


def repeated_rows(splits: Mapping[str, Part]) -> dict[str, Any]:
    """The notes of the rows that two splits share, word for word."""
    return shared_rows({role: inputs for role, (inputs, _) in splits.items()}, "repeated_texts")
