"""Texts without labels, a line each: new rows to predict."""

from collections.abc import Iterable, Iterator

from harness.data.loaders.archives import Source
from harness.data.loaders.raw_table import MARK, Choose, Columns


def texts_of_lines(lines: Iterable[str]) -> Iterator[str]:
    """The text of each line; an empty line is an empty text, so that every line has its answer."""
    return (line.lstrip(MARK).rstrip("\r\n") for line in lines)


def read_lines(source: Source, choose: Choose) -> Columns:
    """The column ``text`` of a file with a text a line."""
    with source.text() as opened:
        table: Columns = {"text": list(texts_of_lines(opened))}
    return {name: table[name] for name in choose(list(table))}
