"""The terminal's table of the variants of a comparison group."""

from rich.markup import escape
from rich.table import Table

from harness.analysis import budgets
from harness.analysis.comparability import ComparisonGroup
from harness.analysis.variants import Variant
from harness.records.metrics import (
    EPOCHS,
    PARAMETERS,
    QUALITY,
    SECONDS_TO_TARGET,
    STEPS,
    TRAINING_SECONDS,
    TRIALS,
    with_validation,
)
from harness.report import tables, verdict_text
from harness.report import text as wording

BEHIND = "behind"
"""The column that says how far a variant is behind the best in quality."""


def columns(group: ComparisonGroup) -> list[str]:
    """The metrics of the table and ``BEHIND``, the most important first: a narrow terminal shows some of them.

    Behind the quality comes what the command asked for: metrics with a requirement, the seconds to a target.
    """
    budget = (EPOCHS, STEPS, TRIALS, TRAINING_SECONDS)
    wanted = dict.fromkeys([*QUALITY, SECONDS_TO_TARGET, *group.questions, PARAMETERS, *budget])
    found = [metric for metric in wanted if metric in group.metrics and metric not in budgets.shared(group)]
    if verdict_text.has_gaps(group):
        found.insert(found.index(group.quality) + 1, BEHIND)
    found = with_validation(found, group.quality, group.metrics)
    required = [one.metric for one in group.sifted.requirements] if group.sifted else []
    first = [metric for metric in (group.quality, *required, SECONDS_TO_TARGET) if metric in group.metrics]
    return list(dict.fromkeys([*first, *found]))


def terminal_table(group: ComparisonGroup, variants: list[Variant], name_width: int, shown: list[str]) -> Table:
    """The table of these variants and of the ``shown`` columns; a name takes ``name_width`` characters at most."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("variant", overflow="fold", max_width=name_width)
    signs = [budgets.sign(variant) for variant in variants]
    if any(signs):  # in a column of its own: behind a name, the sign would get a line of its own
        table.add_column()
    table.add_column("seeds", justify="right", no_wrap=True)
    for column in shown:
        head = verdict_text.gap_header(group.quality) if column == BEHIND else tables.value_header(group, column)
        table.add_column(head, justify="right", no_wrap=True)
    for variant, sign in zip(variants, signs, strict=True):
        standing = verdict_text.shown(group, variant, group.quality)
        style = "green" if standing and standing.verdict == "best" else None
        numbers = [_cell(group, variant, column) for column in shown]
        name = [escape(variant.name), *([sign] if any(signs) else [])]
        table.add_row(*name, wording.seeds(variant), *numbers, style=style)
    return table


def _cell(group: ComparisonGroup, variant: Variant, column: str) -> str:
    if column == BEHIND:
        return verdict_text.gap(group.quality, variant.standings.get(group.quality))
    return f"{tables.cell(variant, column)} {verdict_text.mark(group, variant, column) or ' '}"
