"""Answers of a model as files: csv, jsonl or parquet, written as they come, so that a long file takes little memory."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd

from harness.errors import UserError
from harness.records.store import whole_file

Write = Callable[[pd.DataFrame], None]
"""Writes the next rows."""
NOTHING = "_"
"""What a csv has in a list for an item that is missing, as CoNLL-U has."""
DIGITS = 7
"""Digits of numbers in a csv: those of float32."""


@contextmanager
def answer_file(file: Path, separator: str) -> Iterator[Write]:
    """A file to write answers to, whole or not at all; its ending decides the form. ``separator`` is that of a csv.

    Raises:
        UserError: the ending is another one, or the file cannot be written.
    """
    opened = WRITERS.get(file.suffix.lower())
    if opened is None:
        raise UserError(f"--out {file}: let its name end in {', '.join(WRITERS)}, which is the form of the answers")
    try:
        with whole_file(file) as temporary, opened(temporary, separator) as write:
            yield write
    except OSError as error:
        raise UserError(f"--out {file} cannot be written ({error.strerror or error}); name another file") from None


@contextmanager
def _csv(file: Path, separator: str) -> Iterator[Write]:
    with open(file, "w", encoding="utf8", newline="") as opened:
        yield csv_writer(opened, separator)


def csv_writer(stream: IO[str], separator: str) -> Write:
    """Write a csv to a stream, its header first.

    In lists, ``separator`` stands between two items, as in a csv that is trained on; a list with an item that contains
    it is written as JSON.
    """
    writer = csv.writer(stream, lineterminator="\n")
    begun = False

    def write(rows: pd.DataFrame) -> None:
        nonlocal begun
        if not begun:
            writer.writerow(rows.columns)
            begun = True
        for row in zip(*(rows[name] for name in rows), strict=True):
            writer.writerow([as_text(value, separator) for value in row])

    return write


def as_text(value: Any, separator: str) -> str:
    """A value in a csv: nothing where it is missing, numbers with ``DIGITS`` digits."""
    if isinstance(value, list | tuple):
        items = [NOTHING if one is None else as_text(one, separator) for one in value]
        if any(separator in one for one in items):
            return json.dumps(value, ensure_ascii=False)
        return separator.join(items)
    if value is None or value != value:
        return ""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


@contextmanager
def _json_lines(file: Path, separator: str) -> Iterator[Write]:
    with open(file, "w", encoding="utf8") as opened:

        def write(rows: pd.DataFrame) -> None:
            names = list(rows.columns)
            for row in zip(*(rows[name] for name in rows), strict=True):
                values = dict(zip(names, map(_plain, row), strict=True))
                opened.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")

        yield write


def _plain(value: Any) -> Any:
    """A value as JSON has it: null where it is missing."""
    if isinstance(value, list | tuple):
        return list(value)
    value = value.item() if hasattr(value, "item") else value
    return None if value != value else value


@contextmanager
def _parquet(file: Path, separator: str) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened: Any = None

    def write(rows: pd.DataFrame) -> None:
        nonlocal opened
        columns = {str(name): [_plain(value) for value in rows[name]] for name in rows}
        try:
            if opened is None:
                schema = pa.schema([(name, _kind_in_parquet(name, values)) for name, values in columns.items()])
                opened = pq.ParquetWriter(file, schema)
            opened.write_table(pa.table(columns, schema=opened.schema))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise UserError(f"--out: a column has values of several types ({error}); write a .jsonl or .csv") from None

    try:
        yield write
    finally:
        if opened is not None:
            opened.close()


def _kind_in_parquet(name: str, values: list[Any]) -> Any:
    """The type of a column: of answers by their names, because the first rows may be missing; else of its values."""
    import pyarrow as pa

    if name in ("tags", "labels"):
        return pa.list_(pa.string())
    if name == "probabilities":
        return pa.list_(pa.float64())
    if name == "value" or name.split("_")[0] == "probability":
        return pa.float64()
    found = pa.array(values).type
    return pa.string() if pa.types.is_null(found) else found


WRITERS = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
