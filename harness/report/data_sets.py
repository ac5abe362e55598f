"""The ranks over several data sets, in words and as a table."""

from collections.abc import Iterator
from itertools import islice

from rich.markup import escape
from rich.table import Table

from harness.analysis.aggregates import FEWEST_SEEDS, Estimate, share_within
from harness.analysis.data_sets import OverDataSets, Row
from harness.analysis.listed import listed

NEAR, TWICE = 1.1, 2.0
"""The ratios to the best error for which the table has a column."""
HEADING = "Over several data sets"
CAPTION = (
    "A run's rank is 1 plus the number of other variants that beat it on its data set: of each other variant the share "
    "of its runs with a better score, ties half. Mean rank: over runs, then over data sets. Middle rank: the "
    "interquartile mean of the runs' ranks, which an extreme data set does not decide. In brackets: 95 % intervals for "
    "other seeds on the same data sets; other data sets may rank the variants otherwise. Within 10 % and twice: the "
    "share of runs whose error is at most 1.1 and 2 times the mean error of the best variant on the data set. The last "
    "columns: the mean rank on each data set."
)


def answer(over: OverDataSets) -> str:
    """The result in one sentence."""
    best, *others = over.rows
    sentence = f"Best mean rank over {len(over.titles)} data sets: {best.name} with {estimate(best.mean)}"
    sentence += f" among {len(over.rows)} variants"
    if over.critical is None:
        return f"{sentence}; without an interval, which needs {FEWEST_SEEDS} seeds of every variant on every data set."
    near = [f"{row.name} ({row.mean.value:.2f})" for row in others if not row.behind]
    if not near:
        return f"{sentence}; for every other variant, the difference is more than seeds explain."
    return f"{sentence}; seeds alone may explain the difference to {listed(near)}."


def columns(over: OverDataSets) -> list[str]:
    """The head of the table besides the variant and its runs; a data set's column has the ranks there."""
    return ["mean rank", "middle rank", "within 10 %", "within twice", *over.titles]


def table(over: OverDataSets) -> Iterator[tuple[Row, list[str]]]:
    """A row for each variant, and its values for ``columns``."""
    for row in over.rows:
        shares = [f"{100 * share_within(row.ratios, most):.0f} %" for most in (NEAR, TWICE)]
        first = f"{estimate(row.mean)} {mark(over, row)}".strip()
        yield row, [first, estimate(row.middle), *shares, *(f"{rank:.2f}" for rank in row.ranks)]


def terminal_table(over: OverDataSets, most: int, name_width: int, shown: list[str]) -> Table:
    """The table for the terminal, with the ``most`` best variants and the first of the columns, which are ``shown``."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    drawn.add_column("variant", overflow="fold", max_width=name_width)
    drawn.add_column("runs", justify="right", no_wrap=True)
    for head in shown:
        drawn.add_column(escape(head), justify="right", no_wrap=True)
    for row, values in islice(table(over), most):
        style = "green" if row is over.rows[0] else None
        drawn.add_row(escape(row.name), str(row.runs), *values[: len(shown)], style=style)
    return drawn


def estimate(rank: Estimate) -> str:
    """``1.70 (1.67 to 1.83)``: a rank with its interval, if it has one."""
    if rank.low is None or rank.high is None:
        return f"{rank.value:.2f}"
    return f"{rank.value:.2f} ({rank.low:.2f} to {rank.high:.2f})"


def legend(over: OverDataSets) -> str:
    """What the signs after the mean ranks mean."""
    if over.critical is None:
        return "* best mean rank"
    near = f"undecided: at most {over.critical:.2f} behind it, which seeds alone may explain (95 %, over all pairs)"
    return f"* best mean rank   ? {near}"


def mark(over: OverDataSets, row: Row) -> str:
    """The sign after a mean rank, which the legend explains."""
    if row.mean.value == over.rows[0].mean.value:
        return "*"
    return "?" if row.behind is False else ""


def csv_rows(over: OverDataSets) -> Iterator[dict[str, object]]:
    """Rows of ``report.csv``: the ranks of each variant over all data sets, and on each."""
    everywhere = " + ".join(over.titles)
    verdicts = {"*": "best", "?": "open", "": "few seeds" if over.critical is None else "worse"}
    for row in over.rows:
        shared = {"variant": row.name, "n": row.runs, "group": everywhere}
        lower, higher = {"direction": "lower is better"}, {"direction": "higher is better"}
        for name, over_all in (("mean", row.mean), ("middle", row.middle)):
            verdict = {"verdict": verdicts[mark(over, row)]} if name == "mean" else {}
            ends = {"low_over_seeds": over_all.low, "high_over_seeds": over_all.high}
            yield {**shared, **lower, "metric": f"rank/{name}", "mean": over_all.value, **ends, **verdict}
        for most in (NEAR, TWICE):
            share = share_within(row.ratios, most)
            yield {**shared, **higher, "metric": f"share/error_within_{most:g}_of_best", "mean": share}
        for title, rank, ratios in zip(over.titles, row.ranks, row.ratios, strict=True):
            yield {**shared, **lower, "group": title, "n": len(ratios), "metric": "rank/mean", "mean": rank}
