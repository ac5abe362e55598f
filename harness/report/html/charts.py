"""The plots of a comparison group: a ranking, trade-offs between quality and cost, learning curves.

Each function of KINDS makes the plots of one kind; another kind is one more function there. A trace carries the name of
its variant as ``legendgroup``, by which the page shows and hides a variant in all plots at once.
"""

from collections.abc import Callable
from html import escape
from math import ceil
from statistics import mean
from typing import Any

import plotly.graph_objects as go

from harness.analysis.comparability import ComparisonGroup, HardwareGroup, best_first
from harness.analysis.pools import pools
from harness.analysis.variant_names import MOST_PARTS
from harness.analysis.variants import Variant
from harness.records.metrics import LATENCY, THROUGHPUT, known, short_name
from harness.report import text
from harness.report.html.chance_line import chance_line
from harness.report.html.label_placement import text_positions
from harness.report.html.style import GREY, Plot, Style, figure, share_range, style, x_axis, y_axis
from harness.report.verdict_text import BUSY, mark

MOST_VARIANTS = 30
"""Rankings and curves show so many variants, the best ones; trade-offs show all."""
MOST_BANDS = 8
"""Curves of up to so many variants have bands: more bands hide each other."""
MOST_NAMED = 8
"""In a trade-off of up to so many points, each has its name beside it."""
CURVES = ("val/accuracy", "val/label_error_rate", "val/loss", "val/mse")
"""The learning curves, where they were measured."""

Styled = dict[Variant, Style]
"""The variants of a group that have a quality, the best first, with their styles."""


def styled(group: ComparisonGroup) -> Styled:
    """The variants that the plots of a group show."""
    variants = [variant for variant in best_first(group, group.variants) if group.quality in variant.means]
    return {variant: style(index) for index, variant in enumerate(variants)}


def plots(group: ComparisonGroup) -> list[Plot]:
    """All plots of a group; none for a group without a finished run."""
    variants = styled(group)
    return [plot for kind in KINDS for plot in kind(group, variants)] if variants else []


def plotly_text(content: str) -> str:
    """Text from data or configs, for Plotly, which reads tags such as ``<b>`` in every text."""
    return escape(content, quote=False)


def short_text(name: str, most: int) -> str:
    """A name of at most so many characters."""
    return plotly_text(name if len(name) <= most else f"{name[: most - 1]}…")


def _hover(group: ComparisonGroup, variant: Variant) -> str:
    lines = [f"<b>{plotly_text(variant.name)}</b> · {text.seeds(variant)} seeds"]
    lines += [plotly_text(variant.setting)] if len(variant.parts) - 1 > MOST_PARTS else []
    for metric in group.questions:
        if metric in variant.means:
            busy = " (busy machine)" if mark(group, variant, metric) == BUSY else ""
            lines.append(f"{short_name(metric)}: {text.from_to(metric, variant.means[metric])}{busy}")
    return "<br>".join(lines)


def _interval(metric: str, variant: Variant, colour: str) -> dict[str, Any]:
    """The 95 % interval as the properties of Plotly's error bar, which is invisible where there is no interval."""
    average = variant.means[metric]
    between = text.bounds(metric, average)
    if between is None:
        return {"visible": False}
    low, high = between
    ends = {"array": [high - average.mean], "arrayminus": [average.mean - low]}
    return {"type": "data", "symmetric": False, **ends, "color": colour, "thickness": 1.4, "width": 4}


def ranking(group: ComparisonGroup, variants: Styled) -> list[Plot]:
    """Each variant's mean quality with its interval and its single runs, the best on top."""
    metric, shown = group.quality, list(variants)[:MOST_VARIANTS]
    traces = []
    for place, variant in enumerate(shown):
        look, by_seed = variants[variant], variant.values(metric)
        traces.append(go.Scatter(
            mode="markers", legendgroup=variant.name, x=list(by_seed.values()), y=[place] * len(by_seed),
            marker=go.scatter.Marker(color=look.colour, size=7, opacity=0.35), hoverinfo="text",
            hovertext=[f"{plotly_text(variant.name)}, seed {seed}: {value:.4g}" for seed, value in by_seed.items()],
        ))  # fmt: skip
        traces.append(go.Scatter(
            mode="markers", legendgroup=variant.name, x=[variant.means[metric].mean], y=[place],
            error_x=_interval(metric, variant, look.colour), hovertext=[_hover(group, variant)], hoverinfo="text",
            marker=go.scatter.Marker(color=look.colour, size=11, symbol=look.symbol),
        ))  # fmt: skip
    ticks = {"tickvals": list(range(len(shown))), "ticktext": [short_text(variant.name, 36) for variant in shown]}
    what = short_name(metric)
    chance = chance_line(group, metric, traces, "x")
    x = x_axis(what, **share_range(metric, traces, "x", chance.reach))
    y = y_axis("", range=[len(shown) - 0.5, -0.5], showgrid=False, ticks="", **ticks)
    caption = f"Large: the mean over seeds with its 95 % interval; small: the single runs.{_cut(variants)}"
    drawing = figure(traces, x, y, 90 + 34 * len(shown), shapes=chance.shapes)
    return [Plot(f"{what.capitalize()} of each variant", f"{caption} {chance.caption}".strip(), drawing, wide=True)]


