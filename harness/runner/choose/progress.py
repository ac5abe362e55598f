"""What ``choose`` shows while it runs: how the candidates stand, and what the next runs decide."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.analysis.listed import in_a_row
from harness.notices import notify
from harness.runner.choose.answer import counted, duration
from harness.runner.choose.plan import Contender, Run


def show(
    what: str, contenders: Sequence[Contender], runs: Sequence[Run], seconds: float | None,
    spent: tuple[float, float],
) -> None:  # fmt: skip
    """Show how the candidates stand, before ``runs`` begin, which take about ``seconds``; ``spent`` is of a budget.

    A table where it goes to a terminal, else one line.
    """
    takes = f", about {duration(seconds)}" if seconds else ""
    line = f"{what}: {counted(len(runs), 'run')}{takes}; {duration(spent[0])} of {duration(spent[1])} spent"
    out = Console(stderr=True, highlight=False)
    if out.is_terminal:
        if any(one.finished for one in contenders):
            out.print(_table(contenders, runs))
        out.print(f"[bold]choose[/]  {escape(line)}")
        return
    standing = in_a_row([f"{one.name} {_verdict(one)}" for one in contenders if one.finished or one.excluded])
    notify(f"choose: {line}" + (f"; {standing}" if standing else ""))


def _table(contenders: Sequence[Contender], runs: Sequence[Run]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("candidate", "seeds", "verdict so far", "next"):
        table.add_column(column, overflow="fold")
    for one in contenders:
        following = sum(run.candidate == one.name for run in runs)
        table.add_row(
            escape(one.name), str(len(one.finished)), escape(_verdict(one)), f"+{following}" if following else "",
            style="green" if _verdict(one) == "best" else None,
        )  # fmt: skip
    return table


def _verdict(contender: Contender) -> str:
    """How a candidate stands, in a word or two."""
    if contender.excluded:
        return f"excluded ({contender.excluded})"
    if contender.given_up:
        return "failed"
    if contender.standing is None:
        return "running"
    return {"open": "undecided"}.get(contender.standing.verdict, contender.standing.verdict)
