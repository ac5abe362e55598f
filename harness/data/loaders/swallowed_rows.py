"""Rows of a csv or tsv that a field in quotes may have swallowed: a stray quote opens it, another one closes it.

The merged row has the right number of fields, so nothing else notices it. But the lines inside it are rows with labels:
a row over several lines is suspicious if two of these lines have the right number of fields by themselves, and a label
that the table knows. In a text with real line breaks, only the line with the row's own label looks so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.data.loaders.raw_table import RawTable
from harness.errors import UserError

FEW_ROWS = 20
"""With fewer rows, a label may occur only in swallowed rows: any text is taken for one."""
NUMBER = re.compile(r"[-+]?[\d.]+([eE][-+]?\d+)?")
Labels = dict[str, str]
"""The labels of one line that may be a row, by column."""


@dataclass(frozen=True)
class Suspect:
    """A row over several lines of which two or more have the right number of fields."""

    row: int
    line: int
    """The line of the file on which the row starts, counted from 1."""
    last_line: int
    lines: list[Labels]


def find_suspects(table: RawTable, fields: list[str], separator: str, spaced: bool, line: int) -> list[Suspect]:
    """The suspect that the table's newest row is, if any; ``line`` is the first of its lines in the file.

    With ``spaced``, a space follows each separator.
    """
    # quotes apart, this is what stands in the file
    lines = re.split("\r?\n|\r", separator.join(fields))
    whole = [parts for parts in (one.split(separator) for one in lines) if len(parts) == table.width]
    if len(whole) < 2:
        return []
    labels = [{name: parts[table.needed[name]].lstrip(" " * spaced) for name in table.label_names} for parts in whole]
    return [Suspect(table.rows, line, line + len(lines) - 1, labels)]


def refuse_swallowed_rows(suspects: list[Suspect], table: RawTable, where: str) -> None:
    """Refuse a row with two or more lines that are rows with a label that the table knows.

    Without labels nothing tells rows from the lines of a text, and quotes enclose what stands between them.

    Raises:
        UserError: the message names the row, its lines, and the two ways to read it.
    """
    if not suspects or not table.label_names:
        return
    is_label = {name: _judge(table, name) for name in table.label_names}
    for one in suspects:
        count = sum(all(is_label[name](label) for name, label in labels.items()) for labels in one.lines)
        if count > 1:
            raise UserError(
                f"data: {where}, row {one.row} below the header (lines {one.line} to {one.last_line}) is one text in "
                "quotes, or several rows between two stray quotes; set data.quotes=enclose if quotes enclose texts, "
                "or data.quotes=text if every line is a row"
            )


def _judge(table: RawTable, name: str) -> Callable[[str], bool]:
    """A function that tells whether a text looks like a label of the table's rows."""
    labels = table.columns[name]
    if len(labels) < FEW_ROWS:
        return bool
    if table.label_names[name] == "data.tags":
        known_tags = {tag for tags in labels for tag in tags.split()}
        return lambda text: bool(text) and known_tags.issuperset(text.split())
    known = set(labels)
    if len(known) <= len(labels) / 2:
        return lambda text: bool(text) and text in known
    if all(NUMBER.fullmatch(label) for label in labels):  # numbers to predict need not repeat
        return lambda text: NUMBER.fullmatch(text) is not None
    return bool
