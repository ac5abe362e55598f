"""Tables from files and folders as other programs write them: which reader reads which, messages about broken files.

Rows are counted from 1, below the header of a csv or tsv; a field may extend over several lines of the file.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from harness.data.loaders.archives import COMPRESSED, DAMAGED, Source, open_source
from harness.data.loaders.class_folders import read_class_folders
from harness.data.loaders.columns import column_name
from harness.data.loaders.conll import read_conll
from harness.data.loaders.conllu import read_conllu
from harness.data.loaders.contents import refuse_other_content
from harness.data.loaders.delimited import SEPARATORS, read_delimited
from harness.data.loaders.fasttext import is_fasttext, read_fasttext
from harness.data.loaders.json_files import read_json, read_json_lines
from harness.data.loaders.parquet import read_parquet
from harness.data.loaders.plain_text import read_lines
from harness.data.loaders.raw_table import Choose, Columns
from harness.errors import UserError
from harness.notices import notify

TAGGED = (".conll", ".bio", ".iob", ".iob2", ".conllu")
READERS = {
    ".jsonl": read_json_lines, ".ndjson": read_json_lines, ".json": read_json, ".parquet": read_parquet,
    **dict.fromkeys(TAGGED, read_conll), ".conllu": read_conllu,
}  # fmt: skip
ENDINGS = (*SEPARATORS, *READERS, ".txt")
ALIKE: tuple[set[type], ...] = ({bool}, {int}, {float}, {float, type(None)})
"""Types of values that pandas holds as one type without loss."""
EXCEL = (".xlsx", ".xls", ".ods")


def read_file(
    file: Path, wanted: Mapping[str, Any] | None = None, quotes: str = "auto", labelled: bool = True,
    if_there: Mapping[str, Any] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The columns of a table: a file, plain or compressed, or a folder with a folder for each class.

    ``wanted`` gives the names of the columns by the settings that name them; a value may be a list of names. Other
    columns are not read, so they may hold anything; without ``wanted``, all are read. ``quotes`` is that of
    ``read_delimited``. New rows (``labelled`` is false) may be plain lines, or words without tags. ``if_there`` names
    columns as ``wanted`` does that the file may lack. How many rows were read is printed to standard error.

    Raises:
        UserError: the file is missing, empty, damaged, not UTF-8, or not of the kind of its ending, or has no such
            column; the message names the row.
    """
    choose = partial(_choose, wanted, if_there or {}, str(file))
    if not file.exists():
        kind = Source(file).kind
        if kind and kind not in (*ENDINGS, ".zip"):
            raise _no_reader(Source(file))
        raise UserError(f"data: there is no file {file} (looked in {Path.cwd()})")
    if file.is_file() and Source(file).kind not in EXCEL:
        refuse_other_content(file)
    source = open_source(file) if file.is_file() else Source(file)
    try:
        if file.is_dir():
            columns, remark = read_class_folders(file, choose)
        else:
            columns, remark = _read(source, choose, wanted or {}, quotes, labelled)
    except UserError:
        raise
    except UnicodeDecodeError:
        raise UserError(f"data: {file} is not UTF-8 at {_undecodable(source)}; {_as_utf8(source)}") from None
    except (ValueError, *DAMAGED) as error:  # libraries raise these for a broken file
        reason = (str(error) or "it is damaged").splitlines()[0]
        raise UserError(f"data: {file} cannot be read as {source.kind[1:] or 'a folder'}: {reason}") from None
    count = len(next(iter(columns.values()), []))
    if not count:
        raise UserError(f"data: {file} has no rows; expected rows of text{' and label' if labelled else ''}")
    say_rows(count, str(file), remark)
    return pd.DataFrame({name: _series(values) for name, values in columns.items()})


def say_rows(count: int, where: str, remark: str = "") -> None:
    """Print how many rows were read. Prepared data are kept, so this is said once."""
    notify(f"data: read {count:,} row{'s' * (count != 1)} of {where}{remark}")


def holds_tagged_words(file: Path) -> bool:
    """Whether a file's ending tells that it has one word a line, with a tag; in columns ``words`` and ``tags``."""
    return file.is_file() and open_source(file).kind in TAGGED


def _choose(
    wanted: Mapping[str, Any] | None, if_there: Mapping[str, Any], where: str, names: Sequence[str]
) -> dict[str, str]:
    """The columns to read, each with the setting that names it."""
    if wanted is None:
        return {column_name(names, name, "", where): "" for name in names}
    chosen: dict[str, str] = {}
    for key, value in wanted.items():
        for name in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
            chosen.setdefault(column_name(names, name, key, where), key)
    for key, value in if_there.items():
        for name in set(map(str, value if isinstance(value, list | tuple) else [value])) & set(map(str, names)):
            chosen.setdefault(column_name(names, name, key, where), key)
    return chosen


def _read(
    source: Source, choose: Choose, wanted: Mapping[str, Any], quotes: str, labelled: bool
) -> tuple[Columns, str]:
    """The columns of a file, and a remark on how it was read."""
    kind = source.kind
    if kind not in ENDINGS:
        raise _no_reader(source)
    with source.binary() as opened:
        if not opened.read(1):
            raise UserError(f"data: {source.file} is empty; expected rows of text{' and label' if labelled else ''}")
    if kind in SEPARATORS:
        return read_delimited(source, choose, quotes)
    if READERS.get(kind) is read_conll or (kind not in READERS and "data.tokens" in wanted):
        return read_conll(source, choose, labelled), ""
    if kind in READERS:
        return READERS[kind](source, choose), ""
    if not is_fasttext(source):
        if not labelled:
            return read_lines(source, choose), ""
        raise UserError(
            f"data: no line of {source.file} has a label; a .txt file has lines such as '__label__good a fine "
            "film', or one word a line with its tag (then set data.tokens=words data.tags=tags); save others as csv"
        )
    return read_fasttext(source, choose), ""


def _no_reader(source: Source) -> UserError:
    if source.kind in EXCEL:
        return UserError(f"data: {source.file} is a spreadsheet; save it as CSV UTF-8 (in Excel: File, Save As)")
    what = f"{source.file} ends in {source.kind!r}" if source.member is None else f"{source.member!r} in {source.file}"
    return UserError(
        f"data: {what}; expected one of {', '.join(ENDINGS)}, each also compressed ({', '.join(COMPRESSED)}), or a "
        "folder with a folder for each class"
    )


def _series(values: list[Any]) -> pd.Series:
    """A column of Python values; numbers have a type of their own where this changes none of them.

    Integers beside a missing value stay as they are: as floats they would lose digits.
    """
    kinds = set(map(type, values))
    return pd.Series(values) if kinds in ALIKE else pd.Series(values, dtype=object)


def _undecodable(source: Source) -> str:
    with source.binary() as opened:
        for number, line in enumerate(opened, start=1):
            try:
                line.decode("utf8")
            except UnicodeDecodeError as error:
                return f"line {number} (byte {error.start} of it)"
    return "its end"


def _as_utf8(source: Source) -> str:
    """How to convert a file to UTF-8, by its likely encoding."""
    with source.binary() as opened:
        start = opened.read(4)
    wide = start in (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
    if wide or start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return f"it is UTF-{32 if wide else 16}: save it as UTF-8 (in Excel: CSV UTF-8)"
    return "save it as UTF-8 (in Excel: CSV UTF-8); if it is Windows-1252, iconv -f WINDOWS-1252 -t UTF-8 does it"
