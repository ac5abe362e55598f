"""Labels as arrays, by task, and the checks of these arrays.

| task | label of one sequence | array of a split |
|---|---|---|
| ``classification`` | a class | ``y_N`` int64 |
| ``tagging`` | a class for every step | ``y_NL`` int64, -100 at ignored positions |
| ``regression`` | a number | ``y_N`` float32 |
| ``ctc`` | a sequence of classes of any length (Graves et al. 2006) | ``y_NT`` int64, -100 after the end of each |

The classes are those of train; a label that only validation or test has is unseen (``harness.data.unseen``).

Dimension letters: N sequences, L length, T longest target.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.errors import UserError

IGNORED = -100
"""The label of a position that counts neither in the loss nor in a metric, such as padding."""
TASKS = ("classification", "tagging", "regression", "ctc")


def infer_task(y: np.ndarray) -> str:
    """The task that an array of labels implies; ``ctc`` looks like tagging and must be named by the loader."""
    if y.dtype.kind == "f":
        return "regression"
    return "tagging" if y.ndim == 2 else "classification"


def infer_task_from_labels(splits: Sequence[Sequence[Any]]) -> str:
    """The task that labels imply before they are arrays; ``regression`` and ``ctc`` must be named by the loader."""
    y = next(filter(len, splits), ())
    return "tagging" if len(y) > 0 and not isinstance(y[0], str) and np.ndim(y[0]) == 1 else "classification"


def encode_labels(
    task: str, name: str, y: Sequence[Any], id_of: dict[Any, int], length_N: np.ndarray, longest: int
) -> np.ndarray:
    """The array of a split's labels.

    ``name`` is the split's name for messages, ``id_of`` maps labels to ids, ``longest`` is the padded length of ``x``.

    Raises:
        UserError: a label is not among the classes, a tagging row has a different number of labels and steps, or the
            task is unknown.
    """
    _check_task(task)
    if task == "regression":
        return np.array(y, np.float32)
    if task == "classification":
        return np.array([_class_id(id_of, label, name, row) for row, label in enumerate(y)], np.int64)
    width = longest if task == "tagging" else max((len(labels) for labels in y), default=0)
    encoded = np.full((len(y), max(1, width)), IGNORED, np.int64)
    for row, labels in enumerate(y):
        if task == "tagging" and len(labels) != length_N[row]:
            raise UserError(f"data: row {row} of {name} has {length_N[row]} steps and {len(labels)} labels")
        for step, label in enumerate(labels):
            if task == "ctc" or label is not None:
                encoded[row, step] = _class_id(id_of, label, name, row)
    return encoded


def _class_id(id_of: dict[Any, int], label: Any, name: str, row: int) -> int:
    try:
        return id_of[label]
    except KeyError:
        raise UserError(f"data: row {row} of {name} has the label {label!r}, which is not among the classes") from None


def _check_task(task: str) -> None:
    if task not in TASKS:
        raise UserError(f"data: the task is one of {', '.join(TASKS)}, not {task!r}")


def in_range(y: np.ndarray, ids: int) -> bool:
    """Whether labels that count are int64 ids below ``ids``."""
    counted = y[y != IGNORED]
    return y.dtype == np.int64 and (counted.size == 0 or bool(0 <= counted.min() <= counted.max() < ids))


def check_labels(task: str, name: str, y: np.ndarray, length_N: np.ndarray, ids: int) -> None:
    """Refuse labels of one split that no model of the task can learn or be scored on; ``ids`` is the number of labels.

    Raises:
        UserError: their type or range is wrong, a ctc target is too long for its input, or the task is unknown.
    """
    _check_task(task)
    if task == "regression":
        if y.dtype != np.float32 or y.ndim != 1 or not np.isfinite(y).all():
            raise UserError(f"data: labels of the {name} split must be finite float32, one for each sequence")
        return
    if not in_range(y, ids):
        raise UserError(f"data: labels of the {name} split must be int64 in 0..{ids - 1}")
    if task == "ctc":
        _check_targets(name, y, length_N)


def _check_targets(name: str, y_NT: np.ndarray, length_N: np.ndarray) -> None:
    """CTC outputs a label or a blank at every step, and two equal labels in a row need a blank between them."""
    inside_NT = y_NT != IGNORED
    if y_NT.ndim != 2 or (inside_NT[:, 1:] & ~inside_NT[:, :-1]).any():
        raise UserError(f"data: labels of the {name} split must be rows of classes with -100 only after their end")
    if not inside_NT.any():
        raise UserError(f"data: no target of the {name} split has a label, so no error rate can be computed")
    repeats_N = ((y_NT[:, 1:] == y_NT[:, :-1]) & inside_NT[:, 1:]).sum(1)
    needed_N = inside_NT.sum(1) + repeats_N
    if (too_long := np.flatnonzero(needed_N > length_N)).size:
        row = too_long[0]
        raise UserError(
            f"data: row {row} of the {name} split has a target of {inside_NT[row].sum()} labels, {repeats_N[row]} of "
            f"them like the one before it, so that ctc needs {needed_N[row]} steps, but its input has {length_N[row]}; "
            "make the input longer or remove the row"
        )


def check_training_labels(task: str, train: np.ndarray, classes: list[str]) -> None:
    """Refuse labels that leave nothing to learn.

    Raises:
        UserError: train has only one class or one value.
    """
    seen = np.unique(train[train != IGNORED])
    if task == "regression":
        if len(seen) < 2:
            raise UserError("data: all labels of the training split are the same number; regression needs others too")
    elif len(seen) < 2:
        only = f" ({classes[int(seen[0])]!r})" if len(seen) else ""
        raise UserError(f"data: the training split has one class only{only}; a classifier needs two or more")
