"""The plots of a group, as Plotly's figures in plain dictionaries: data, layout, and a title and caption around them.

Each function here makes figures of one kind from a group; a further kind is one function more in KINDS. A trace carries
its variant's name as ``legendgroup``, by which the page shows and hides a variant in all plots at once.
"""

from collections.abc import Callable
from html import escape
from math import ceil
from statistics import mean
from typing import Any

from harness.analysis.comparability import LATENCY, THROUGHPUT, ComparisonGroup, HardwareGroup, known
from harness.analysis.variant_names import MOST_PARTS
from harness.analysis.variants import Variant
from harness.records.metrics import short_name
from harness.report import text as wording
from harness.report.html.document import Figure
from harness.report.html.labels import sides
from harness.report.html.style import GREY, Trace, axis, figure, span, style
from harness.report.tables import best_first

MOST_VARIANTS = 30
"""Variants that a plot of one line each shows, the best ones; points have room for all."""
MOST_BANDS = 8
"""Variants up to which curves have bands: more of them hide each other."""
MOST_NAMED = 8
"""Points up to which each has its name beside it."""
CURVES = ("val/accuracy", "val/label_error_rate", "val/loss", "val/mse")
"""What there are curves of, as far as it was measured."""


def figures(group: ComparisonGroup) -> list[Figure]:
    """All plots of a group; none for a group without a finished run."""
    variants = [variant for variant in best_first(group, group.variants) if group.quality in variant.means]
    styles = {variant.name: style(index) for index, variant in enumerate(variants)}
    return [one for kind in KINDS for one in kind(group, variants, styles)] if variants else []


def _short(name: str, most: int = 30) -> str:
    """A name for where room is scarce."""
    return escape(name if len(name) <= most else f"{name[: most - 1]}…")


def _hover(group: ComparisonGroup, variant: Variant) -> str:
    lines = [f"<b>{escape(variant.name)}</b> · {wording.seeds(variant)} seeds"]
    lines += [escape(variant.setting)] if len(variant.parts) - 1 > MOST_PARTS else []
    for metric in group.questions:
        if metric in variant.means:
            busy = " (busy machine)" if wording.mark(variant, metric) == "!" else ""
            lines.append(f"{short_name(metric)}: {wording.from_to(metric, variant.means[metric])}{busy}")
    return "<br>".join(lines)


def _error(metric: str, variant: Variant, colour: str) -> dict[str, Any]:
    """The 95 % interval as Plotly's error bar; nothing where there is none."""
    found = variant.means[metric]
    between = wording.bounds(metric, found)
    if between is None:
        return {"visible": False}
    low, high = between
    bar = {"type": "data", "symmetric": False, "array": [high - found.mean], "arrayminus": [found.mean - low]}
    return {**bar, "color": colour, "thickness": 1.4, "width": 4}


def ranking(group: ComparisonGroup, variants: list[Variant], styles: dict[str, dict[str, str]]) -> list[Figure]:
    """Each variant's mean quality with its interval and its single runs, the best on top."""
    shown, metric = variants[:MOST_VARIANTS], group.quality
    data: list[Trace] = []
    for place, variant in enumerate(shown):
        colour = styles[variant.name]["colour"]
        by_seed = variant.values(metric)
        data.append({
            "type": "scatter", "mode": "markers", "legendgroup": variant.name, "x": list(by_seed.values()),
            "y": [place] * len(by_seed), "marker": {"color": colour, "size": 7, "opacity": 0.35},
            "hovertext": [f"{escape(variant.name)}, seed {seed}: {value:.4g}" for seed, value in by_seed.items()],
            "hoverinfo": "text",
        })  # fmt: skip
        data.append({
            "type": "scatter", "mode": "markers", "legendgroup": variant.name, "x": [variant.means[metric].mean],
            "y": [place], "error_x": _error(metric, variant, colour), "hovertext": [_hover(group, variant)],
            "hoverinfo": "text", "marker": {"color": colour, "size": 11, "symbol": styles[variant.name]["symbol"]},
        })  # fmt: skip
    ticks = {"tickvals": list(range(len(shown))), "ticktext": [_short(variant.name, 36) for variant in shown]}
    what = short_name(metric)
    cut = f" The {MOST_VARIANTS} best of {len(variants)} variants." if len(variants) > MOST_VARIANTS else ""
    plot = figure(
        f"{what.capitalize()} of each variant",
        f"Large: the mean over seeds with its 95 % interval; small: the single runs.{cut}", data,
        axis(what, **span(metric, data, "x")),
        axis("", range=[len(shown) - 0.5, -0.5], showgrid=False, ticks="", **ticks), 90 + 34 * len(shown),
    )  # fmt: skip
    return [{**plot, "wide": True}]


