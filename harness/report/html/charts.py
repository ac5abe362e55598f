"""The plots of a comparison group: a ranking, trade-offs between quality and cost, learning curves.

Each function of KINDS makes the plots of one kind; another kind is one more function there. A trace carries the name of
its variant as ``legendgroup``, by which the page shows and hides a variant in all plots at once.
"""

from collections.abc import Callable
from math import ceil
from statistics import mean

import plotly.graph_objects as go

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.variants import Variant
from harness.records.metrics import BEST_EPOCH, short_name
from harness.report.html.chance_line import chance_line
from harness.report.html.style import Plot, Style, figure, share_range, x_axis, y_axis
from harness.report.html.tradeoffs import tradeoffs
from harness.report.html.variant_marks import (
    MOST_VARIANTS,
    Styled,
    cut,
    hover,
    interval,
    plotly_text,
    short_text,
    styled,
)

MOST_BANDS = 8
"""Curves of up to so many variants have bands: more bands hide each other."""
CURVES = ("val/accuracy", "val/label_error_rate", "val/loss", "val/mse")
"""The learning curves, where they were measured."""


def plots(group: ComparisonGroup) -> list[Plot]:
    """All plots of a group; none for a group without a finished run."""
    variants = styled(group)
    return [plot for kind in KINDS for plot in kind(group, variants)] if variants else []


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
            error_x=interval(metric, variant, look.colour), hovertext=[hover(group, variant)], hoverinfo="text",
            marker=go.scatter.Marker(color=look.colour, size=11, symbol=look.symbol),
        ))  # fmt: skip
    ticks = {"tickvals": list(range(len(shown))), "ticktext": [short_text(variant.name, 36) for variant in shown]}
    what = short_name(metric)
    chance = chance_line(group, metric, traces, "x")
    x = x_axis(what, **share_range(metric, traces, "x", chance.reach))
    y = y_axis("", range=[len(shown) - 0.5, -0.5], showgrid=False, ticks="", **ticks)
    caption = f"Large: the mean over seeds with its 95 % interval; small: the single runs.{cut(variants)}"
    drawing = figure(traces, x, y, 90 + 34 * len(shown), shapes=chance.shapes)
    return [Plot(f"{what.capitalize()} of each variant", f"{caption} {chance.caption}".strip(), drawing, wide=True)]


def curves(group: ComparisonGroup, variants: Styled) -> list[Plot]:
    """Validation by epoch: the mean over seeds, a band from the lowest seed to the highest, and the best epochs."""
    drawn = []
    shown = dict(list(variants.items())[:MOST_VARIANTS])
    bands = len(shown) <= MOST_BANDS
    for metric in CURVES:
        traces = [trace for variant, look in shown.items() for trace in _curve(variant, metric, look, bands)]
        if traces:
            rings = [ring for variant, look in shown.items() for ring in _best_epochs(variant, metric, look)]
            traces += rings
            title = f"validation {short_name(metric)}"
            band = "Band: from the lowest seed to the highest." if bands else "Hover for the lowest and highest seed."
            epochs = max(len(run.history) for variant in shown for run in variant.runs)
            x = x_axis("epoch", tick0=1, dtick=ceil(epochs / 10), range=[0.5, 1.5] if epochs == 1 else None)
            chance = chance_line(group, metric, traces, "y")
            y = y_axis(title, **share_range(metric, traces, "y", chance.reach))
            ringed = " Ring: the best epoch of a run, whose weights were tested." if rings else ""
            caption = f"Mean over seeds. {band}{ringed}{cut(variants)} {chance.caption}".strip()
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


def _best_epochs(variant: Variant, metric: str, look: Style) -> list[go.Scatter]:
    """A ring at the best epoch of each run of a variant, at the run's own value."""
    best = [
        (run.seed, epoch) for run in variant.runs for epoch in run.history
        if metric in epoch and epoch["epoch"] == run.metrics.get(BEST_EPOCH)
    ]  # fmt: skip
    name = plotly_text(variant.name)
    rings = go.Scatter(
        mode="markers", legendgroup=variant.name, x=[epoch["epoch"] for _, epoch in best],
        y=[epoch[metric] for _, epoch in best], hoverinfo="text",
        hovertext=[f"{name}, seed {seed}: best epoch {epoch['epoch']:.0f}" for seed, epoch in best],
        marker=go.scatter.Marker(size=12, color=look.colour, symbol="circle-open", line={"width": 2}),
    )  # fmt: skip
    return [rings] if best else []


KINDS: tuple[Callable[[ComparisonGroup, Styled], list[Plot]], ...] = (ranking, tradeoffs, curves)
