"""The plot of the expected best validation score against the number of trials."""

import plotly.graph_objects as go

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.tuned import TunedVariant, tuned_variants
from harness.records.metrics import number, short_name
from harness.report.html.style import Plot, Style, figure, share_range, style, x_axis, y_axis
from harness.report.html.variant_marks import plotly_text, styled
from harness.report.tuned import CAPTION


def plots(group: ComparisonGroup) -> list[Plot]:
    """The plot of a group's tuned variants, in the styles of its other plots; none if nothing was tuned."""
    tuned = tuned_variants(group)
    if not tuned:
        return []
    metric, looks = tuned[0].tuning.metric, styled(group)
    lines = [_line(one, looks.get(one.variant, style(index))) for index, one in enumerate(tuned)]
    most = max(len(one.expected) for one in tuned)
    x = x_axis("trials", dtick=max(1, most // 8), rangemode="normal")
    y = y_axis(short_name(metric), **share_range(metric, lines, "y"))
    drawing = figure(lines, x, y, 380)
    return [Plot(f"Expected best {short_name(metric)} on validation against the number of trials", CAPTION, drawing)]


def _line(one: TunedVariant, look: Style) -> go.Scatter:
    chosen = ", ".join(f"{key}={value}" for key, value in one.tuning.chosen.items())
    hover = [
        f"<b>{plotly_text(one.variant.name)}</b><br>best of {n}: {number(one.tuning.metric, score)}"
        f"<br>chosen: {plotly_text(chosen)}" for n, score in enumerate(one.expected, 1)
    ]  # fmt: skip
    return go.Scatter(
        mode="lines+markers", legendgroup=one.variant.name, x=list(range(1, len(one.expected) + 1)), y=one.expected,
        line=go.scatter.Line(color=look.colour, width=2, dash=look.dash),
        marker=go.scatter.Marker(size=7, symbol=look.symbol), hovertext=hover, hoverinfo="text",
    )  # fmt: skip