def tradeoffs(group: ComparisonGroup, variants: list[Variant], styles: dict[str, dict[str, str]]) -> list[Figure]:
    """Quality against latency, throughput and memory, one set for each hardware_group."""
    found = []
    for hardware_group in group.hardware_groups:
        for metric in (LATENCY, THROUGHPUT, group.memory):
            points = [variant for variant in variants if variant in hardware_group.variants and metric in variant.means]
            if points:
                where = f" ({hardware_group.title})" if len(group.hardware_groups) > 1 else ""
                found.append(_tradeoff(group, hardware_group, metric, points, styles, where))
    return found


def _tradeoff(
    group: ComparisonGroup, hardware_group: HardwareGroup, metric: str, points: list[Variant], styles: dict[str, dict[str, str]], where: str
) -> Figure:
    data: list[Trace] = []
    values = [variant.means[metric].mean for variant in points]
    wide = min(values) > 0 and max(values) / min(values) > 20
    names = [_short(variant.name, 20) for variant in points]
    places = sides(values, [variant.means[group.quality].mean for variant in points], names, wide)
    front = pareto(group, metric, [variant for variant in points if wording.mark(variant, metric) != "!"])
    if len(front) > 1:
        data.append({
            "type": "scatter", "mode": "lines", "x": [variant.means[metric].mean for variant in front],
            "y": [variant.means[group.quality].mean for variant in front], "hoverinfo": "skip",
            "line": {"color": GREY, "width": 1.5, "dash": "dot"}, "name": "Pareto front",
        })  # fmt: skip
    for variant, name, place in zip(points, names, places, strict=True):
        named = {"mode": "markers+text", "text": [name], "textposition": place} if len(points) <= MOST_NAMED else {}
        data.append(_point(group, metric, variant, styles[variant.name]) | named)
    what, better = short_name(metric), "more" if known(metric).higher_is_better else "less"
    unit = known(metric).unit
    title = f"{what}, {unit} ({better} is better)" if unit not in ("", "1/s") else f"{what} ({better} is better)"
    shows_hollow = any(wording.mark(variant, metric) == "!" for variant in points)
    hollow = " Hollow: measured on a busy machine, not on the front." if shows_hollow else ""
    line = "Dotted: the Pareto front, where nothing else is better in both." if len(front) > 1 else ""
    quality = short_name(group.quality)
    x = axis(title, rangemode="tozero", **({"type": "log"} if wide else {}))
    y = axis(quality, **span(group.quality, data, "y"))
    return figure(f"{quality.capitalize()} against {what}{where}", f"{line}{hollow}".strip(), data, x, y, 380)


def _point(group: ComparisonGroup, metric: str, variant: Variant, look: dict[str, str]) -> Trace:
    """A variant's mean with its intervals in both; hollow where it was measured on a busy machine."""
    hollow = "-open" if wording.mark(variant, metric) == "!" else ""
    return {
        "type": "scatter", "mode": "markers", "legendgroup": variant.name,
        "x": [variant.means[metric].mean], "y": [variant.means[group.quality].mean],
        "error_x": _error(metric, variant, look["colour"]), "error_y": _error(group.quality, variant, look["colour"]),
        "textfont": {"size": 11, "color": look["colour"]}, "hovertext": [_hover(group, variant)],
        "hoverinfo": "text", "cliponaxis": False,
        "marker": {"color": look["colour"], "size": 11, "symbol": look["symbol"] + hollow},
    }  # fmt: skip


