"""Tables on a terminal of any width: no number is cut, and columns for which there is no room are named."""

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table


def print_fitting(out: Console, table_of: Callable[[list[str]], Table], metrics: list[str]) -> list[str]:
    """Print the table of as many of these metrics, or other columns, as there is room for: no number is cut.

    Returns those shown.
    """

    def fits(count: int) -> bool:
        return _measured(out, table_of(metrics[:count])).maximum <= out.width

    count = next((count for count in range(len(metrics), 1, -1) if fits(count)), 1)
    out.print(table_of(metrics[:count]))
    if count < len(metrics):
        out.print(f"[dim]not shown for lack of width: {escape(', '.join(metrics[count:]))}[/]")
    return metrics[:count]


def breaks_words(out: Console, table: Table) -> bool:
    """Whether a table is so wide that lines of its cells would end within a word."""
    return _measured(out, table).minimum > out.width


def _measured(out: Console, table: Table) -> Measurement:
    """The columns of the terminal that a table takes at least, with every word whole, and at most."""
    return Measurement.get(out, out.options.update(width=10 * out.width), table)


def print_section(out: Console, heading: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of two columns of text, then numbers: no line ends within a word."""
    cells = list(rows)
    columns = list(zip(heads, *cells, strict=True))
    words = [max((len(word) for text in column for word in text.split()), default=0) for column in columns]
    whole = [max(map(len, column)) for column in columns]
    room = out.width - 2 * len(columns)
    numbers = whole[2:] if sum(words[:2]) + sum(whole[2:]) <= room else words[2:]
    widths = [*(max(width, (room - sum(numbers)) // 2) for width in words[:2]), *numbers]

    def table_of(shown: list[str]) -> Table:
        table = Table(title=escape(heading), title_justify="left", box=None, pad_edge=False)
        for place, head in enumerate([*heads[:2], *shown]):
            table.add_column(
                escape(head), justify="left" if place < 2 else "right", overflow="fold", max_width=widths[place]
            )
        for row in cells:
            table.add_row(*map(escape, row[: 2 + len(shown)]))
        return table

    out.print()
    print_fitting(out, table_of, list(heads[2:]))