def _cut(variants: Styled) -> str:
    """A sentence about the variants that a plot does not show."""
    return f" The {MOST_VARIANTS} best of {len(variants)} variants." if len(variants) > MOST_VARIANTS else ""


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
    logarithmic = min(values) > 0 and max(values) / min(values) > 20
    traces = [_front(front, metric, quality) for front in fronts]
    traces += [_point(group, metric, variant, look, hollow=variant in busy) for variant, look in points.items()]
    if len(points) <= MOST_NAMED:
        names = [short_text(variant.name, 20) for variant in points]
        ends = [end for variant in points for end in text.bounds(metric, variant.means[metric]) or ()]
        sides = text_positions(values, [variant.means[quality].mean for variant in points], names, logarithmic, ends)
        for trace, name, side in zip(traces[-len(points) :], names, sides, strict=True):
            trace.update(mode="markers+text", text=[name], textposition=side)
    name, unit, better = short_name(metric), known(metric).unit, "more" if known(metric).higher_is_better else "less"
    title = f"{name}, {unit} ({better} is better)" if unit not in ("", "1/s") else f"{name} ({better} is better)"
    x = x_axis(title, rangemode="tozero", type="log" if logarithmic else None)
    chance = chance_line(group, quality, traces, "y")
    y = y_axis(short_name(quality), **share_range(quality, traces, "y", chance.reach))
    where = f" ({hardware.title})" if len(group.hardware_groups) > 1 else ""
    dotted = "Dotted: the Pareto front, where no other variant is better in both." if fronts else ""
    hollow = "Hollow: measured on a busy machine, not on the front." if busy else ""
    tokens = "Tokens of different tokenizers are not alike: no front joins them." if sum(map(bool, alike)) > 1 else ""
    caption = " ".join(filter(None, (dotted, hollow, tokens, chance.caption)))
    drawing = figure(traces, x, y, 380, shapes=chance.shapes)
    return Plot(f"{short_name(quality).capitalize()} against {name}{where}", caption, drawing)


def _front(front: list[Variant], metric: str, quality: str) -> go.Scatter:
    return go.Scatter(
        mode="lines", name="Pareto front", hoverinfo="skip", line=go.scatter.Line(color=GREY, width=1.5, dash="dot"),
        x=[variant.means[metric].mean for variant in front], y=[variant.means[quality].mean for variant in front],
    )  # fmt: skip


def _point(group: ComparisonGroup, metric: str, variant: Variant, look: Style, hollow: bool) -> go.Scatter:
    """A variant's mean with its intervals in both directions; hollow if it was measured on a busy machine."""
    symbol = f"{look.symbol}-open" if hollow else look.symbol
    return go.Scatter(
        mode="markers", legendgroup=variant.name, cliponaxis=False, hovertext=[_hover(group, variant)],
        hoverinfo="text", x=[variant.means[metric].mean], y=[variant.means[group.quality].mean],
        error_x=_interval(metric, variant, look.colour), error_y=_interval(group.quality, variant, look.colour),
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


def curves(group: ComparisonGroup, variants: Styled) -> list[Plot]:
    """Validation by epoch: the mean over seeds, with a band from the lowest seed to the highest."""
    drawn = []
    shown = dict(list(variants.items())[:MOST_VARIANTS])
    bands = len(shown) <= MOST_BANDS
    for metric in CURVES:
        traces = [trace for variant, look in shown.items() for trace in _curve(variant, metric, look, bands)]
        if traces:
            title = f"validation {short_name(metric)}"
            band = "Band: from the lowest seed to the highest." if bands else "Hover for the lowest and highest seed."
            epochs = max(len(run.history) for variant in shown for run in variant.runs)
            x = x_axis("epoch", tick0=1, dtick=ceil(epochs / 10), range=[0.5, 1.5] if epochs == 1 else None)
            chance = chance_line(group, metric, traces, "y")
            y = y_axis(title, **share_range(metric, traces, "y", chance.reach))
            caption = f"Mean over seeds. {band}{_cut(variants)} {chance.caption}".strip()
            drawn.append(Plot(title.capitalize(), caption, figure(traces, x, y, 380, shapes=chance.shapes)))
    return drawn


def _curve(variant: Variant, metric: str, look: Style, band: bool) -> list[go.Scatter]:
    """The line of a variant over its mean values; below it the band, if wanted and if there is more than one seed."""
    by_epoch: dict[int, list[float]] = {}
    for run in variant.runs:
        for epoch in run.history:
            if metric in epoch:
                by_epoch.setdefault(int(epoch["epoch"]), []).append(epoch[metric])
    if not by_epoch:
        return []
    epochs, values = zip(*sorted(by_epoch.items()), strict=True)
    line = go.Scatter(
        mode="lines+markers", legendgroup=variant.name, x=epochs, y=[mean(seeds) for seeds in values],
        line=go.scatter.Line(color=look.colour, width=2, dash=look.dash), hoverinfo="text",
        marker=go.scatter.Marker(size=5, symbol=look.symbol), hovertext=[
            f"<b>{plotly_text(variant.name)}</b><br>epoch {epoch}: {mean(seeds):.4g} ({min(seeds):.4g} to "
            f"{max(seeds):.4g}, {len(seeds)} seeds)" for epoch, seeds in zip(epochs, values, strict=True)
        ],
    )  # fmt: skip
    if not band or max(map(len, values)) < 2:
        return [line]
    around = go.Scatter(
        mode="lines", legendgroup=variant.name, x=epochs + epochs[::-1], fill="toself", fillcolor=f"{look.colour}22",
        y=[*map(max, values), *map(min, reversed(values))], line=go.scatter.Line(width=0), hoverinfo="skip",
    )  # fmt: skip
    return [around, line]


KINDS: tuple[Callable[[ComparisonGroup, Styled], list[Plot]], ...] = (ranking, tradeoffs, curves)
