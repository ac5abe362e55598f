"""Rows into train, validation and test: cut, sampled, checked for classes and for repeated rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.data.dataset import Dataset, from_sequences
from harness.data.overlap import shared_rows
from harness.errors import UserError

SPLIT_SEED = 0
"""Splits are the same for every run: the seed of a run changes the training, never the data."""

Part = tuple[list[Any], list[Any]]
"""The inputs of a split and their labels, row by row."""


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

    Of train, ``limit`` keeps the first rows and ``train_limit`` a nested subset (``nested_rows``).
    """
    from sklearn.model_selection import train_test_split

    rest, test_rows = train_test_split(
        np.arange(len(labels)), test_size=test, stratify=labels, random_state=SPLIT_SEED
    )
    share = validation / (1 - test)
    train_rows, validation_rows = train_test_split(
        rest, test_size=share, stratify=labels[rest], random_state=SPLIT_SEED
    )
    train_rows = train_rows[:limit]
    train_rows = train_rows[nested_rows(labels[train_rows].tolist(), train_limit, stratify=True)]
    parts = [([x[row] for row in rows], labels[rows]) for rows in (train_rows, validation_rows, test_rows)]
    return from_sequences(*parts, classes=sorted(set(labels.tolist())), source=source)


def complete_splits(
    parts: Mapping[str, Part | None],
    validation: float,
    test: float,
    limit: int | None,
    source: str,
    stratify: bool,
    train_limit: int | None = None,
) -> dict[str, Part]:
    """All three splits: missing ones are cut from train, and of each at most ``limit`` rows are sampled.

    ``validation`` and ``test`` are shares of train in 0..1. With ``stratify``, a split that is cut has the
    same share of every class as train. ``train_limit`` then keeps a nested subset of train (``nested_rows``).

    Raises:
        UserError: train is missing or too small to cut a split from it, or has no classes that repeat.
    """
    train = parts.get("train")
    if train is None:
        raise UserError(f"data: {source}: the training split must be named")
    if stratify:
        _refuse_unique_labels(train[1], source, "data.label")
    held_out: dict[str, Part] = {}
    for role, share in (("test", test), ("validation", validation)):
        part = parts.get(role)
        if part is None:
            part, train = _cut(train, role, share, source, stratify)
        held_out[role] = part
    splits = {"train": train, "validation": held_out["validation"], "test": held_out["test"]}
    sampled = {role: _sample(part, limit) for role, part in splits.items()}
    kept = nested_rows(sampled["train"][1], train_limit, stratify)
    return sampled if len(kept) == len(sampled["train"][1]) else {**sampled, "train": _take(sampled["train"], kept)}


def _cut(train: Part, role: str, share: float, source: str, stratify: bool) -> tuple[Part, Part]:
    """A share of train for another split, and the rest of train."""
    from sklearn.model_selection import train_test_split

    labels = train[1]
    if stratify and len(set(labels)) < 2:
        raise UserError(f"data: {source} has one class only ({labels[0]!r}); a classifier needs two or more")
    try:
        rows, kept = train_test_split(
            np.arange(len(labels)), test_size=1 - share, stratify=labels if stratify else None, random_state=SPLIT_SEED
        )
        if stratify and {labels[row] for row in rows} != set(labels):
            raise ValueError("no row of a rare class is in the share")
    except ValueError:
        raise _too_few_rows(labels, role, share, source, stratify) from None
    return _take(train, rows), _take(train, np.sort(kept))


def _too_few_rows(labels: list[Any], role: str, share: float, source: str, stratify: bool) -> UserError:
    problem, remedy = f"make no {role} split", f"provide a {role} split"
    if stratify:
        rarest, count = min(Counter(labels).items(), key=lambda item: item[1])
        problem += f" in which every class appears (the rarest, {rarest!r}, has {count} row{'s' * (count > 1)})"
        remedy += ", add rows of that class, or remove the class"
    return UserError(f"data: {source}: {share:.0%} of {len(labels)} rows {problem}; {remedy}")


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


def class_names(labels: Mapping[str, Sequence[str]], source: str, key: str) -> list[str]:
    """The classes of the training split, sorted; ``labels`` are the labels of each split, ``key`` names their setting.

    Raises:
        UserError: the labels do not repeat, or another split has labels that train lacks.
    """
    _refuse_unique_labels(labels["train"], source, key)
    classes = set(labels["train"])
    for role, own in labels.items():
        if unknown := sorted(set(own) - classes):
            named = ", ".join(repr(one) for one in unknown[:5])
            raise UserError(
                f"data: the {role} split has labels that the training split lacks: {named}; add training rows with "
                "these labels, raise data.limit or data.train_limit if they are set, or remove the rows"
            )
    return sorted(classes, key=int if all(name.lstrip("-").isdigit() for name in classes) else None)


def _refuse_unique_labels(labels: Sequence[str], source: str, key: str) -> None:
    classes = set(labels)
    if len(classes) > 100 and len(classes) > len(labels) / 2:
        raise UserError(
            f"data: {source}: the label column has {len(classes)} different values in {len(labels)} rows, but classes "
            f"repeat; is {key} the right column? (For regression on numbers write a loader with task='regression'.)"
        )


def repeated_rows(splits: Mapping[str, Part]) -> dict[str, Any]:
    """The notes of the rows that two splits share, word for word."""
    return shared_rows({role: inputs for role, (inputs, _) in splits.items()}, "repeated_texts")
