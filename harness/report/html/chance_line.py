"""The level of chance as a thin dashed line in a plot."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from harness.analysis.chance import level_of_chance
from harness.analysis.comparability import ComparisonGroup
from harness.records.metrics import number
from harness.report.html.style import GREY, ends
from harness.report.plots import has_room


@dataclass(frozen=True)
class ChanceLine:
    """What draws the level in a plot, the values that its axis must reach for it, and a sentence for the caption."""

    shapes: list[go.layout.Shape] = field(default_factory=list)
    reach: list[float] = field(default_factory=list)
    caption: str = ""


def chance_line(group: ComparisonGroup, metric: str, traces: Sequence[go.Scatter], direction: str) -> ChanceLine:
    """A group's level of chance in a metric that these traces show along ``direction``, ``x`` or ``y``."""
    return line_at(level_of_chance(group, metric), metric, traces, direction)


def line_at(level: float | None, metric: str, traces: Sequence[go.Scatter], direction: str) -> ChanceLine:
    """The line of this level. Nothing where there is none; where the plot has no room for it, the caption alone."""
    if level is None:
        return ChanceLine()
    if not has_room(level, ends(traces, direction)):
        return ChanceLine(caption=f"The level of chance, {number(metric, level)}, is outside the plot.")
    return ChanceLine([dashed(level, direction)], [level], f"Dashed: the level of chance, {number(metric, level)}.")


def dashed(level: float, direction: str) -> go.layout.Shape:
    """A line across the plot at this value of the axis ``x`` or ``y``.

    It is above the traces: a line from edge to edge cannot be between them and the grid, which would hide it at a tick.
    """
    across = "y" if direction == "x" else "x"
    return go.layout.Shape({
        "type": "line", "layer": "above", "line": {"color": GREY, "width": 1, "dash": "dash"},
        f"{direction}0": level, f"{direction}1": level, f"{across}ref": "paper", f"{across}0": 0, f"{across}1": 1,
    })  # fmt: skip
