"""The command of an exported folder, ``python predict.py``: rows from a file or standard input, answers as csv."""

import argparse
import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO
from zipfile import BadZipFile

import numpy as np

from .predictor import Predictor
from .rows import Refused

TEXT_FILES = ("", ".txt")
"""Endings of files with a row a line."""
BETWEEN_WORDS = re.compile(r"[ \t\r\n]+")
EPILOG = """\
Without --file, standard input has a row a line: a text, words separated by spaces, or columns separated by tabs.
A .csv has the columns that the model was trained on (about.json); --column names others, in the same order.
A .npz has an array (steps, features) for each series, a .npy one array of all of them.
"""


def main(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Answer the rows that the arguments name, with the model of a folder; returns the exit code, 2 for a refusal."""
    parser = argparse.ArgumentParser(
        "predict.py", description="Answers to new rows, as csv.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--file", type=Path, help="csv, npz, npy, or a text file; default: standard input")
    parser.add_argument("--column", action="append", help="a column of the csv file; once for each")
    parser.add_argument("--out", type=Path, help="the csv file of answers; default: standard output")
    parser.add_argument("--threads", type=at_least_one, help="threads of ONNX Runtime; default: all")
    parser.add_argument("--batch-size", type=at_least_one, default=32, help="rows that are answered at once")
    chosen = parser.parse_args(arguments)
    try:
        model = Predictor(folder, chosen.threads)
        rows = read_rows(model.about["input"], chosen.file, chosen.column)
        answers = model.predict(rows, chosen.batch_size)
        between = model.about["between_items"]
        if chosen.out is None:
            write(io.TextIOWrapper(sys.stdout.buffer, encoding="utf8", newline=""), answers, between)
        else:
            write_file(chosen.out, answers, between)
    except BrokenPipeError:  # what reads the answers has enough of them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return 2
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def at_least_one(text: str) -> int:
    """A whole number of 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def read_rows(about: dict[str, Any], file: Path | None, columns: list[str] | None) -> list[Any]:
    """All rows of a file, or of standard input (None).

    Raises:
        Refused: they cannot be read.
    """
    try:
        return list(_rows(about, file, columns))
    except UnicodeDecodeError:
        raise Refused(f"{file or 'standard input'} is not in UTF-8; save it in that encoding") from None
    except OSError as error:
        why = error.strerror or error
        raise Refused(f"{file or 'standard input'} cannot be read ({why}); name a file with --file") from None


def _rows(about: dict[str, Any], file: Path | None, columns: list[str] | None) -> Iterator[Any]:
    """The rows of a file, or of standard input (None)."""
    if about["kind"] == "features":
        yield from _series(file)
    elif file is not None and file.suffix.lower() == ".csv":
        wanted = columns or about["columns"]
        if len(wanted) != len(about["columns"]):
            raise Refused(f"--column names {len(wanted)} columns, and this model reads {', '.join(about['columns'])}")
        yield from (_row(about, cells) for cells in _cells(file, wanted))
    elif file is not None and file.suffix.lower() not in TEXT_FILES:
        raise Refused(f"{file} ends in {file.suffix}; this model reads .csv, or .txt with a row a line")
    else:
        # only \n ends a line, and "utf-8-sig" leaves out the mark that some editors put first
        lines = sys.stdin.buffer.read() if file is None else file.read_bytes()
        text = lines.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n")
        several = len(about["columns"]) > 1
        yield from (_row(about, line.split("\t") if several else [line]) for line in text.split("\n") if text)


def _row(about: dict[str, Any], cells: list[str]) -> Any:
    """What the model reads of the cells of a row."""
    if about["kind"] == "texts":
        return cells[0] if len(cells) == 1 and len(about["columns"]) == 1 else tuple(cells)
    stripped = cells[0].strip(" \t\r\n")
    words = BETWEEN_WORDS.split(stripped) if stripped else []
    if about["kind"] == "words":
        return words
    known = set(about["vocabulary"])
    return [int(word) if word not in known and word.isdecimal() else word for word in words]


def _cells(file: Path, columns: list[str]) -> Iterator[list[str]]:
    """The cells of these columns, of each row of a csv file."""
    csv.field_size_limit(2**31 - 1)
    with open(file, encoding="utf-8-sig", newline="") as opened:
        table = csv.DictReader(opened)
        there = list(table.fieldnames or ())
        for name in columns:
            if name not in there:
                has = f"only {', '.join(there)}" if there else "it is empty"
                raise Refused(f"{file} has no column {name!r}, {has}; name one with --column")
            if there.count(name) > 1:
                raise Refused(f"{file} has {there.count(name)} columns named {name!r}; rename all but one")
        yield from ([row[name] or "" for name in columns] for row in table)


def _series(file: Path | None) -> Iterator[Any]:
    if file is None:
        raise Refused("this model reads arrays: name a .npz or .npy file with --file")
    try:
        loaded = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, BadZipFile) as error:
        raise Refused(f"{file} cannot be read as .npz or .npy: {error}") from None
    yield from loaded if isinstance(loaded, np.ndarray) else (loaded[name] for name in loaded.files)


def write_file(file: Path, answers: dict[str, list[Any]], between: str) -> None:
    """Write answers into a csv file.

    Raises:
        Refused: it cannot be written.
    """
    try:
        with open(file, "w", encoding="utf8", newline="") as opened:
            write(opened, answers, between)
    except OSError as error:
        why = error.strerror or error
        raise Refused(f"--out {file} cannot be written ({why}); name another file") from None


def write(file: TextIO, answers: dict[str, list[Any]], between: str) -> None:
    """Answers as csv; ``between`` stands between the several labels, tags or probabilities of a row."""
    table = csv.writer(file, lineterminator="\n")
    table.writerow(answers)
    for row in zip(*answers.values(), strict=True):
        table.writerow([as_text(cell, between) for cell in row])
    file.flush()


def as_text(value: Any, between: str) -> str:
    """A value in the csv: numbers with seven digits, those of float32; in a list ``_`` for what was not read.

    A list with an item that contains ``between`` is written as JSON.
    """
    if isinstance(value, list):
        items = ["_" if one is None else as_text(one, between) for one in value]
        return json.dumps(value, ensure_ascii=False) if any(between in one for one in items) else between.join(items)
    return f"{value:.7g}" if isinstance(value, float) else str(value)
