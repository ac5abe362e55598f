"""Tables from files (csv, tsv, jsonl, json, parquet) as other programs write them, and messages about broken files.

Rows are counted from 1 below the header of a csv or tsv; a field may extend over several lines of the file.
"""

import hashlib
import json
import re
import warnings
from pathlib import Path

import pandas as pd

from harness.errors import UserError

SEPARATORS = {".csv": ",;\t", ".tsv": "\t"}
"""Possible separators of fields; Excel writes semicolons in countries where the comma is the decimal sign."""
READERS = (*SEPARATORS, ".jsonl", ".json", ".parquet")
SAMPLE = 2**16
"""Characters at the start of a csv from which its separator is inferred."""


def file_key(file: Path) -> str:
    """The hash of a file's bytes."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read_file(file: Path) -> pd.DataFrame:
    """The rows of a csv, tsv, jsonl, json or parquet file; the separator of a csv is inferred from its first rows.

    Raises:
        UserError: the file is missing, empty, not UTF-8, or not of the kind of its ending; the message names the row.
    """
    kind = file.suffix.lower()
    if kind not in READERS:
        raise UserError(f"data: {file} ends in {file.suffix!r}; expected one of {', '.join(READERS)}")
    if not file.is_file():
        raise UserError(f"data: there is no file {file} (looked in {Path.cwd()})")
    if file.stat().st_size == 0:
        raise UserError(f"data: {file} is empty; expected rows of text and label")
    try:
        frame = _read_table(file, SEPARATORS[kind]) if kind in SEPARATORS else _read_objects(file, kind)
    except UnicodeDecodeError:
        raise UserError(f"data: {file} is not UTF-8 at {_undecodable(file)}; {_as_utf8(file)}") from None
    except (ValueError, OSError) as error:  # pandas and pyarrow raise these for a broken file
        raise UserError(f"data: {file} cannot be read as {kind[1:]}: {_fault(file, kind, str(error))}") from None
    if frame.empty:
        raise UserError(f"data: {file} has no rows; expected rows of text and label")
    return frame


def _read_objects(file: Path, kind: str) -> pd.DataFrame:
    if kind == ".parquet":
        return pd.read_parquet(file)
    # without conversions: "1" stays text, and a missing field becomes None, unlike an empty one
    return pd.read_json(file, lines=kind == ".jsonl", encoding="utf-8-sig", dtype=False, convert_dates=False)


def _read_table(file: Path, separators: str) -> pd.DataFrame:
    with open(file, encoding="utf-8-sig", newline="") as opened:
        start = opened.read(SAMPLE)
    declared = re.match(r"sep=(.)\r?\n", start)  # Excel can declare the separator in a line above the header
    separator = declared[1] if declared else _separator(start, separators)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            # NA, null and nan stay texts, labels keep their spelling, and no column becomes an index
            return pd.read_csv(
                file, sep=separator, encoding="utf-8-sig", dtype=str, keep_default_na=False, index_col=False,
                skiprows=1 if declared else 0,
            )  # fmt: skip
        except pd.errors.ParserWarning:
            raise ValueError("its rows have more fields than its header has names; name every column") from None


def _separator(start: str, separators: str) -> str:
    """The separator that gives most of the first rows as many fields as the header; of several, the most fields."""
    rows = re.sub(r'"[^"]*"', "", start).splitlines()
    rows = rows[:-1] if len(start) == SAMPLE and len(rows) > 1 else rows  # the last may be cut

    def fit(separator: str) -> tuple[float, int]:
        counts = [row.count(separator) for row in rows if row]
        return (counts.count(counts[0]) / len(counts), counts[0]) if counts and counts[0] else (0, 0)

    return max(separators, key=fit)


def _fault(file: Path, kind: str, reason: str) -> str:
    """A reader's message; where it can be understood, with the row and what to do."""
    with open(file, encoding="utf-8-sig", errors="replace") as opened:
        skipped = opened.readline().startswith("sep=")  # the reader counts this line as a row
    if fields := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", reason):
        expected, line, seen = map(int, fields.groups())
        return (
            f"row {line - 1 - skipped} has {seen} fields and those before it {expected}; "
            "put double quotes around a text that contains the separator, and double each quote inside it"
        )
    if quote := re.search(r"EOF inside string starting at row (\d+)", reason):
        row = int(quote[1]) - skipped
        return f"row {row} opens a quote that nothing closes; close it, or double each quote inside a quoted text"
    if kind == ".jsonl" and (bad := _first_bad_line(file)):
        return f"line {bad} is no JSON object; correct or remove it (a file with one list of objects must end in .json)"
    return reason.splitlines()[0] if reason else "it is damaged"


def _first_bad_line(file: Path) -> int | None:
    """The first line that is not a JSON object, counted from 1."""
    with open(file, encoding="utf-8-sig") as opened:
        for number, line in enumerate(opened, start=1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return number
            except ValueError:
                return number
    return None


def _undecodable(file: Path) -> str:
    if file.suffix.lower() == ".parquet":
        return "an unknown row"
    with open(file, "rb") as opened:
        for number, line in enumerate(opened, start=1):
            try:
                line.decode("utf8")
            except UnicodeDecodeError as error:
                return f"line {number} (byte {error.start} of it)"
    return "its end"


def _as_utf8(file: Path) -> str:
    """How to convert a file to UTF-8, by its likely encoding."""
    with open(file, "rb") as opened:
        start = opened.read(2)
    if start in (b"\xff\xfe", b"\xfe\xff"):
        return "it is UTF-16: save it as UTF-8 (in Excel: CSV UTF-8)"
    return "save it as UTF-8 (in Excel: CSV UTF-8); if it is Windows-1252, iconv -f WINDOWS-1252 -t UTF-8 does it"
