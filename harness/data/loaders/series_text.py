"""Text files with a line a series: the form ``.ts`` of the UCR and UEA archives, and UCR's older ``.tsv`` and ``.txt``.

Dimension letters: L steps, D channels.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from harness.data.loaders.archives import open_source
from harness.data.loaders.columns import label_names
from harness.data.loaders.series import Series, is_no_label, to_numbers
from harness.errors import UserError


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, without empty ones and comments; only comments may be no UTF-8."""
    with open_source(file).binary() as opened:
        for number, line in enumerate(opened, start=1):
            if line.strip() and not line.startswith(b"#"):
                try:
                    yield number, line.decode("utf-8-sig").strip(" \r\n")
                except UnicodeDecodeError:
                    raise UserError(f"data: {file} is not UTF-8 at line {number}; save it as UTF-8") from None


def read_ts(file: Path, labelled: bool = True) -> Series:
    """A header of lines that start with @, then a line a series.

    A line has the values of each channel, separated by commas; colons stand between channels and before the label.
    ``?`` is a missing value. New series (``labelled`` is false) may have no labels, or ones that the header lacks.

    Raises:
        UserError: the header or a row is broken, values have time stamps, or there are no labels.
    """
    lines = _lines(file)
    has_labels, classes = _classes(file, lines)
    if labelled and not has_labels:
        raise UserError(f"data: {file} has no labels (@classLabel false); every series needs one")
    x: list[np.ndarray] = []
    labels: list[str] = []
    for row, (_, line) in enumerate(lines, start=1):
        *channels, label = (part.strip() for part in [*line.split(":"), *([] if has_labels else [""])])
        if not channels or (labelled and classes and label not in classes and not is_no_label(label)):
            expected = f"one of the header's labels ({', '.join(classes[:5])})" if classes else "values and a number"
            raise UserError(f"data: {file}, row {row} ends in {label[-20:]!r}, not in {expected}; is the row cut?")
        where = f"{file}, row {row}"
        x.append(_as_one([to_numbers(channel.split(","), where) for channel in channels], where))
        if x[0].shape[1] != len(channels):
            raise UserError(f"data: {where} has {len(channels)} channels, and row 1 has {x[0].shape[1]}")
        labels.append(label)
    return Series(x, labels, [f"row {row + 1}" for row in range(len(x))], numbers=not classes)


def _classes(file: Path, lines: Iterator[tuple[int, str]]) -> tuple[bool, list[str]]:
    """Read the header, up to @data: whether series have labels, and the classes, of which numbers have none."""
    header: dict[str, str] = {}
    for number, line in lines:
        if not line.startswith("@"):
            raise UserError(f"data: {file}, line {number} comes before @data; lines of the header start with @")
        key, *value = line[1:].split(maxsplit=1)
        header[key.lower()] = "".join(value)
        if key.lower() == "data":
            break
    if "data" not in header:
        raise UserError(f"data: {file} has no line @data; expected a header, that line, and the series")
    if header.get("timestamps", "").lower() == "true":
        raise UserError(
            f"data: {file} has time stamps (@timeStamps true), which are not read; save it as a table with one row a "
            "step, with the time as a channel or in data.step"
        )
    is_labelled, *classes = header.get("classlabel", "false").split()
    return "true" in (is_labelled.lower(), header.get("targetlabel", "false").lower()), classes


def _as_one(channels: list[np.ndarray], where: str) -> np.ndarray:
    """``x_LD`` of the channels of a series."""
    lengths = {len(channel) for channel in channels}
    if len(lengths) > 1:
        raise UserError(f"data: {where} has channels of {min(lengths)} and {max(lengths)} steps; all need equally many")
    return np.stack(channels, 1)


def read_rows(file: Path) -> Series:
    """Lines of a label and the values of one channel, separated by tabs, spaces or commas.

    Raises:
        UserError: a value is no number.
    """
    rows = [_fields(line) for _, line in _lines(file)]
    x = [to_numbers(values, f"{file}, row {row}")[:, None] for row, (_, *values) in enumerate(rows, start=1)]
    texts = pd.Series([label for label, *_ in rows], dtype=str)
    numbers = pd.to_numeric(texts, errors="coerce")  # such files often write 1 as 1.0000000e+00
    labels = label_names(numbers if (numbers.notna() | texts.map(is_no_label)).all() else texts)
    return Series(x, labels, [f"row {row + 1}" for row in range(len(rows))])


def has_rows(file: Path) -> bool:
    """Whether the first line is that of a series (a label, then numbers) and not a table's line of names."""
    first = next((line for _, line in _lines(file)), "")
    try:
        return len(to_numbers(_fields(first)[1:], "")) > 0
    except UserError:
        return False


def _fields(line: str) -> list[str]:
    """The fields of a line between tabs, or else commas, or else spaces; an empty one is a missing value.

    Only one of them separates: ``1,5`` between tabs is no pair of values but a decimal comma, which is refused.
    """
    separator = "\t" if "\t" in line.rstrip() else "," if "," in line else None
    return [field.strip() for field in line.split(separator)]
