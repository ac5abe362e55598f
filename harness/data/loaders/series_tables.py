"""Series from a table with one row a step.

Dimension letters: N series, S steps of all series together, D channels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.data.loaders.columns import column, column_name, label_names, row_name
from harness.data.loaders.series import NO_VALUE, Series
from harness.errors import UserError


class Columns(NamedTuple):
    """The names of the columns; ``channels`` of None are all columns without another purpose."""

    sequence: str = "sequence"
    step: str | None = None
    channels: Sequence[str] | None = None
    label: str | None = "label"


def read_steps(frame: pd.DataFrame, where: str, columns: Columns, labelled: bool = True) -> Series:
    """The rows of each sequence as one series: in the order of ``step``, or else of the table.

    Sequences come in the order of their first rows. ``step`` holds numbers, or dates and times in ISO form. In new
    series (``labelled`` is false) the column of labels may be missing, and is not read.

    Raises:
        UserError: a column is missing, a channel holds no number, or the label changes within a sequence; the message
            names the row, counted from 1.
    """
    if not labelled and str(columns.label) not in map(str, frame.columns):
        columns = columns._replace(label=None)
    columns = _found(columns, frame, where)
    number_S, ids = pd.factorize(column(frame, columns.sequence, "data.sequence", where).astype(str))
    labels_S = np.full(len(frame), None, object)
    if labelled:
        labels_S[:] = label_names(column(frame, columns.label, "data.label", where, may_be_missing=True))
    first_N = np.unique(number_S, return_index=True)[1]
    if (changed := labels_S != labels_S[first_N][number_S]).any():
        row = int(np.flatnonzero(changed)[0])
        raise UserError(
            f"data: {where}, {row_name(where, row)} has the label {labels_S[row]!r}, and sequence "
            f"{ids[number_S[row]]!r} began with {labels_S[first_N][number_S[row]]!r}; a sequence has one label"
        )
    other = [name for name in frame.columns if name not in (columns.sequence, columns.step, columns.label)]
    channels = other if columns.channels is None else list(columns.channels)
    if not channels:
        raise UserError(f"data: {where} has no column of values beside {', '.join(map(str, frame.columns))}")
    x_SD = np.stack([_channel(frame, name, where) for name in channels], 1)
    step_S = np.zeros(len(frame)) if columns.step is None else _order(frame, columns.step, where)
    order_S = np.lexsort((step_S, number_S))  # stable: rows of one step stay in the table's order
    ends = np.cumsum(np.bincount(number_S))[:-1]
    series = np.split(x_SD[order_S], ends)
    return Series(series, labels_S[first_N].tolist(), [f"sequence {one!r}" for one in ids], channels, ids=list(ids))


def _found(columns: Columns, frame: pd.DataFrame, where: str) -> Columns:
    """The columns by the names that the table has for them: Hydra reads ``data.label=1`` as a number.

    Raises:
        UserError: a column is missing, or the label is among the channels.
    """
    names = list(frame.columns)
    sequence = column_name(names, columns.sequence, "data.sequence", where)
    step = None if columns.step is None else column_name(names, columns.step, "data.step", where)
    label = None if columns.label is None else column_name(names, columns.label, "data.label", where)
    channels = columns.channels and [column_name(names, name, "data.channels", where) for name in columns.channels]
    if channels and label is not None and label in channels:
        raise UserError(f"data.channels has {label!r}, which is data.label: the answer is no input; leave it out")
    return Columns(sequence, step, channels, label)


def _channel(frame: pd.DataFrame, name: str, where: str) -> np.ndarray:
    """The numbers of a column, NaN for missing ones."""
    values = frame[name]
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(np.float64, na_value=np.nan)
    texts = values.astype(str)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if (wrong := np.isnan(numbers) & ~texts.str.strip().str.lower().isin(NO_VALUE).to_numpy()).any():
        row = int(np.flatnonzero(wrong)[0])
        raise UserError(
            f"data: {where}, {row_name(where, row)} has {texts.iloc[row][:40]!r} in {name!r}; expected a number; "
            "data.channels names the columns of values"
        )
    return numbers


def _order(frame: pd.DataFrame, name: str, where: str) -> np.ndarray:
    """The rank of each row by the numbers of a column, or by its dates and times."""
    values = column(frame, name, "data.step", where)
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.factorize(values, sort=True)[0]
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().all():
        return pd.factorize(numbers, sort=True)[0]
    times = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
    if (wrong := times.isna()).any():
        row = int(np.flatnonzero(wrong & numbers.isna() if (wrong & numbers.isna()).any() else wrong)[0])
        raise UserError(
            f"data: {where}, {row_name(where, row)} has {values.iloc[row]!r} in {name!r}, set by data.step; expected "
            "numbers, or dates and times such as 2024-01-31T12:00"
        )
    return pd.factorize(times, sort=True)[0]
