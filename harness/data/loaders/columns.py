"""Columns of a table: found by name, checked for gaps and lists, labels as text."""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.data.loaders.archives import without_compression
from harness.errors import UserError
from harness.notices import notify

LONGEST_NAME = 40
"""Characters of a column's name that messages show."""
MOST_NAMES = 20
"""Columns that a message lists."""
WITH_HEADER = (".csv", ".tsv")
"""Endings of files whose first line names the columns."""
UNLABELLED = ("drop", "error")
"""What ``data.unlabelled`` does with rows that have no label."""
NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]*)?")
"""A number as people write one: neither 01, which is an identifier, nor 1E2."""

NUMERIC = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
"""A number as programs write one, too: .5 and 1E2."""
MOST_EXACT = 2**53
"""Up to this number a float keeps all digits of an integer."""
WRITTEN_SO = {True: ("true", "yes", "on"), False: ("false", "no", "off"), None: ("null", "~")}
"""What Hydra and YAML make a truth value or nothing of, in lower case."""
PLAIN_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
"""A name that a command can give without quotes of its own."""


def column_name(names: Sequence[Any], name: Any, key: str, where: str) -> Any:
    """The one of a table's columns that a setting names; ``key`` is the setting, ``where`` names the table.

    Hydra reads ``data.text=1e3`` as a number and ``data.text=true`` as a truth value. Such a value finds the column
    whose name is written so, or else the only one that means the same.

    Raises:
        UserError: there is no such column, or several.
    """
    found = [one for one in names if str(one) == str(name)]
    if not isinstance(name, str) and not (found and type(name) is int):  # an integer has one usual spelling
        found = [one for one in names if _means(str(one), name)]
        if len(set(map(str, found))) > 1:
            raise UserError(
                f"data: {where} has several columns that {key}={name} may mean: {', '.join(map(str, found))}; quote "
                f"the name: {_setting(key, str(found[0]), quoted=True)}"
            )
    if not found:
        raise _no_column(names, name, key, where)
    if len(found) > 1:
        raise UserError(f"data: {where} has {len(found)} columns named {found[0]!r}; rename or remove all but one")
    return found[0]


def _means(written: str, value: Any) -> bool:
    """Whether a text means a number, a truth value or nothing."""
    if value is None or isinstance(value, bool):
        return written.strip().lower() in WRITTEN_SO[value]
    try:
        number = int(written) if isinstance(value, int) else float(written)
    except ValueError:
        return False
    return number == value or (number != number and value != value)  # nan is a name too


def _no_column(names: Sequence[Any], name: Any, key: str, where: str) -> UserError:
    # without a header, a name is a whole text
    shown = [" ".join(str(one).split())[:LONGEST_NAME] for one in names[:MOST_NAMES]]
    existing = ", ".join([*shown, "..."] if len(names) > MOST_NAMES else shown)
    has_header = without_compression(where).lower().endswith(WITH_HEADER)
    near = [one for one in names if str(one).strip().casefold() == str(name).strip().casefold()]
    meant = f"; did you mean {_setting(key, str(near[0]))}?" if len(near) == 1 else f"; set {key} to one of them"
    other = "; for columns between other characters, add a first line such as sep=|" if len(names) == 1 else ""
    return UserError(
        f"data: {where} has no column {name!r}; it has {existing}{meant}"
        + (f" (a file's first line names its columns{other})" if has_header else "")
    )


def _setting(key: str, name: str, quoted: bool = False) -> str:
    """How a command sets a key to a name; a name with other characters than a-z needs quotes inside quotes."""
    return f"{key}={name}" if PLAIN_NAME.fullmatch(name) and not quoted else f"""'{key}="{name}"'"""


def column(
    frame: pd.DataFrame, name: Any, key: str, where: str, may_be_blank: bool = False, may_be_missing: bool = False
) -> pd.Series:
    """A column of a table; ``key`` is the setting that names it, ``where`` names the table.

    Raises:
        UserError: the table has no such column, or a row has no value in it; the message names the row, counted from 1.
    """
    name = column_name(list(frame.columns), name, key, where)
    if may_be_missing:
        return frame[name]
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
    has_header = without_compression(where).lower().endswith(WITH_HEADER)
    return f"row {index + 1}" + (" below the header" if has_header else "")


