"""The plots of quality against a cost: every variant is a point, and the best compromises are a front.

The best variants and those on a front have colours; with many variants, the others are grey.
"""

import plotly.graph_objects as go

from harness.analysis.comparability import ComparisonGroup, HardwareGroup
from harness.analysis.pools import pools
from harness.analysis.variants import Variant
from harness.records.metrics import LATENCY, THROUGHPUT, known, short_name
from harness.report import text
from harness.report.html.chance_line import chance_line
from harness.report.html.label_placement import text_positions
from harness.report.html.style import GREY, Plot, Style, figure, logarithmic, share_range, x_axis, y_axis
from harness.report.html.variant_marks import MOST_VARIANTS, Styled, hover, interval, plotly_text, short_text
from harness.report.verdict_text import BUSY, mark

MOST_NAMED = 8
"""In a trade-off of up to so many points, each has its name beside it."""


def tradeoffs(group: ComparisonGroup, variants: Styled) -> list[Plot]:
    """Quality against latency, throughput and memory, one set of plots for each hardware group."""
    drawn = []
    for hardware in group.hardware_groups:
        for metric in (LATENCY, THROUGHPUT, group.memory):
            points = {variant: look for variant, look in variants.items() if variant in hardware.variants}
            points = {variant: look for variant, look in points.items() if metric in variant.means}
            if points:
                drawn.append(_tradeoff(group, hardware, metric, points))
    return drawn


def _tradeoff(group: ComparisonGroup, hardware: HardwareGroup, metric: str, points: Styled) -> Plot:
    quality = group.quality
    busy = {variant for variant in points if mark(group, variant, metric) == BUSY}
    alike = [[variant for variant in pool if variant in points] for pool in pools(group, metric)]
    fronts = [front for pool in alike if len(front := pareto(group, metric, pool)) > 1]
    values = [variant.means[metric].mean for variant in points]
    bounds = [end for variant in points for end in text.bounds(metric, variant.means[metric]) or ()]
    is_wide = min(values) > 0 and max(values) / min(values) > 20
    on_fronts = {variant for front in fronts for variant in front}
    drawn = {variant: look for number, (variant, look) in enumerate(points.items())
             if number < MOST_VARIANTS or variant in on_fronts}  # fmt: skip
    others = [variant for variant in points if variant not in drawn]
    traces = [_others(metric, quality, others)] if others else []
    traces += [_front(front, metric, quality) for front in fronts]
    traces += [_point(group, metric, variant, look, hollow=variant in busy) for variant, look in drawn.items()]
    if len(points) <= MOST_NAMED:
        names = [short_text(variant.name, 20) for variant in points]
        sides = text_positions(values, [variant.means[quality].mean for variant in points], names, is_wide, bounds)
        for trace, name, side in zip(traces[-len(points) :], names, sides, strict=True):
            trace.update(mode="markers+text", text=[name], textposition=side)
    name, unit, better = short_name(metric), known(metric).unit, "more" if known(metric).higher_is_better else "less"
    title = f"{name}, {unit} ({better} is better)" if unit not in ("", "1/s") else f"{name} ({better} is better)"
    shown = [*values, *(end for end in bounds if end > 0)]
    x = x_axis(title, **logarithmic(shown)) if is_wide else x_axis(title, rangemode="tozero")
    chance = chance_line(group, quality, traces, "y")
    y = y_axis(short_name(quality), **share_range(quality, traces, "y", chance.reach))
    where = f" ({hardware.title})" if len(group.hardware_groups) > 1 else ""
    dotted = "Dotted: the Pareto front, where no other variant is better in both." if fronts else ""
    hollow = "Hollow: measured on a busy machine, not on the front." if busy else ""
    tokens = "Tokens of different tokenizers are not alike: no front joins them." if sum(map(bool, alike)) > 1 else ""
    grey = f"Grey: {len(others)} further variants." if others else ""
    caption = " ".join(filter(None, (dotted, hollow, tokens, grey, chance.caption)))
    drawing = figure(traces, x, y, 380, shapes=chance.shapes)
    return Plot(f"{short_name(quality).capitalize()} against {name}{where}", caption, drawing)


def _front(front: list[Variant], metric: str, quality: str) -> go.Scatter:
    return go.Scatter(
        mode="lines", name="Pareto front", hoverinfo="skip", line=go.scatter.Line(color=GREY, width=1.5, dash="dot"),
        x=[variant.means[metric].mean for variant in front], y=[variant.means[quality].mean for variant in front],
    )  # fmt: skip


def _others(metric: str, quality: str, variants: list[Variant]) -> go.Scatter:
    """The means of the variants that have no colour of their own, because there are too many."""
    return go.Scatter(
        mode="markers", name="further variants", hoverinfo="text", marker=go.scatter.Marker(color=GREY, size=5),
        hovertext=[plotly_text(variant.name) for variant in variants],
        x=[variant.means[metric].mean for variant in variants], y=[variant.means[quality].mean for variant in variants],
    )  # fmt: skip


def _point(group: ComparisonGroup, metric: str, variant: Variant, look: Style, hollow: bool) -> go.Scatter:
    """A variant's mean with its intervals in both directions; hollow if it was measured on a busy machine."""
    symbol = f"{look.symbol}-open" if hollow else look.symbol
    return go.Scatter(
        mode="markers", legendgroup=variant.name, cliponaxis=False, hovertext=[hover(group, variant)],
        hoverinfo="text", x=[variant.means[metric].mean], y=[variant.means[group.quality].mean],
        error_x=interval(metric, variant, look.colour), error_y=interval(group.quality, variant, look.colour),
        textfont=go.scatter.Textfont(size=11, color=look.colour),
        marker=go.scatter.Marker(color=look.colour, size=11, symbol=symbol),
    )  # fmt: skip


def pareto(group: ComparisonGroup, metric: str, variants: list[Variant]) -> list[Variant]:
    """The variants that no other beats in quality without losing in the metric, along the metric."""
    sign = 1 if known(metric).higher_is_better else -1
    good = 1 if known(group.quality).higher_is_better else -1
    ordered = sorted(variants, key=lambda v: (-sign * v.means[metric].mean, -good * v.means[group.quality].mean))
    front: list[Variant] = []
    for variant in ordered:
        if not front or good * variant.means[group.quality].mean > good * front[-1].means[group.quality].mean:
            front.append(variant)
    return front
