"""Labels as arrays, by task, and the checks of these arrays.

| task | label of one sequence | array of a split | of a batch |
|---|---|---|---|
| ``classification`` | a class | ``y_N`` int64 | ``y_B`` |
| ``tagging`` | a class for every step | ``y_T`` int64, -100 at ignored positions | ``y_BL``, -100 at padding |
| ``multilabel`` | any number of classes | ``y_NA`` float32, 1 where a sequence has a label, else 0 | ``y_BA`` |
| ``regression`` | a number | ``y_N`` float32 | ``y_B`` |
| ``ctc`` | a sequence of classes of any length (Graves et al. 2006) | ``y_T`` int64 | ``y_BS``, -100 at padding |

``y_T`` holds the labels of all sequences, one sequence after the other, and ``y_offsets`` (int64, N + 1 numbers) says
where those of each begin. The classes are those of train; a label that only validation or test has is unseen
(``harness.data.unseen``).

Dimension letters: N sequences, T labels of all of them together, B some of the sequences, L length, S longest target,
C classes, A all labels.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from harness.data.flat import chunks, offsets_of
from harness.errors import UserError

IGNORED = -100
"""The label of a position that counts neither in the loss nor in a metric, such as padding."""
TASKS = ("classification", "tagging", "multilabel", "regression", "ctc")
SEVERAL = ("tagging", "ctc")
"""The tasks whose sequences have a sequence of labels each."""


def infer_task(y: np.ndarray, y_offsets: np.ndarray | None) -> str:
    """The task that labels imply; ``ctc`` looks like tagging and must be named by the loader."""
    if y.dtype.kind == "f":
        return "multilabel" if y.ndim == 2 else "regression"
    return "classification" if y_offsets is None else "tagging"


def infer_task_from_labels(splits: Sequence[Sequence[Any]]) -> str:
    """The task that labels imply before they are arrays; all but classification and tagging must be named."""
    y = next(filter(len, splits), ())
    return "tagging" if len(y) > 0 and not isinstance(y[0], str) and np.ndim(y[0]) == 1 else "classification"


def encode_labels(
    task: str, name: str, y: Sequence[Any], id_of: dict[Any, int], length_N: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """The array of a split's labels, and its offsets if a sequence has several.

    ``name`` is the split's name for messages, ``id_of`` maps labels to ids.

    Raises:
        UserError: a label is not among the classes, a tagging row has a different number of labels and steps, or the
            task is unknown.
    """
    _check_task(task)
    if task == "regression":
        return np.array(y, np.float32), None
    if task == "multilabel":
        return _encode_sets(name, y, id_of), None
    if task == "classification":
        return np.array([_class_id(id_of, label, name, row) for row, label in enumerate(y)], np.int64), None
    for row, (labels, length) in enumerate(zip(y, length_N, strict=False)):  # their numbers are compared later
        if task == "tagging" and len(labels) != length:
            raise UserError(f"data: row {row} of {name} has {length} steps and {len(labels)} labels")
    ids = (
        IGNORED if label is None and task == "tagging" else _class_id(id_of, label, name, row)
        for row, labels in enumerate(y)
        for label in labels
    )
    return np.fromiter(ids, np.int64), offsets_of(np.array([len(labels) for labels in y], np.int64))


def _encode_sets(name: str, y: Sequence[Iterable[Any]], id_of: dict[Any, int]) -> np.ndarray:
    y_NA = np.zeros((len(y), len(id_of)), np.float32)
    for row, labels in enumerate(y):
        y_NA[row, [_class_id(id_of, label, name, row) for label in labels]] = 1
    return y_NA


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
    return y.dtype == np.int64 and values(y) - {IGNORED} <= set(range(ids))


def values(y: np.ndarray) -> set[int]:
    """The different labels of an array, ignored ones included."""
    return {int(label) for part in chunks(y) for label in np.unique(part)}


def check_labels(
    task: str, name: str, y: np.ndarray, y_offsets: np.ndarray | None, length_N: np.ndarray, ids: int
) -> None:
    """Refuse labels of one split that no model of the task can learn or be scored on; ``ids`` is the number of labels.

    Raises:
        UserError: their number, type or range is wrong, a ctc target is too long for its input, or the task is unknown.
    """
    _check_task(task)
    _check_number(task, name, y, y_offsets, length_N)
    if task == "regression":
        if y.dtype != np.float32 or y.ndim != 1 or not np.isfinite(y).all():
            raise UserError(f"data: labels of the {name} split must be finite float32, one for each sequence")
        return
    if task == "multilabel":
        if y.dtype != np.float32 or y.ndim != 2 or y.shape[1] < max(1, ids) or not np.isin(y, (0, 1)).all():
            raise UserError(f"data: labels of the {name} split must be float32, 0 or 1 for each of {ids} labels")
        return
    if not in_range(y, ids):
        raise UserError(f"data: labels of the {name} split must be int64 in 0..{ids - 1}")
    if task == "tagging" and (y == IGNORED).all():
        raise UserError(f"data: no step of the {name} split has a label; give it tags, or leave the split out")
    if task == "ctc" and y_offsets is not None:
        _check_targets(name, y, y_offsets, length_N)


def _check_number(task: str, name: str, y: np.ndarray, y_offsets: np.ndarray | None, length_N: np.ndarray) -> None:
    several = task in SEVERAL
    if several != (y_offsets is not None):
        expected = "several labels for each sequence, with y_offsets," if several else "one label for each sequence"
        raise UserError(
            f"data: task={task} has {expected} and the {name} split has {y.shape} labels"
            f"{' without' if several else ' with'} y_offsets; is it the right task?"
        )
    rows = len(y) if y_offsets is None else len(y_offsets) - 1
    if rows != len(length_N):
        raise UserError(f"data: the {name} split has {len(length_N)} sequences and labels of {rows}; make them equal")
    if y_offsets is not None:
        number_N = np.diff(y_offsets)
        if y_offsets[0] != 0 or y_offsets[-1] != len(y) or (number_N < 0).any():
            raise UserError(f"data: y_offsets of the {name} split must rise from 0 to the number of labels, {len(y)}")
        if task == "tagging" and (number_N != length_N).any():
            row = int(np.flatnonzero(number_N != length_N)[0])
            raise UserError(f"data: row {row} of {name} has {length_N[row]} steps and {number_N[row]} labels")


def _check_targets(name: str, y_T: np.ndarray, y_offsets: np.ndarray, length_N: np.ndarray) -> None:
    """CTC outputs a label or a blank at every step, and two equal labels in a row need a blank between them."""
    if (y_T == IGNORED).any():
        raise UserError(f"data: targets of the {name} split must hold no {IGNORED}: y_offsets says where they end")
    if not len(y_T):
        raise UserError(f"data: no target of the {name} split has a label, so no error rate can be computed")
    repeats_T = np.append(False, y_T[1:] == y_T[:-1])
    repeats_T[y_offsets[:-1][y_offsets[:-1] < len(y_T)]] = False  # the first label of a target repeats none
    repeats_before = offsets_of(repeats_T)
    target_N = np.diff(y_offsets)
    repeats_N = repeats_before[y_offsets[1:]] - repeats_before[y_offsets[:-1]]
    needed_N = target_N + repeats_N
    if (too_long := np.flatnonzero(needed_N > length_N)).size:
        row = too_long[0]
        raise UserError(
            f"data: row {row} of the {name} split has a target of {target_N[row]} labels, {repeats_N[row]} of "
            f"them like the one before it, so that ctc needs {needed_N[row]} steps, but its input has {length_N[row]}; "
            "make the input longer or remove the row"
        )


def check_training_labels(task: str, train: np.ndarray, classes: list[str]) -> None:
    """Refuse labels that leave nothing to learn.

    Raises:
        UserError: train has only one class or one value.
    """
    if task == "multilabel":
        if (train == train[0]).all():
            raise UserError("data: all rows of the training split have the same labels; a classifier needs others too")
        return
    if task == "regression":
        if train.min() == train.max():
            raise UserError("data: all labels of the training split are the same number; regression needs others too")
        return
    seen = values(train) - {IGNORED}
    if len(seen) < 2:
        only = f" ({classes[next(iter(seen))]!r})" if seen else ""
        raise UserError(f"data: the training split has one class only{only}; a classifier needs two or more")


def scale_of(y_N: np.ndarray) -> list[float]:
    """The mean and the standard deviation of the labels of a regression, as ``Dataset.label_scale``."""
    y_N = y_N.astype(np.float64)
    return [float(y_N.mean()), float(y_N.std())]


def balanced_weights(y: np.ndarray, classes: int) -> np.ndarray:
    """A weight for each class by its number of labels, ``w_C = n / (C n_C)``, as scikit-learn's ``balanced``.

    ``y`` are the labels of train, of which ignored ones do not count. A class without a label weighs 0, and is not
    counted in C.
    """
    count_C = np.bincount(y[y != IGNORED].ravel(), minlength=classes)
    occurring = max(1, int((count_C > 0).sum()))
    return np.where(count_C > 0, count_C.sum() / (occurring * np.maximum(count_C, 1)), 0.0).astype(np.float32)
