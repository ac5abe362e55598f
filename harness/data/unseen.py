"""Labels that train never saw: validation and test keep them, no output of a model stands for them, each is an error.

Their ids follow those of the classes, which are the classes of train. The loss is over the other labels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.data.labels import IGNORED, in_range
from harness.errors import UserError

WITH_CLASSES = ("classification", "tagging", "ctc")
"""The tasks whose labels are ids of classes."""


def unseen_among(task: str, y: Iterable[Sequence[Any]], known: Iterable[Any]) -> list[Any]:
    """The labels of validation and test, ``y`` of each, that are not among the ``known`` classes, sorted by name.

    Raises:
        UserError: one of them has the name of a class, and another type.
    """
    if task not in (*WITH_CLASSES, "multilabel"):
        return []
    found = {label for split in y for one in split for label in ((one,) if task == "classification" else one)}
    unseen, names = sorted(found - {None, *known}, key=str), {str(one): one for one in known}
    if alike := next((one for one in unseen if str(one) in names), None):
        raise UserError(
            f"data: a label of validation or test is {alike!r}, and a class is {names[str(alike)]!r}; give labels and "
            "classes the same type"
        )
    return unseen


def set_apart(data: Any) -> Any:
    """The same data set, where the classes are those of train, and what only validation or test has is ``unseen``.

    The notes say how many labels of validation and test are unseen, of how many.
    """
    if data.task == "multilabel":
        return _columns_apart(data)
    if data.task not in WITH_CLASSES:
        return data
    y, splits, names = {role: split.y for role, split in data.splits.items()}, data.splits, data.label_names
    is_unseen = _are_unseen(y, len(data.classes), len(data.unseen))
    if is_unseen[: len(data.classes)].any():
        order = np.argsort(is_unseen, kind="stable")
        new_id, names = np.argsort(order), [names[label] for label in order]
        y = {role: np.where(one == IGNORED, IGNORED, new_id[np.maximum(one, 0)]) for role, one in y.items()}
        splits = {role: replace(split, y=y[role]) for role, split in splits.items()}
    classes = int((~is_unseen).sum())
    notes = {**data.notes, **_counts(y, classes)}
    return replace(data, **splits, classes=names[:classes], unseen=names[classes:], notes=notes)


def _columns_apart(data: Any) -> Any:
    """``set_apart`` where labels are the columns of ``y_NA``."""
    y = {role: split.y for role, split in data.splits.items()}
    if any(one.ndim != 2 or one.shape[1] != len(data.label_names) for one in y.values()):
        return data  # the checks of the data refuse these labels
    count_A = {role: (one > 0).sum(0) for role, one in y.items()}
    is_unseen = (count_A["train"] == 0) & (count_A["validation"] + count_A["test"] > 0)
    order, classes = np.argsort(is_unseen, kind="stable"), int((~is_unseen).sum())
    splits = {role: replace(split, y=y[role][:, order]) for role, split in data.splits.items()}
    names = [data.label_names[label] for label in order]
    counted = {role: int(count_A[role].sum()) for role in ("validation", "test")}
    unseen = {role: int(count_A[role][is_unseen].sum()) for role in counted}
    notes = {"unseen_labels": unseen, "counted_labels": counted} if any(unseen.values()) else {}
    return replace(data, **splits, classes=names[:classes], unseen=names[classes:], notes={**data.notes, **notes})


def _are_unseen(y: Mapping[str, np.ndarray], classes: int, unseen: int) -> np.ndarray:
    """Which labels, by id, only validation or test has; a class that no split has is none of them."""
    known = np.arange(classes + unseen) >= classes
    if not all(in_range(labels, len(known)) for labels in y.values()):
        return known  # the checks of the data refuse these labels
    has = {role: np.bincount(labels[labels != IGNORED], minlength=len(known)) > 0 for role, labels in y.items()}
    return known | (has["validation"] | has["test"]) & ~has["train"]


def _counts(y: Mapping[str, np.ndarray], classes: int) -> dict[str, dict[str, int]]:
    unseen = {role: int((y[role] >= classes).sum()) for role in ("validation", "test")}
    counted = {role: int((y[role] != IGNORED).sum()) for role in unseen}
    return {"unseen_labels": unseen, "counted_labels": counted} if any(unseen.values()) else {}
