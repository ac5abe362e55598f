"""The plots over several data sets: ranks with intervals, and performance profiles."""

import math
from collections.abc import Sequence
from statistics import mean

import plotly.graph_objects as go

from harness.analysis.aggregates import share_within
from harness.analysis.data_sets import OverDataSets, Row
from harness.report import data_sets as wording
from harness.report.html.chance_line import dashed
from harness.report.html.style import GREY, MARGIN, Plot, Style, figure, style, x_axis, y_axis
from harness.report.html.variant_marks import MOST_VARIANTS, plotly_text, short_text
from harness.report.plots import has_room

TICKS = (1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
CLOSE = (1.1, 1.2)
"""The ticks that only a short axis has room for."""


def styled(over: OverDataSets) -> list[tuple[Row, Style]]:
    """The variants that the plots show, the best first, with their styles."""
    return [(row, style(index)) for index, row in enumerate(over.rows[:MOST_VARIANTS])]


def plots(over: OverDataSets) -> list[Plot]:
    """The mean ranks, and the profiles."""
    return [_ranks(over), _profiles(over)]


def _cut(over: OverDataSets) -> str:
    return f" The {MOST_VARIANTS} best of {len(over.rows)} variants." if len(over.rows) > MOST_VARIANTS else ""


def _ranks(over: OverDataSets) -> Plot:
    """Each variant's mean rank with its interval, and its ranks on the data sets; the best on top."""
    traces, shown = [], styled(over)
    for place, (row, look) in enumerate(shown):
        name = plotly_text(row.name)
        traces.append(go.Scatter(
            mode="markers", legendgroup=row.name, x=row.ranks, y=[place] * len(row.ranks), hoverinfo="text",
            marker=go.scatter.Marker(color=look.colour, size=7, opacity=0.35), hovertext=[
                f"{name}, {plotly_text(title)}: {rank:.2f}" for title, rank in zip(over.titles, row.ranks, strict=True)
            ],
        ))  # fmt: skip
        traces.append(go.Scatter(
            mode="markers", legendgroup=row.name, x=[row.mean.value], y=[place], hoverinfo="text",
            hovertext=[f"<b>{name}</b><br>mean rank {wording.estimate(row.mean)}"],
            error_x=_interval(row, look.colour),
            marker=go.scatter.Marker(color=look.colour, size=11, symbol=look.symbol),
        ))  # fmt: skip
    ticks = {"tickvals": list(range(len(shown))), "ticktext": [short_text(row.name, 36) for row, _ in shown]}
    worst = float(len(over.rows))
    caption = f"Large: the mean rank with its 95 % interval; small: the rank on each data set.{_cut(over)}"
    shapes = []
    if over.chance:
        level = mean(over.chance.ranks)
        worst, shapes = max(worst, level), [dashed(level, "x")]
        caption += f" Dashed: the level of chance, which would have the mean rank {level:.2f}."
    x = x_axis("rank (1: beats all others)", range=[0.9, worst + 0.1])
    y = y_axis("", range=[len(shown) - 0.5, -0.5], showgrid=False, ticks="", **ticks)
    drawing = figure(traces, x, y, 90 + 34 * len(shown), shapes=shapes)
    return Plot("Rank of each variant", caption, drawing, wide=True)


def _interval(row: Row, colour: str) -> dict[str, object]:
    """The properties of Plotly's error bar, which is invisible where there is no interval."""
    rank = row.mean
    if rank.low is None or rank.high is None:
        return {"visible": False}
    ends = {"array": [rank.high - rank.value], "arrayminus": [rank.value - rank.low]}
    return {"type": "data", "symmetric": False, **ends, "color": colour, "thickness": 1.4, "width": 4}


def _profiles(over: OverDataSets) -> Plot:
    """For each variant the share of its runs with an error of at most so many times the best one."""
    finite = [
        ratio for row, _ in styled(over) for runs in row.ratios for ratio in runs if 1 < ratio < math.inf
    ]  # fmt: skip
    end = 1.05 * max(finite, default=1.2)
    caption = (
        "How many of a variant's runs have an error of at most so many times the mean error of the best variant on the "
        f"data set: the higher, the better. Error: 1 less the score where higher is better.{_cut(over)}"
    )
    traces = []
    if over.chance:
        worst = max(over.chance.ratios)
        if has_room(math.log(max(1.0, worst)), [0.0, math.log(end)]):
            end = max(end, 1.05 * worst)
            traces.append(_chance(over.chance.ratios, end))
            caption += " Dashed: the level of chance."
        else:
            caption += f" The level of chance, up to {worst:.3g} times the best error, is outside the plot."
    traces += [_profile(row, look, end) for row, look in styled(over)]
    ticks = [tick for tick in TICKS if tick <= end and (end < 3 or tick not in CLOSE)]
    x = x_axis(
        "error, as a multiple of the best", type="log", range=[0, math.log10(end)], tickvals=ticks,
        ticktext=[f"{tick:,}" for tick in ticks], tickangle=0,
    )  # fmt: skip
    y = y_axis("share of runs", range=[-MARGIN, 1 + MARGIN], tickformat=".0%")
    return Plot("Performance profiles", caption, figure(traces, x, y, 420), wide=True)


def _profile(row: Row, look: Style, end: float) -> go.Scatter:
    """A line with a step at each ratio of the variant."""
    x, shares = _steps(row.ratios, end)
    return go.Scatter(
        mode="lines", legendgroup=row.name, x=x, y=shares, hoverinfo="text",
        line=go.scatter.Line(color=look.colour, width=2, dash=look.dash, shape="hv"), hovertext=[
            f"<b>{plotly_text(row.name)}</b><br>{share:.0%} of runs within {most:.3g} times the best error"
            for most, share in zip(x, shares, strict=True)
        ],
    )  # fmt: skip


def _chance(ratios: Sequence[float], end: float) -> go.Scatter:
    """The same line for the level of chance, which has one score on each data set."""
    x, shares = _steps([[ratio] for ratio in ratios], end)
    line = go.scatter.Line(color=GREY, width=1, dash="dash", shape="hv")
    return go.Scatter(mode="lines", name="level of chance", x=x, y=shares, line=line, hoverinfo="name")


def _steps(ratios: Sequence[Sequence[float]], end: float) -> tuple[list[float], list[float]]:
    """The ratios at which a performance profile steps, up to ``end``, and its shares there."""
    x = sorted({1.0, *(max(1.0, ratio) for runs in ratios for ratio in runs if ratio < math.inf), end})
    return x, [share_within(ratios, most) for most in x]