def refuse_lists(values: pd.Series, where: str, key: str, remedy: str) -> None:
    """Refuse a list or an object where a text or a label is expected: it would be read as its Python notation.

    Raises:
        UserError: the message names the row and ends with ``remedy``.
    """
    if isinstance(values.dtype, pd.StringDtype):
        return  # such a column holds nothing but text, and a million rows take seconds to look at
    is_list = values.map(lambda value: isinstance(value, (list, tuple, dict, np.ndarray)))
    if is_list.any():
        row = row_name(where, int(np.flatnonzero(is_list)[0]))
        raise UserError(f"data: {where}, {row} has a list or an object in {values.name!r}, set by {key}; {remedy}")


def label_names(labels: pd.Series) -> list[str | None]:
    """Labels of one table as text, None where there is none (null, NaN, an empty cell).

    A column of whole floats holds integers: pandas turns them into floats where one is missing.

    Raises:
        UserError: such integers are so large that floats do not keep their digits.
    """
    present = labels[labels.notna()]
    if pd.api.types.is_float_dtype(present) and (present % 1 == 0).all():
        if (present.abs() > MOST_EXACT).any():
            raise UserError(
                f"data: numbers in {labels.name!r} are beyond 2**53 and were read as floats, which keep no more "
                "digits; save this column as text"
            )
        texts = [str(int(number)) for number in present]
    else:
        texts = present.astype(str).str.strip().tolist()
    names = np.full(len(labels), None, object)
    names[labels.notna()] = texts
    return [name or None for name in names]


def class_of(labels: Iterable[str]) -> dict[str, str]:
    """The class that each label of all splits together belongs to: labels are text, and each is its own class.

    Only where all of them are numbers, those written in several ways, such as 1 and 1.0, are one class. Labels that
    cannot be told apart on a screen stay apart, and this is printed to standard error.
    """
    labels = set(labels)
    _say_look_alikes(labels)
    if not all(NUMBER.fullmatch(label) for label in labels):
        return {label: label for label in labels}
    plain = {label: _plain(label) for label in labels}
    spellings = defaultdict(set)
    for label, number in plain.items():
        spellings[number].add(label)
    whole = not any("." in number for number in spellings)
    return {label: number if whole or len(spellings[number]) > 1 else label for label, number in plain.items()}


def decimals_in(labels: Iterable[str]) -> list[str]:
    """The labels that are no whole numbers, in their order, if all labels are numbers; else none."""
    names = set(labels)
    if not all(NUMERIC.fullmatch(name) for name in names):
        return []
    numbers = {name: float(name) for name in names}
    broken = [name for name, number in numbers.items() if math.isfinite(number) and not number.is_integer()]
    return sorted(broken, key=numbers.__getitem__)


def _say_look_alikes(labels: set[str]) -> None:
    groups = defaultdict(list)
    for label in sorted(labels):
        visible = "".join(one for one in unicodedata.normalize("NFC", label) if unicodedata.category(one) != "Cf")
        groups[" ".join(visible.split())].append(ascii(label)[:LONGEST_NAME])
    for group in (group for group in groups.values() if len(group) > 1):
        shown = ", ".join(group[:MOST_NAMES])
        notify(f"data: the labels {shown} look alike and are {len(group)} classes")


def _plain(number: str) -> str:
    """The shortest text of a number, as text, so that it keeps all its digits."""
    short = number.lstrip("+")
    short = short.rstrip("0").rstrip(".") if "." in short else short
    return "0" if short == "-0" else short


def refuse_unlabelled_rows(
    labels: Sequence[object], name: str, where: str, unlabelled: str, rows_are: Sequence[str] = ()
) -> None:
    """With ``data.unlabelled=error``, refuse rows whose label is None; ``name`` is the column of labels.

    ``rows_are`` are names of the rows, if they have others than their numbers.

    Raises:
        UserError: there is such a row, or the setting has another value.
    """
    if unlabelled not in UNLABELLED:
        raise UserError(f"data.unlabelled is one of {', '.join(UNLABELLED)}, not {unlabelled!r}")
    rows = [row for row, label in enumerate(labels) if label is None]
    if rows and unlabelled == "error":
        row = rows_are[rows[0]] if rows_are else row_name(where, rows[0])
        raise UserError(
            f"data: {where}, {row} has no {name!r} ({len(rows)} such); fill it, remove the row, or set "
            "data.unlabelled=drop"
        )
