"""The plots of serving: throughput and latency against the batch size."""

import plotly.graph_objects as go

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.serving import ServedModel, served_models
from harness.report.html.style import Plot, Style, figure, logarithmic, style, x_axis, y_axis
from harness.report.html.variant_marks import plotly_text, styled

CAPTION = "The newest run of each variant, from text to answer in ONNX Runtime; dotted: in int8."
QUANTITIES = {"sequences_per_second": "Sequences served per second", "latency_p50_ms": "Median time of a batch, ms"}


def plots(group: ComparisonGroup) -> list[Plot]:
    """A plot of each quantity, in the styles of the group's other plots; none where nothing was served."""
    models = [one for one in served_models(group) if one.curve]
    return [_plot(group, models, quantity) for quantity in QUANTITIES if models]


def _plot(group: ComparisonGroup, models: list[ServedModel], quantity: str) -> Plot:
    title, looks = QUANTITIES[quantity], styled(group)
    lines = [_line(one, quantity, looks.get(one.variant, style(index))) for index, one in enumerate(models)]
    x = x_axis("batch size", type="log", tickvals=_sizes(models), ticktext=list(map(str, _sizes(models))))
    y = y_axis(title, **logarithmic([value for line in lines for value in line.y]))
    return Plot(f"{title} against the batch size", CAPTION, figure(lines, x, y, 380))


def _sizes(models: list[ServedModel]) -> list[int]:
    return sorted({round(point["batch_size"]) for one in models for point in one.curve})


def _line(one: ServedModel, quantity: str, look: Style) -> go.Scatter:
    hover = [
        f"<b>{plotly_text(one.variant.name)}</b>, {one.form}<br>batch size {point['batch_size']:.0f}: "
        f"{point['sequences_per_second']:,.4g} sequences/s, {point['latency_p50_ms']:.4g} ms" for point in one.curve
    ]  # fmt: skip
    return go.Scatter(
        mode="lines+markers", legendgroup=one.variant.name, x=[point["batch_size"] for point in one.curve],
        y=[point[quantity] for point in one.curve], hovertext=hover, hoverinfo="text",
        line=go.scatter.Line(color=look.colour, width=2, dash="dot" if one.form == "int8" else "solid"),
        marker=go.scatter.Marker(size=7, symbol=look.symbol),
    )  # fmt: skip
