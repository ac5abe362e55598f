"""Columns of labels that are no single class: a number (regression), or any number of labels (multilabel).

None stands for a row without an answer, unlike a row that has none of the labels.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from harness.data.loaders.columns import row_name
from harness.data.loaders.series import LARGEST
from harness.data.loaders.tagging import NESTED, WRITTEN_LIST, item_text
from harness.errors import UserError

YES_NO = {"1": True, "1.0": True, "true": True, "yes": True, "0": False, "0.0": False, "false": False, "no": False}
"""How a column of 1 and 0 is written, in lower case."""
UNANSWERED = ("", "-1", "-1.0")
"""How a column of 1 and 0 says that nobody labelled the row; -1 is the sign that hub data use."""

Labels = tuple[str, ...]
Read = TypeVar("Read")


def read_numbers(values: pd.Series, where: str) -> list[float | None]:
    """The numbers of a column; None where the value is missing, blank or NaN.

    Raises:
        UserError: a value is no number, or beyond float32; the message names the row.
    """
    return _read_each(values, where, _number)


def _number(value: Any) -> float | None:
    if _is_missing(value) or (isinstance(value, str) and not value.strip()):
        return None
    try:
        # Python would read True as 1, and 1_0 as 10
        number = float("no number" if isinstance(value, bool | np.bool_) or "_" in str(value) else value)
    except OverflowError:  # an integer that no float can hold
        number = float("inf")
    except (TypeError, ValueError):
        raise ValueError(
            "data.task=regression needs numbers, with a point as the decimal sign; correct or remove the row, or leave "
            "data.task out to read the column as classes"
        ) from None
    if abs(number) > LARGEST:
        raise ValueError("this is beyond the largest float32; give the numbers in another unit, or remove the row")
    return None if number != number else number


def read_label_lists(values: pd.Series, separator: str | None, where: str) -> list[Labels | None]:
    """The labels of each row of a column: a list, or a text in which ``separator`` stands between two labels.

    An empty list or text has no label; a missing one (null) is a row without an answer.

    Raises:
        UserError: a text, and no separator is set, a list written as text, or a label that is itself a list or an
            object; the message names the row.
    """

    def read(value: Any) -> Labels | None:
        if _is_missing(value):
            return None
        if isinstance(value, str) and value.strip() in ("", "[]"):
            return ()
        if isinstance(value, str) and WRITTEN_LIST.fullmatch(value.strip()):
            raise ValueError(
                "this is a list written as text; save the table as jsonl or parquet, which can hold lists, or write a "
                "separator between the labels and set data.label_separator"
            )
        if not isinstance(value, list | tuple | np.ndarray):
            if separator is None:
                raise ValueError(
                    "data.task=multilabel needs a list; for texts such as 'a|b', set data.label_separator to what "
                    "stands between two labels"
                )
            value = str(value).split(separator.strip() or None)
        if any(isinstance(one, NESTED) for one in value):
            raise ValueError("this has lists or objects inside; give one list of texts or numbers")
        labels = [(item_text(one) or "").strip() for one in value]
        return tuple(dict.fromkeys(label for label in labels if label))

    return _read_each(values, where, read)


def read_label_columns(columns: Sequence[pd.Series], where: str) -> list[Labels | None]:
    """The labels of each row of a table that has a column for each label, with 1 (true, yes) or 0 (false, no).

    A row in which one of them is missing, or -1, is a row without an answer.

    Raises:
        UserError: a value is neither; the message names the row and the column.
    """
    names = [str(values.name) for values in columns]
    rows = zip(*(_read_each(values, where, _answer) for values in columns), strict=True)
    return [None if None in row else tuple(name for name, yes in zip(names, row, strict=True) if yes) for row in rows]


def _answer(value: Any) -> bool | None:
    text = "" if _is_missing(value) else str(value).strip().lower()
    if text not in YES_NO and text not in UNANSWERED:
        raise ValueError("a column of data.label=[...] holds 1 or 0 for each row; correct it")
    return YES_NO.get(text)


def _read_each(values: pd.Series, where: str, read: Callable[[Any], Read]) -> list[Read]:
    """Every value of a column as ``read`` reads it; its ValueError becomes a sentence that names the row."""
    found = []
    for index, value in enumerate(values):
        try:
            found.append(read(value))
        except ValueError as error:
            row = row_name(where, index)
            raise UserError(f"data: {where}, {row} has {value!r:.60} in {str(values.name)!r}; {error}") from None
    return found


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)
