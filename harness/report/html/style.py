"""The look that all plots of the page share: colours, axes, and what stands around a figure."""

from typing import Any

from harness.records.metrics import SHARE, known
from harness.report.html.document import Figure

Trace = dict[str, Any]

COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#6a4c93", "#8c564b", "#5b6770", "#7a9a01",
)  # fmt: skip
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
EDGE = 0.02
"""How far the axis of a share goes on beyond 0 and 1, where a point would otherwise be cut in half."""
GREY, GRID = "#5f6b7a", "#e8ebef"


def style(index: int) -> dict[str, str]:
    """The look of the variant at this place: a colour, and a symbol and dash once the colours are used up."""
    turn = index // len(COLOURS)
    return {
        "colour": COLOURS[index % len(COLOURS)],
        "symbol": SYMBOLS[turn % len(SYMBOLS)],
        "dash": DASHES[turn % len(DASHES)],
    }


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis of Plotly's in the page's look."""
    return {
        "title": {"text": title, "font": {"size": 13}}, "gridcolor": GRID, "zeroline": False, "linecolor": "#c3cad3",
        "ticks": "outside", "tickcolor": "#c3cad3", "automargin": True, **more,
    }  # fmt: skip


def span(metric: str, data: list[Trace], direction: str) -> dict[str, Any]:
    """The ``range`` of an axis that shows shares: what is drawn with some room, and hardly beyond 0 to 1.

    Left to itself, Plotly puts a lone point in the middle of a range of 2. Empty for what is no share.
    """
    if known(metric).bounds != SHARE:
        return {}
    ends = []
    for trace in data:
        error = trace.get(f"error_{direction}", {})
        more, less = (error.get(key, [0.0] * len(trace[direction])) for key in ("array", "arrayminus"))
        ends += [value + extra for value, extra in zip(trace[direction], more, strict=True)]
        ends += [value - extra for value, extra in zip(trace[direction], less, strict=True)]
    room = max(0.02, 0.06 * (max(ends) - min(ends)))
    return {"range": [max(-EDGE, min(ends) - room), min(1 + EDGE, max(ends) + room)]}


def figure(title: str, caption: str, data: list[Trace], x: dict[str, Any], y: dict[str, Any], height: int) -> Figure:
    """A figure with what stands around it; the caption is HTML, in which names are escaped already."""
    layout = {
        "xaxis": x, "yaxis": y, "height": height, "showlegend": False, "hovermode": "closest",
        "margin": {"l": 12, "r": 16, "t": 22, "b": 12}, "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "#ffffff",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#1f2933"}, "dragmode": "zoom",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": "#c3cad3", "align": "left", "font": {"color": "#1f2933"}},
    }  # fmt: skip
    return {"title": title, "caption": caption, "data": data, "layout": layout}
