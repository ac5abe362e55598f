"""The plot of quality against the number of training rows."""

import plotly.graph_objects as go
from numpy import geomspace

from harness.analysis.training_rows import Curve, Curves
from harness.records.metrics import known, short_name
from harness.report import text
from harness.report.html.chance_line import line_at
from harness.report.html.style import Plot, Style, figure, share_range, style, x_axis, y_axis
from harness.report.html.variant_marks import plotly_text
from harness.report.training_rows import CAPTION, trend


def plot(curves: Curves) -> Plot:
    """A line for each variant over the logarithm of the rows; dotted the fitted trend, up to twice the most rows."""
    lines = [_line(curves, curve, style(index)) for index, curve in enumerate(curves.curves)]
    trends = [_trend(curves, curve, style(index)) for index, curve in enumerate(curves.curves) if curve.fit]
    sizes = sorted({rows for curve in curves.curves for rows in curve.points})
    x = x_axis("training rows", type="log", tickvals=sizes, ticktext=[f"{rows:,}" for rows in sizes])
    chance = line_at(curves.chance, curves.metric, [*lines, *trends], "y")
    y = y_axis(short_name(curves.metric), **share_range(curves.metric, [*lines, *trends], "y", chance.reach))
    legend = go.layout.Legend(orientation="h", y=-0.2, font={"size": 12})
    look = {"showlegend": True, "legend": legend, "shapes": chance.shapes}
    drawing = figure([*trends, *lines], x, y, 420 + 10 * len(lines), **look)
    caption = f"{CAPTION} Bars: 95 % intervals over seeds. Dotted: the fitted power law of the error. {chance.caption}"
    title = f"{short_name(curves.metric).capitalize()} against training rows"
    return Plot(title, caption.strip(), drawing, wide=True)


def _line(curves: Curves, curve: Curve, look: Style) -> go.Scatter:
    means = list(curve.points.values())
    ends = [text.bounds(curves.metric, mean) or (mean.mean, mean.mean) for mean in means]
    bars = {
        "array": [high - mean.mean for mean, (_, high) in zip(means, ends, strict=True)],
        "arrayminus": [mean.mean - low for mean, (low, _) in zip(means, ends, strict=True)],
    }
    hover = [
        f"<b>{plotly_text(curve.name)}</b><br>{rows:,} rows: {text.from_to(curves.metric, mean)}, {mean.n} seeds"
        f"<br>{plotly_text(trend(curves, curve))}" for rows, mean in curve.points.items()
    ]  # fmt: skip
    return go.Scatter(
        mode="lines+markers", name=plotly_text(curve.name), x=list(curve.points), y=[mean.mean for mean in means],
        line=go.scatter.Line(color=look.colour, width=2), marker=go.scatter.Marker(size=8, symbol=look.symbol),
        error_y={"type": "data", "symmetric": False, **bars, "thickness": 1.4, "width": 4},
        hovertext=hover, hoverinfo="text",
    )  # fmt: skip


def _trend(curves: Curves, curve: Curve, look: Style) -> go.Scatter:
    assert curve.fit is not None
    rows = geomspace(min(curve.points), 2 * max(curve.points), 40)
    values = [curves.quality(curve.fit.error(n)) for n in rows]
    low, high = known(curves.metric).bounds
    values = [min(max(value, low), high) for value in values]
    return go.Scatter(
        mode="lines", x=rows.tolist(), y=values, hoverinfo="skip", showlegend=False,
        line=go.scatter.Line(color=look.colour, width=1.5, dash="dot"),
    )  # fmt: skip
