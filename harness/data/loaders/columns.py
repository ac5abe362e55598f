"""Rows of text and label, or of words and tags, before they become numbers: checked, cut into splits, sampled."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import UserError

SPLIT_SEED = 0
"""Splits that are cut here are the same for every run: the seed of a run changes the training, never the data."""

LONGEST_NAME = 40
"""Characters of a column's name that are said."""
HEADED = (".csv", ".tsv")
"""Endings of files whose first line is no row."""

Part = tuple[list[Any], list[Any]]
"""What is read, and what it is labelled with, row by row."""


def column(frame: pd.DataFrame, name: str, key: str, where: str, may_be_blank: bool = False) -> pd.Series:
    """A column of a table, without gaps; ``key`` is the setting that named it.

    Raises:
        UserError: the table has no such column, or a row has nothing there; it is named, counted from 1.
    """
    if name not in frame.columns:
        there = ", ".join(" ".join(str(one).split())[:LONGEST_NAME] for one in frame.columns)  # headless, it is a text
        raise UserError(
            f"data: {where} has no column {name!r}; it has {there}; set {key} to one of them"
            + (" (a file's first line names its columns)" if where.lower().endswith(HEADED) else "")
        )
    missing = frame[name].isna()
    if not may_be_blank:
        missing |= frame[name].astype(str).str.strip() == ""
    if missing.any():
        rows = np.flatnonzero(missing)
        raise UserError(
            f"data: {where}, {row_name(where, rows[0])} has no {name!r} ({len(rows)} such); fill it or take the row out"
        )
    return frame[name]


def row_name(where: str, index: int) -> str:
    """What a row is called to the user, who counts from 1, and may see a head above the first one."""
    return f"row {index + 1}" + (" below the head" if where.lower().endswith(HEADED) else "")


def refuse_lists(values: pd.Series, where: str, key: str, instead: str) -> None:
    """Refuse a list or an object where a text or a label belongs: it would be read as its own notation.

    Raises:
        UserError: it names the row, and says what to do ``instead``.
    """
    inside = values.map(lambda value: isinstance(value, (list, tuple, dict, np.ndarray)))
    if inside.any():
        row = row_name(where, int(np.flatnonzero(inside)[0]))
        raise UserError(f"data: {where}, {row} has a list or an object in {values.name!r}, set by {key}; {instead}")


def label_names(labels: pd.Series) -> list[str]:
    """Labels as text; whole numbers alike whether written 1, 1.0 or "1"; True and False, which are no numbers."""
    if pd.api.types.is_bool_dtype(labels):
        return labels.astype(str).tolist()
    numbers = pd.to_numeric(labels, errors="coerce")
    if numbers.notna().all() and (numbers % 1 == 0).all():
        return [str(int(number)) for number in numbers]
    return labels.astype(str).str.strip().tolist()


def check_lengths(truncate: str, max_length: int, vocabulary_size: int) -> None:
    """Refuse settings of the preparation that there are not."""
    if truncate not in ("head", "tail"):
        raise UserError(f"data.truncate must be head or tail, and is {truncate!r}")
    if max_length < 1 or vocabulary_size < 3:
        raise UserError("data.max_length must be 1 or more and data.vocabulary_size 3 or more")


def kept_part(truncate: str, max_length: int) -> slice:
    """Which steps of a sequence are kept: of one longer than ``max_length``, its ``head`` or its ``tail``."""
    return slice(None, max_length) if truncate == "head" else slice(-max_length, None)


def whole_splits(
    parts: Mapping[str, Part | None], validation: float, test: float, limit: int | None, source: str, stratify: bool
) -> dict[str, Part]:
    """All three splits: those not given are cut from train; of each a sample of at most ``limit`` rows is kept.

    ``stratify``: with like shares of every class.
    """
    train = parts.get("train")
    if train is None:
        raise UserError(f"data: {source}: the training split must be named")
    if stratify:
        _refuse_unlike(train[1], source, "data.label")
    cut: dict[str, Part] = {}
    for role, share in (("test", test), ("validation", validation)):
        given = parts.get(role)
        if given is None:
            given, train = _cut(train, role, share, source, stratify)
        cut[role] = given
    whole = {"train": train, "validation": cut["validation"], "test": cut["test"]}
    return {role: _sample(part, limit) for role, part in whole.items()}


def _cut(train: Part, role: str, share: float, source: str, stratify: bool) -> tuple[Part, Part]:
    """A share of train for a role, and what is left of train."""
    from sklearn.model_selection import train_test_split

    labels = train[1]
    if stratify and len(set(labels)) < 2:
        raise UserError(f"data: {source} has one class only ({labels[0]!r}); a classifier needs two or more")
    try:
        rows, kept = train_test_split(
            np.arange(len(labels)), test_size=1 - share, stratify=labels if stratify else None, random_state=SPLIT_SEED
        )
        if stratify and {labels[row] for row in rows} != set(labels):
            raise ValueError("of a rare class no row fell to the share")
    except ValueError:
        which, what = f"make no {role} split", f"give a {role} split of its own"
        if stratify:
            rarest, count = min(Counter(labels).items(), key=lambda item: item[1])
            which += f" in which every class appears (the rarest, {rarest!r}, has {count} row{'s' * (count > 1)})"
            what += ", or more rows of that class, or take it out"
        raise UserError(f"data: {source}: {share:.0%} of {len(labels)} rows {which}; {what}") from None
    return _take(train, rows), _take(train, np.sort(kept))


def _take(part: Part, rows: Iterable[int]) -> Part:
    read, labels = part
    rows = list(rows)
    return [read[row] for row in rows], [labels[row] for row in rows]


def _sample(part: Part, limit: int | None) -> Part:
    if limit is None or len(part[1]) <= limit:
        return part
    return _take(part, np.sort(np.random.default_rng(SPLIT_SEED).permutation(len(part[1]))[:limit]))


def class_names(labels: Mapping[str, Sequence[str]], source: str, key: str) -> list[str]:
    """The classes of the training split in order; ``labels`` are all of each split, ``key`` names their column.

    Raises:
        UserError: they do not recur, or another split has some that train lacks.
    """
    _refuse_unlike(labels["train"], source, key)
    found = set(labels["train"])
    for role, own in labels.items():
        if unknown := sorted(set(own) - found):
            named = ", ".join(repr(one) for one in unknown[:5])
            raise UserError(
                f"data: the {role} split has labels that the training split lacks: {named}; "
                "give it rows of them, a larger data.limit where one is set, or take them out"
            )
    return sorted(found, key=int if all(name.lstrip("-").isdigit() for name in found) else None)


def _refuse_unlike(labels: Sequence[str], source: str, key: str) -> None:
    found = set(labels)
    if len(found) > 100 and len(found) > len(labels) / 2:
        raise UserError(
            f"data: {source}: the label column has {len(found)} different values in {len(labels)} rows; "
            f"expected classes that recur: is {key} the right column? (Numbers to be met need a data module of one's "
            "own, with task='regression'.)"
        )


def repeated(parts: Mapping[str, Part]) -> dict[str, int]:
    """How many rows of validation and test also stand in train: said, not mended, since published data is as it is."""
    train = set(parts["train"][0])
    return {role: sum(one in train for one in parts[role][0]) for role in ("validation", "test")}
