"""New rows from files, of every form that data is read from; unlike rows of training, they need no labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.data.dataset import Dataset
from harness.data.loaders.archives import open_source
from harness.data.loaders.columns import column_name
from harness.data.loaders.conll import WORDS
from harness.data.loaders.delimited import SEPARATORS
from harness.data.loaders.json_files import whole_text
from harness.data.loaders.series_tables import Columns
from harness.data.loaders.tables import TAGGED, read_file
from harness.data.loaders.tagging import lists_of
from harness.data.loaders.text_rows import read_texts
from harness.data.loaders.timeseries import read_series
from harness.data.new_rows import columns_of
from harness.data.preparation import TextPreparation
from harness.data.series_preparation import SeriesPreparation
from harness.errors import UserError
from harness.notices import notify

COLUMN, KEEP = "--column", "--keep"
"""The options of the command line that name columns, for messages."""


@dataclass(frozen=True)
class NewTable:
    """New rows as ``harness.data.new_rows.encode_new`` takes them, and the columns that stand beside their answers."""

    rows: list[Any]
    columns: pd.DataFrame

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, end: int) -> "NewTable":
        """The rows from ``start`` to before ``end``."""
        return NewTable(self.rows[start:end], self.columns[start:end])


def read_new(
    file: Path, data: Dataset, settings: Mapping[str, Any], columns: Sequence[str] = (), keep: Sequence[str] = ()
) -> NewTable:
    """The rows of a file for a model of ``data``; ``settings`` are the run's ``data``, which may name columns.

    ``columns`` are those of the file, where they have other names than in training; ``keep`` are further ones that
    stand beside the answers. A ``.txt`` file without labels has a text a line.

    Raises:
        UserError: the file is missing, damaged or of another kind, or lacks a column.
    """
    if not data.tokens:
        return _series(file, data, settings, [*columns, *keep])
    is_text, kind = isinstance(data.preparation, TextPreparation), open_source(file).kind if file.is_file() else ""
    names = _names(kind, columns_of(data), is_text, list(columns))
    key = "data.tokens" if kind == ".txt" and not is_text else COLUMN  # a .txt is read by what it is asked for
    frame = read_file(
        file, {key: names, KEEP: list(keep)}, settings.get("quotes", "auto"), labelled=False,
        if_there=_labels(settings) if kind in SEPARATORS else None,
    )  # fmt: skip
    there = list(frame.columns)
    found = [column_name(there, name, key, str(file)) for name in names]
    kept = [column_name(there, name, KEEP, str(file)) for name in keep]
    if is_text:
        rows: list[Any] = list(read_texts(frame, str(file), names, None, may_be_missing=True))
    else:
        words = lists_of(frame, names[0], key, str(file), may_be_blank=True, may_be_missing=True)
        rows = [None if missing else row for row, missing in zip(words, frame[found[0]].isna(), strict=True)]
    return NewTable(rows, frame[list(dict.fromkeys([*found, *kept]))])


def rows_of_lines(lines: Sequence[str], data: Dataset) -> NewTable:
    """Texts, or words with spaces between them, as rows for a model of ``data``.

    Raises:
        UserError: the model reads several columns, or features.
    """
    columns = columns_of(data) if data.tokens else ()
    if len(columns) != 1:
        reads = f"several columns ({', '.join(columns)})" if columns else "series of numbers"
        raise UserError(f"predict: this run reads {reads}, which a text or a line cannot give; name a file with --file")
    texts = [whole_text(line) for line in lines]
    return NewTable(texts, pd.DataFrame({columns[0]: pd.Series(texts, dtype=object)}))


def _names(kind: str, trained: Sequence[str], is_text: bool, given: list[str]) -> list[str]:
    """The columns to read: those that are given, else those of training, or what a form without names calls them."""
    if given:
        if len(given) != len(trained):
            raise UserError(f"{COLUMN} names {len(given)} columns, and this run reads {len(trained)}: {list(trained)}")
        return given
    if is_text:
        return ["text"] if kind == ".txt" and len(trained) == 1 else list(trained)
    return [WORDS] if kind in (".txt", *TAGGED) and not trained[0].isdigit() else list(trained)


def _labels(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of labels, which tell the rows of a csv from the lines of a text, if they are there."""
    named = {f"data.{name}": settings.get(name) for name in ("label", "tags")}
    return {key: name for key, name in named.items() if name is not None}


def _series(file: Path, data: Dataset, settings: Mapping[str, Any], other: Sequence[str]) -> NewTable:
    if other:
        raise UserError(f"{COLUMN} and {KEEP} are for tables with a row for each text, and this run reads series")
    named = {name: settings[name] for name in ("sequence", "step", "label") if name in settings}
    channels = data.preparation.channels if isinstance(data.preparation, SeriesPreparation) else None
    columns = Columns(**named, channels=list(channels) if channels else None)
    series = read_series(file, columns, labelled=False)
    if not series.x:
        raise UserError(f"data: {file} has no series; expected at least one")
    notify(f"data: read {len(series.x):,} series of {file}")
    beside = {} if series.ids is None else {str(columns.sequence): series.ids}
    return NewTable(series.x, pd.DataFrame(beside, index=range(len(series.x))))
