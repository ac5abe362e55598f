"""Tables in JSON: one object a line, a list of objects, or an object of columns, as other programs write them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from harness.data.loaders.archives import Source
from harness.data.loaders.raw_table import MARK, Choose, Columns, FaultError
from harness.errors import UserError

MOST_DIGITS = 4000
"""Digits of an integer that Python reads; a longer one becomes text."""

Record = dict[str, Any]


def read_json_lines(source: Source, choose: Choose) -> Columns:
    """The columns of a file with one JSON object a line.

    Numbers keep all their digits, and a missing key is None. Blank lines are skipped.

    Raises:
        FaultError: a line is not a JSON object; the message names it.
    """
    with source.text() as opened:
        first = list(next(_records(opened), {}))
    if not first or not _has(choose, first):  # the first record may lack a key
        with source.text() as opened:
            first = list(dict.fromkeys(key for record in _records(opened) for key in record))
    columns: Columns = {name: [] for name in choose(first)} if first else {}
    with source.text() as opened:
        for record in _records(opened):
            for name, values in columns.items():
                values.append(record.get(name))
    return columns


def _records(lines: Iterable[str]) -> Iterator[Record]:
    """The object of each line that is not blank."""
    for number, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        try:
            record = _parse(line.lstrip(MARK))
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            remedy = "correct or remove it (a file with one list of objects must end in .json)"
            raise FaultError(f"line {number} is no JSON object", remedy)
        yield record


def _has(choose: Choose, names: Sequence[str]) -> bool:
    """Whether all columns that are needed are among these."""
    try:
        choose(names)
    except UserError:
        return False
    return True


def _parse(text: str) -> Any:
    """A JSON value; NaN and Infinity, which Python and pandas write, are numbers."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with more digits than Python reads
        value = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= MOST_DIGITS else digits)
    return _whole(value) if "\\ud" in text or "\\uD" in text else value


def whole_text(text: str) -> str:
    """A text in which halves of characters (lone surrogates, left where a program cut a text) are U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole(value: Any) -> Any:
    """A value with ``whole_text`` in place of each of its texts."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return {key: _whole(one) for key, one in value.items()} if isinstance(value, dict) else value


def read_json(source: Source, choose: Choose) -> Columns:
    """The columns of a file with one JSON value.

    The value is a list of objects, an object with such a list in it (``{"data": [...]}``), an object with a list for
    each column, or what ``DataFrame.to_json`` writes (any ``orient`` with names). A file with one object a line is read
    too.

    Raises:
        FaultError: the file is not JSON, or not a table.
    """
    with source.text() as opened:
        text = opened.read()
    try:
        value = _parse(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return read_json_lines(source, choose)
        raise FaultError(f"line {error.lineno}, column {error.colno}: {error.msg}", "correct it") from None
    except RecursionError:
        raise FaultError("it is nested too deeply", "save it as a list of plain objects") from None
    return _table(value, choose)


def _table(value: Any, choose: Choose) -> Columns:
    if isinstance(value, list):
        return _from_records(value, choose)
    if not isinstance(value, dict):
        raise FaultError(f"it holds {value!r:.40}", "save it as a list of objects")
    if {"columns", "data"} <= value.keys() and all(isinstance(row, list) for row in value["data"]):
        return _from_records([dict(zip(value["columns"], row, strict=True)) for row in value["data"]], choose)
    if not _has(choose, list(value)):
        lists = [one for one in value.values() if isinstance(one, list) and one and isinstance(one[0], dict)]
        if len(lists) == 1:
            return _from_records(lists[0], choose)
        if value and all(isinstance(one, dict) for one in value.values()):
            return _from_records(list(value.values()), choose)
    return _from_columns({name: value[name] for name in choose(list(value))})


def _from_records(records: list[Any], choose: Choose) -> Columns:
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise FaultError(f"item {number} is no object", 'give each row as an object, such as {"text": ...}')
    names = list(dict.fromkeys(key for record in records for key in record))
    return {name: [record.get(name) for record in records] for name in choose(names)} if names else {}


def _from_columns(columns: dict[str, Any]) -> Columns:
    if all(isinstance(values, dict) for values in columns.values()):  # from the numbers of rows to values
        rows = dict.fromkeys(row for values in columns.values() for row in values)
        return {name: [values.get(row) for row in rows] for name, values in columns.items()}
    if not all(isinstance(values, list) for values in columns.values()):
        raise FaultError("it holds one object", "save it as a list of objects, or with a list for each column")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{count} in {name!r}" for name, count in lengths.items())
        raise FaultError(f"its columns have different numbers of rows ({shown})", "give every column one value a row")
    return columns
