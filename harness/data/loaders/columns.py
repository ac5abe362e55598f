"""Columns of a table: found by name, checked for gaps and lists, labels as text."""

import numpy as np
import pandas as pd

from harness.errors import UserError

LONGEST_NAME = 40
"""Characters of a column's name that messages show."""
WITH_HEADER = (".csv", ".tsv")
"""Endings of files whose first line names the columns."""


def column(frame: pd.DataFrame, name: str, key: str, where: str, may_be_blank: bool = False) -> pd.Series:
    """A column of a table, without missing values; ``key`` is the setting that names it, ``where`` names the table.

    Raises:
        UserError: the table has no such column, or a row has no value in it; the message names the row, counted from 1.
    """
    if name not in frame.columns:
        # without a header, a name is a whole text
        existing = ", ".join(" ".join(str(one).split())[:LONGEST_NAME] for one in frame.columns)
        raise UserError(
            f"data: {where} has no column {name!r}; it has {existing}; set {key} to one of them"
            + (" (a file's first line names its columns)" if where.lower().endswith(WITH_HEADER) else "")
        )
    missing = frame[name].isna()
    if not may_be_blank:
        missing |= frame[name].astype(str).str.strip() == ""
    if missing.any():
        rows = np.flatnonzero(missing)
        raise UserError(
            f"data: {where}, {row_name(where, rows[0])} has no {name!r} ({len(rows)} such); fill it or remove the row"
        )
    return frame[name]


def row_name(where: str, index: int) -> str:
    """The name of a row for the user, who counts from 1, and sees a header above row 1 of a csv or tsv."""
    return f"row {index + 1}" + (" below the header" if where.lower().endswith(WITH_HEADER) else "")


def refuse_lists(values: pd.Series, where: str, key: str, remedy: str) -> None:
    """Refuse a list or an object where a text or a label is expected: it would be read as its Python notation.

    Raises:
        UserError: the message names the row and ends with ``remedy``.
    """
    is_list = values.map(lambda value: isinstance(value, (list, tuple, dict, np.ndarray)))
    if is_list.any():
        row = row_name(where, int(np.flatnonzero(is_list)[0]))
        raise UserError(f"data: {where}, {row} has a list or an object in {values.name!r}, set by {key}; {remedy}")


def label_names(labels: pd.Series) -> list[str]:
    """Labels as text: whole numbers are the same whether written 1, 1.0 or "1"; True and False are not numbers."""
    if pd.api.types.is_bool_dtype(labels):
        return labels.astype(str).tolist()
    numbers = pd.to_numeric(labels, errors="coerce")
    if numbers.notna().all() and (numbers % 1 == 0).all():
        return [str(int(number)) for number in numbers]
    return labels.astype(str).str.strip().tolist()
