"""The terminal's table of a single run: its most important numbers, or all of them."""

from collections.abc import Iterable, Iterator

from rich.table import Table

from harness.records.metrics import METRICS, QUALITY, headlines, number
from harness.records.record import Record

LAYOUTS = (
    (("quality",), ("speed", "latency"), ("memory", "cost")),
    (("quality", "memory", "cost"), ("speed", "latency")),
    (("quality", "speed", "latency", "memory", "cost"),),
)
"""The kinds of metrics in each column of the table of all numbers, from the widest table to the narrowest."""
CHANCE = "  level of chance"
"""The name of the row below that of the score which is compared with it."""

Row = tuple[str, str]
"""A name and a number."""


def short_table(record: Record) -> Table:
    """The most important numbers of a run, one below the other: any terminal has room for them."""
    return _table([list(_rows(record, headlines(record.metrics)))])


def whole_table(record: Record, width: int) -> Table:
    """All numbers of a run, in three columns if there is room for them, else in two or one: no number is cut."""
    layouts = [[list(_rows(record, _of_kinds(record, kinds))) for kinds in layout] for layout in LAYOUTS]
    return _table(next((layout for layout in layouts if sum(map(_width, layout)) - 2 <= width), layouts[-1]))


def not_shown(record: Record) -> int:
    """How many numbers only the table of all has."""
    return sum(name in METRICS for name in record.metrics) - len(headlines(record.metrics))


def _of_kinds(record: Record, kinds: Iterable[str]) -> list[str]:
    return [name for name, metric in METRICS.items() if name in record.metrics and metric.kind in kinds]


def _rows(record: Record, names: Iterable[str]) -> Iterator[Row]:
    """The numbers with these names; below the score by which variants are compared, the level of chance in it."""
    deciding = next((name for name in QUALITY if name in record.metrics), None)
    for name in names:
        yield name, number(name, record.metrics[name])
        if name == deciding and name in record.data.chance:
            yield CHANCE, number(name, record.data.chance[name])


def _table(columns: list[list[Row]]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    for _ in columns:
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    for row in range(max(map(len, columns))):
        table.add_row(*(text for column in columns for text in (column[row] if row < len(column) else ("", ""))))
    return table


def _width(column: list[Row]) -> int:
    """The width of a column of names and one of values, with the two blanks behind each."""
    return sum(max((len(row[side]) for row in column), default=0) + 2 for side in (0, 1))
