"""The style that all plots share: colours, symbols, axes, layout."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import plotly.graph_objects as go

from harness.records.metric import SHARE
from harness.records.metrics import known
from harness.report.plots import logarithmic_ends, logarithmic_labels

COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#6a4c93", "#8c564b", "#5b6770", "#7a9a01",
)  # fmt: skip
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARGIN = 0.02
"""How far the axis of a share extends beyond 0 and 1, so that a point there is not cut in half."""
INK, GREY, LINE, GRID = "#1f2933", "#5f6b7a", "#c3cad3", "#e8ebef"


@dataclass(frozen=True)
class Style:
    """The colour, symbol and dash of a variant, in all plots."""

    colour: str
    symbol: str
    dash: str


@dataclass(frozen=True, eq=False)
class Plot:
    """A figure with its title and caption. The page escapes both, except a caption that is ``Markup``.

    ``wide``: the plot takes the full width of the page.
    """

    title: str
    caption: str
    figure: go.Figure
    wide: bool = False


def style(index: int) -> Style:
    """The style of the variant at this place: a colour; symbol and dash change once the colours are used up."""
    turn = index // len(COLOURS)
    return Style(COLOURS[index % len(COLOURS)], SYMBOLS[turn % len(SYMBOLS)], DASHES[turn % len(DASHES)])


def x_axis(title: str, **more: Any) -> go.layout.XAxis:
    """An x axis in the page's style; ``more`` are Plotly's properties."""
    return go.layout.XAxis(_axis(title) | more)


def y_axis(title: str, **more: Any) -> go.layout.YAxis:
    """A y axis in the page's style; ``more`` are Plotly's properties."""
    return go.layout.YAxis(_axis(title) | more)


def _axis(title: str) -> dict[str, Any]:
    return {
        "title": {"text": title, "font": {"size": 13}}, "gridcolor": GRID, "zeroline": False, "linecolor": LINE,
        "ticks": "outside", "tickcolor": LINE, "automargin": True,
    }  # fmt: skip


def logarithmic(values: Sequence[float]) -> dict[str, Any]:
    """The properties of a logarithmic axis that shows these values; Plotly's own labels may be a single one."""
    low, high = logarithmic_ends(values)
    labels = logarithmic_labels(low, high)
    ticks = {"tickvals": list(labels), "ticktext": list(labels.values())}
    return {"type": "log", "range": [log10(low), log10(high)], **ticks}


def ends(traces: Sequence[go.Scatter], direction: str) -> list[float]:
    """The values of traces along ``direction``, ``x`` or ``y``, with the ends of their error bars."""
    found: list[float] = []
    for trace in traces:
        values, error = trace[direction], trace[f"error_{direction}"]
        nothing = [0.0] * len(values)
        found += [value + above for value, above in zip(values, error.array or nothing, strict=True)]
        found += [value - below for value, below in zip(values, error.arrayminus or nothing, strict=True)]
    return found


def share_range(
    metric: str, traces: Sequence[go.Scatter], direction: str, reach: Sequence[float] = ()
) -> dict[str, Any]:
    """The ``range`` of an axis that shows shares: the traces with some room, and hardly beyond 0 to 1.

    ``direction`` is ``x`` or ``y``, and ``reach`` are further values that the axis must show. Plotly's own range of a
    single point is 2 wide. Empty if the metric is not a share.
    """
    if known(metric).bounds != SHARE:
        return {}
    shown = [*ends(traces, direction), *reach]
    room = max(0.02, 0.06 * (max(shown) - min(shown)))
    return {"range": [max(-MARGIN, min(shown) - room), min(1 + MARGIN, max(shown) + room)]}


def figure(traces: Sequence[go.Scatter], x: go.layout.XAxis, y: go.layout.YAxis, height: int, **more: Any) -> go.Figure:
    """A figure in the page's style, ``height`` pixels high; ``more`` are properties of Plotly's layout."""
    layout = go.Layout(
        xaxis=x, yaxis=y, height=height, showlegend=False, hovermode="closest", dragmode="zoom",
        margin=go.layout.Margin(l=12, r=16, t=22, b=12), paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="#ffffff",
        font=go.layout.Font(family="system-ui, sans-serif", size=13, color=INK),
        hoverlabel=go.layout.Hoverlabel(bgcolor="#ffffff", bordercolor=LINE, align="left", font={"color": INK}),
        template=go.layout.Template(),  # empty: the default one is larger than the figure
    )  # fmt: skip
    return go.Figure(list(traces), layout.update(more))
