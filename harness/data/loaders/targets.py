"""What a text is answered with: a class, a number or any number of labels; read from a table, encoded as arrays.

Dimension letters: N rows, A all labels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from harness.data.labels import scale_of
from harness.data.loaders.columns import (
    class_of,
    column,
    decimals_in,
    label_names,
    refuse_lists,
    refuse_unlabelled_rows,
)
from harness.data.loaders.label_columns import Labels, read_label_columns, read_label_lists, read_numbers
from harness.data.loaders.splits import (
    Part,
    class_names,
    complete_splits,
    labelled_rows,
    refuse_unique_labels,
    repeated_rows,
)
from harness.errors import UserError
from harness.notices import notify

TASKS = ("classification", "regression", "multilabel")
LISTS = (list, tuple, np.ndarray)

Encoded = dict[str, Any]
"""The arguments of a data set that its labels decide, besides the labels themselves."""


@dataclass(frozen=True)
class Target:
    """The settings that say what a text is answered with.

    ``task`` is one of TASKS; None is a classification. ``label`` is the column, or for several labels a text also a
    list of columns, one for each label. ``separator`` stands between two labels of a text, where the column holds no
    lists. A number within ``tolerance`` of the right one counts as correct.

    Raises:
        UserError: the settings contradict each other.
    """

    task: str | None = None
    label: Any = "label"
    separator: str | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if self.task not in (None, *TASKS):
            more = "; for a tag for each word set data.tokens and data.tags" if self.task == "tagging" else ""
            raise UserError(f"data.task is one of {', '.join(TASKS)} or null, and is {self.task!r}{more}")
        several = self.task == "multilabel"
        if isinstance(self.label, list | tuple) and not several:
            raise UserError("data.label names several columns; set data.task=multilabel, or name one column")
        if self.separator is not None and not (several and isinstance(self.separator, str) and self.separator):
            raise UserError("data.label_separator is a text, and for data.task=multilabel only; set it to null")
        if self.tolerance is not None and not (self.task == "regression" and _is_positive(self.tolerance)):
            raise UserError("data.tolerance is a number above 0, and for data.task=regression only; set it to null")

    @property
    def columns(self) -> list[str]:
        """The column or columns of labels."""
        return list(map(str, self.label)) if isinstance(self.label, list | tuple) else [str(self.label)]

    @property
    def stratify(self) -> bool:
        """Whether splits that are cut have an equal share of each answer."""
        return self.task in (None, "classification")

    def labels_of(self, answer: Any) -> Labels:
        """The labels that train must keep one row of, where splits are cut at random."""
        return answer if self.task == "multilabel" else ()

    def read(self, frame: pd.DataFrame, where: str, unlabelled: str) -> list[Any]:
        """The answer of each row of a table; None where a class, a number or labels are missing.

        Raises:
            UserError: a column is missing, or a row has another kind of answer, or with ``unlabelled=error`` none; the
                message names the row.
        """
        answers = self._answers(frame, where)
        refuse_unlabelled_rows(answers, ", ".join(self.columns), where, unlabelled)
        return answers

    def _answers(self, frame: pd.DataFrame, where: str) -> list[Any]:
        if isinstance(self.label, list | tuple):
            columns = [column(frame, name, "data.label", where, may_be_missing=True) for name in self.label]
            return read_label_columns(columns, where)
        values = column(frame, self.label, "data.label", where, may_be_missing=True)
        if self.task == "multilabel":
            return read_label_lists(values, self.separator, where)
        values = _only_items(values)
        if self.task == "regression":
            return read_numbers(values, where)
        remedy = "give one class, as text or number, or set data.task=multilabel (for a tag for each word: data.tags)"
        refuse_lists(values, where, "data.label", remedy)
        return label_names(values)

    def named(self, parts: Mapping[str, Part | None]) -> dict[str, Part | None]:
        """The same rows, where labels that are written in several ways in all splits together are one class."""
        if self.task == "regression" or isinstance(self.label, list | tuple):  # names of columns are not rewritten
            return dict(parts)
        several = self.task == "multilabel"
        answers = (answer for part in parts.values() if part for answer in part[1])
        name_of = class_of(label for answer in answers for label in (answer if several else (answer,)))

        def named(answer: Any) -> Any:
            return tuple(dict.fromkeys(name_of[label] for label in answer)) if several else name_of[answer]

        return {role: part and (part[0], [named(answer) for answer in part[1]]) for role, part in parts.items()}

    def refuse_decimals(self, labels: Iterable[str | None], source: str) -> None:
        """Refuse decimal numbers as classes, unless the command says that they are classes.

        Raises:
            UserError: all labels are numbers, some of them not whole, and ``task`` is not set.
        """
        if self.task is None and (decimals := decimals_in(label for label in labels if label is not None)):
            raise UserError(
                f"data: {source}: the labels are numbers, such as {' and '.join(decimals[:2])}, and no classes; name a "
                "column of classes by data.label, or set data.task=regression, or data.task=classification if each "
                "number is a class"
            )

    def encode(self, labels: Mapping[str, Sequence[Any]], source: str) -> tuple[dict[str, np.ndarray], Encoded]:
        """The labels of each split as an array, and what else of a data set they decide.

        Raises:
            UserError: the labels of train leave nothing to learn.
        """
        if self.task == "regression":
            y = {role: np.array(own, np.float32) for role, own in labels.items()}
            scale = scale_of(y["train"])
            return y, {"classes": [], "task": self.task, "tolerance": self.tolerance, "label_scale": scale}
        if self.task == "multilabel":
            refuse_unique_labels([label for row in labels["train"] for label in row], source, "data.label")
            names = class_names(label for rows in labels.values() for row in rows for label in row)
            columns = self.label if isinstance(self.label, list | tuple) else []
            if unused := [repr(name) for name in columns if str(name) not in names]:
                shown = ", ".join(unused)
                notify(f"data: no row of {source} has 1 in {shown}, which is no label then")
            return _label_sets(labels, names), {"classes": names, "task": self.task}
        classes = class_names(labels["train"])
        unseen = sorted({label for own in labels.values() for label in own} - set(classes))
        id_of = {name: index for index, name in enumerate([*classes, *unseen])}
        y = {role: np.array([id_of[one] for one in own], np.int64) for role, own in labels.items()}
        return y, {"classes": classes, "unseen": unseen}


def answered_splits(
    parts: Mapping[str, Part | None],
    target: Target,
    validation: float,
    test: float,
    limit: int | None,
    source: str,
    train_limit: int | None,
) -> tuple[dict[str, list[Any]], dict[str, np.ndarray], Encoded, dict[str, Any]]:
    """The inputs of all three splits without unlabelled rows, their labels, what else these decide, and the notes.

    The settings are those of ``complete_splits``.
    """
    labelled, dropped = labelled_rows(parts)
    target.refuse_decimals((label for part in labelled.values() if part for label in part[1]), source)
    rows, rare = complete_splits(
        target.named(labelled), validation, test, limit, source, target.stratify, train_limit,
        labels_of=target.labels_of,
    )  # fmt: skip
    y, answers = target.encode({role: labels for role, (_, labels) in rows.items()}, source)
    return {role: inputs for role, (inputs, _) in rows.items()}, y, answers, {**dropped, **rare, **repeated_rows(rows)}


def _only_items(values: pd.Series) -> pd.Series:
    """A column in which a list of one is its item, and an empty one is missing, as in fastText's lines."""
    if not any(isinstance(value, LISTS) for value in values):
        return values
    items = [next(iter(one), None) if isinstance(one, LISTS) and len(one) < 2 else one for one in values]
    return pd.Series(items, values.index, object, values.name)


def _label_sets(labels: Mapping[str, Sequence[Labels]], names: Sequence[str]) -> dict[str, np.ndarray]:
    """``y_NA`` of each split, 1 where a row has the label of a column."""
    column_of = {label: index for index, label in enumerate(names)}
    y = {role: np.zeros((len(rows), len(names)), np.float32) for role, rows in labels.items()}
    for role, rows in labels.items():
        for index, row in enumerate(rows):
            y[role][index, [column_of[label] for label in row]] = 1
    return y


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