def pareto(group: ComparisonGroup, metric: str, variants: list[Variant]) -> list[Variant]:
    """The variants that no other beats in quality without losing in the metric, along the metric."""
    sign = 1 if known(metric).higher_is_better else -1
    good = 1 if known(group.quality).higher_is_better else -1
    ordered = sorted(variants, key=lambda c: (-sign * c.means[metric].mean, -good * c.means[group.quality].mean))
    front: list[Variant] = []
    for variant in ordered:
        if not front or good * variant.means[group.quality].mean > good * front[-1].means[group.quality].mean:
            front.append(variant)
    return front


def curves(group: ComparisonGroup, variants: list[Variant], styles: dict[str, dict[str, str]]) -> list[Figure]:
    """What validation said by epoch, the mean over seeds with a band from the lowest seed to the highest."""
    found = []
    shown = variants[:MOST_VARIANTS]
    bands = len(shown) <= MOST_BANDS
    for metric in CURVES:
        title = f"validation {short_name(metric)}"
        data = [trace for variant in shown for trace in _curve(variant, metric, styles[variant.name], bands)]
        if data:
            cut = f" The {MOST_VARIANTS} best of {len(variants)} variants." if len(variants) > MOST_VARIANTS else ""
            band = "Band: from the lowest seed to the highest." if bands else "Hover for the lowest and highest seed."
            epochs = max(len(run.history) for variant in shown for run in variant.runs)
            whole = {"tick0": 1, "dtick": ceil(epochs / 10), **({"range": [0.5, 1.5]} if epochs == 1 else {})}
            x, y = axis("epoch", **whole), axis(title, **span(metric, data, "y"))
            found.append(figure(title.capitalize(), f"Mean over seeds. {band}{cut}", data, x, y, 380))
    return found


def _curve(variant: Variant, metric: str, look: dict[str, str], band: bool) -> list[Trace]:
    by_epoch: dict[int, list[float]] = {}
    for run in variant.runs:
        for epoch in run.history:
            if metric in epoch:
                by_epoch.setdefault(int(epoch["epoch"]), []).append(epoch[metric])
    if not by_epoch:
        return []
    epochs = sorted(by_epoch)
    values = [by_epoch[epoch] for epoch in epochs]
    line = {
        "type": "scatter", "mode": "lines+markers", "legendgroup": variant.name, "x": epochs,
        "y": [mean(some) for some in values], "line": {"color": look["colour"], "width": 2, "dash": look["dash"]},
        "marker": {"size": 5, "symbol": look["symbol"]}, "hoverinfo": "text",
        "hovertext": [
            f"<b>{escape(variant.name)}</b><br>epoch {epoch}: {mean(some):.4g} ({min(some):.4g} to {max(some):.4g}, "
            f"{len(some)} seeds)"
            for epoch, some in zip(epochs, values, strict=True)
        ],
    }  # fmt: skip
    if not band or max(map(len, values)) < 2:
        return [line]
    around = {
        "type": "scatter", "mode": "lines", "legendgroup": variant.name, "x": epochs + epochs[::-1],
        "y": [max(some) for some in values] + [min(some) for some in reversed(values)], "fill": "toself",
        "fillcolor": look["colour"] + "22", "line": {"width": 0}, "hoverinfo": "skip",
    }  # fmt: skip
    return [around, line]


KINDS: tuple[Callable[[ComparisonGroup, list[Variant], dict[str, dict[str, str]]], list[Figure]], ...] = (ranking, tradeoffs, curves)
