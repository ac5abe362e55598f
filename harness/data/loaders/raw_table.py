"""A table while its file is read: the columns that are needed, row by row."""

from collections.abc import Callable, Sequence
from typing import Any

Columns = dict[str, list[Any]]
Choose = Callable[[Sequence[str]], dict[str, str]]
"""From the names of all columns: the names of the columns to read, each with the setting that names it."""
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark, which other programs write at the start of a file."""
LABEL_KEYS = ("data.label", "data.tags")


class FaultError(ValueError):
    """A row that does not fit: what it is, and the remedy."""

    def __init__(self, what: str, remedy: str):
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy


class RawTable:
    """The columns that ``choose`` takes from a file, filled row by row."""

    def __init__(self, choose: Choose):
        self.choose = choose
        self.names: list[str] = []
        self.columns: Columns = {}
        self.headers: tuple[list[str], ...] = ()
        """What a header looks like that is repeated among the rows, after a byte order mark or not."""
        self.rows = 0
        self.on_one_line = True
        """No row extends over several lines."""

    def start(self, names: list[str]) -> list[tuple[Callable[[Any], None], int]]:
        """Take the header; for each column that is needed, what appends a field to it, and the field's place."""
        # a program that adds a mark to a file that has one leaves two
        self.names = names = [names[0].lstrip(MARK), *names[1:]] if names else names
        self.headers = (names, [MARK + names[0], *names[1:]]) if len(names) > 1 else ()
        self.chosen = self.choose(names) if names else {}
        self.columns = {name: [] for name in self.chosen}
        self.needed = {name: names.index(name) for name in self.chosen}
        return [(self.columns[name].append, index) for name, index in self.needed.items()]

    @property
    def width(self) -> int:
        """How many fields a row has."""
        return len(self.names)

    @property
    def label_names(self) -> dict[str, str]:
        """The columns of labels or tags among those that are read, each with the setting that names it."""
        return {name: key for name, key in self.chosen.items() if key in LABEL_KEYS}

    def is_blank(self, fields: list[str]) -> bool:
        """Whether a row is a line without anything: no row at all."""
        return not fields or (len(fields) == 1 < self.width and not fields[0].strip())

    def add(self, fields: list[str]) -> None:
        """Count a row.

        Raises:
            FaultError: it is the header again.
        """
        self.rows += 1
        if fields in self.headers:
            raise FaultError(f"row {self.rows} repeats the header, as in joined files", "remove the row")

    def fit(self, fields: list[str]) -> list[str]:
        """The fields of a row that has more or fewer of them than the header, if only unneeded ones are missing.

        Raises:
            FaultError: the row has more fields, or lacks one that is needed.
        """
        row, count = self.rows + 1, len(fields)
        if count > self.width:
            quote = "put double quotes around a text that contains the separator, and double each quote inside it"
            if row == 1:
                what = f"row 1 has more fields than its header has names ({count} and {self.width})"
                raise FaultError(what, f"name every column, or {quote}")
            raise FaultError(f"row {row} has {count} fields and those before it {self.width}", quote)
        for name, index in self.needed.items():
            if index >= count:
                what = f"row {row} below the header has no {name!r}: it has {count} of {self.width} fields"
                raise FaultError(what, "complete or remove the row")
        return fields
