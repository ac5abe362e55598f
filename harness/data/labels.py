"""Labels by task: the array they make, and what is refused.

| task | one sequence's label | the array of a split |
|---|---|---|
| ``classification`` | a class | ``y_N`` int64 |
| ``tagging`` | a class for every step | ``y_NL`` int64, -100 at ignored positions |
| ``regression`` | a number | ``y_N`` float32 |
| ``ctc`` | classes in order, as many as there are (Graves et al. 2006) | ``y_NT`` int64, -100 behind each one's end |

Dimension letters: N sequences, L length, T longest target.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.errors import UserError

IGNORED = -100
"""The label of a position that counts neither in the loss nor in a metric (padding of a tagging task)."""
TASKS = ("classification", "tagging", "regression", "ctc")


def infer(y: np.ndarray) -> str:
    """The task that an array of labels tells by itself; ``ctc``, whose array looks like tagging's, has to be named."""
    if y.dtype.kind == "f":
        return "regression"
    return "tagging" if y.ndim == 2 else "classification"


def infer_from(splits: Sequence[Sequence[Any]]) -> str:
    """The same from labels as the user has them, classes of whatever type: a number to be met has to be named."""
    y = next(filter(len, splits), ())
    return "tagging" if len(y) > 0 and not isinstance(y[0], str) and np.ndim(y[0]) == 1 else "classification"


def encode(
    task: str, name: str, y: Sequence[Any], number: dict[Any, int], length_N: np.ndarray, steps: int
) -> np.ndarray:
    """The array of a split's labels; ``number`` has the classes' numbers, ``steps`` is the padded length.

    Raises:
        UserError: a label is not among the classes, a tagging row's labels are not as many as its steps, or there is no
            such task.
    """
    _check_name(task)
    if task == "regression":
        return np.array(y, np.float32)
    if task == "classification":
        return np.array([_number(number, label, name, row) for row, label in enumerate(y)], np.int64)
    longest = steps if task == "tagging" else max((len(labels) for labels in y), default=0)
    made = np.full((len(y), max(1, longest)), IGNORED, np.int64)
    for row, labels in enumerate(y):
        if task == "tagging" and len(labels) != length_N[row]:
            raise UserError(f"data: row {row} of {name} has {length_N[row]} steps and {len(labels)} labels")
        for step, label in enumerate(labels):
            if task == "ctc" or label is not None:
                made[row, step] = _number(number, label, name, row)
    return made


def _number(number: dict[Any, int], label: Any, name: str, row: int) -> int:
    try:
        return number[label]
    except KeyError:
        raise UserError(f"data: row {row} of {name} has the label {label!r}, not among the classes") from None


def _check_name(task: str) -> None:
    if task not in TASKS:
        raise UserError(f"data: the task is one of {', '.join(TASKS)}, not {task!r}")


def check(task: str, name: str, y: np.ndarray, length_N: np.ndarray, classes: int) -> None:
    """Refuse a split's labels that no model of the task could learn or be scored on.

    Raises:
        UserError: their type or range is wrong, a ctc target is too long for its input, or there is no such task.
    """
    _check_name(task)
    if task == "regression":
        if y.dtype != np.float32 or y.ndim != 1 or not np.isfinite(y).all():
            raise UserError(f"data: labels of the {name} split must be finite float32, one per sequence, for regression")
        return
    labels = y[y != IGNORED]
    if y.dtype != np.int64 or (labels.size and not 0 <= labels.min() <= labels.max() < classes):
        raise UserError(f"data: labels of the {name} split must be int64 in 0..{classes - 1}")
    if task == "ctc":
        _check_targets(name, y, length_N)


def _check_targets(name: str, y_NT: np.ndarray, length_N: np.ndarray) -> None:
    """CTC gives a label or a blank per step, and two equal labels in a row need a blank between them."""
    inside_NT = y_NT != IGNORED
    if y_NT.ndim != 2 or (inside_NT[:, 1:] & ~inside_NT[:, :-1]).any():
        raise UserError(f"data: labels of the {name} split must be rows of classes with -100 only behind each one's end")
    if not inside_NT.any():
        raise UserError(f"data: no target of the {name} split has a label; there is nothing to count errors against")
    repeats_N = ((y_NT[:, 1:] == y_NT[:, :-1]) & inside_NT[:, 1:]).sum(1)
    needed_N = inside_NT.sum(1) + repeats_N
    if (too_long := np.flatnonzero(needed_N > length_N)).size:
        row = too_long[0]
        raise UserError(
            f"data: row {row} of the {name} split has a target of {inside_NT[row].sum()} labels, {repeats_N[row]} of "
            f"them like the one before, for which ctc needs {needed_N[row]} steps, and {length_N[row]} steps of input; "
            "give it longer inputs or take the row out"
        )


def check_together(task: str, train: np.ndarray, others: dict[str, np.ndarray], classes: list[str]) -> None:
    """Refuse labels that leave nothing to learn, or that cannot be learnt from train.

    Raises:
        UserError: train has one class or one value only, or another split has a class that train lacks.
    """
    seen = np.unique(train[train != IGNORED])
    if task == "regression":
        if len(seen) < 2:
            raise UserError("data: all labels of the training split are the same number; a regression needs others too")
        return
    if len(seen) < 2:
        only = f" ({classes[int(seen[0])]!r})" if len(seen) else ""
        raise UserError(f"data: the training split has one class only{only}; a classifier needs two or more")
    for name, y in others.items():
        if unknown := sorted(set(np.unique(y[y != IGNORED])) - set(seen)):
            named = ", ".join(repr(classes[int(label)]) for label in unknown[:5])
            raise UserError(f"data: the {name} split has labels that the training split lacks: {named}")
