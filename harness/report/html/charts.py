"""The plots of a board, as Plotly's figures in plain dictionaries: data, layout, and a title and caption around them.

Each function here makes figures of one kind from a board; a further kind is one function more in KINDS. A trace carries
its cell's name as ``legendgroup``, by which the page shows and hides a cell in all plots at once.
"""

from collections.abc import Callable
from html import escape
from math import ceil
from statistics import mean
from typing import Any

from harness.analysis.comparability import LATENCY, THROUGHPUT, Block, Board, known
from harness.analysis.variant_names import MOST_PARTS
from harness.analysis.variants import Cell
from harness.report import text as wording
from harness.report.html.document import Figure
from harness.report.html.labels import sides
from harness.report.html.style import GREY, Trace, axis, figure, span, style
from harness.report.tables import best_first

MOST_CELLS = 30
"""Cells that a plot of one line each shows, the best ones; points have room for all."""
MOST_BANDS = 8
"""Cells up to which curves have bands: more of them hide each other."""
MOST_NAMED = 8
"""Points up to which each has its name beside it."""
CURVES = {
    "val/accuracy": "validation accuracy", "val/label_error_rate": "validation label error rate",
    "val/loss": "validation loss", "val/mse": "validation squared error",
}  # fmt: skip
"""What there are curves of, as far as it was measured."""


def figures(board: Board) -> list[Figure]:
    """All plots of a board; none for a board without a finished run."""
    cells = [cell for cell in best_first(board, board.cells) if board.quality in cell.means]
    styles = {cell.name: style(index) for index, cell in enumerate(cells)}
    return [one for kind in KINDS for one in kind(board, cells, styles)] if cells else []


def _short(name: str, most: int = 30) -> str:
    """A name for where room is scarce."""
    return escape(name if len(name) <= most else f"{name[: most - 1]}…")


def _hover(board: Board, cell: Cell) -> str:
    lines = [f"<b>{escape(cell.name)}</b> · {wording.seeds(cell)} seeds"]
    lines += [escape(cell.setting)] if len(cell.parts) - 1 > MOST_PARTS else []
    for metric in board.questions:
        if metric in cell.means:
            busy = " (busy machine)" if wording.mark(cell, metric) == "!" else ""
            lines.append(f"{wording.HEADLINES[metric]}: {wording.from_to(metric, cell.means[metric])}{busy}")
    return "<br>".join(lines)


def _error(metric: str, cell: Cell, colour: str) -> dict[str, Any]:
    """The 95 % interval as Plotly's error bar; nothing where there is none."""
    found = cell.means[metric]
    between = wording.bounds(metric, found)
    if between is None:
        return {"visible": False}
    low, high = between
    bar = {"type": "data", "symmetric": False, "array": [high - found.mean], "arrayminus": [found.mean - low]}
    return {**bar, "color": colour, "thickness": 1.4, "width": 4}


def ranking(board: Board, cells: list[Cell], styles: dict[str, dict[str, str]]) -> list[Figure]:
    """Each cell's mean quality with its interval and its single runs, the best on top."""
    shown, metric = cells[:MOST_CELLS], board.quality
    data: list[Trace] = []
    for place, cell in enumerate(shown):
        colour = styles[cell.name]["colour"]
        by_seed = cell.values(metric)
        data.append({
            "type": "scatter", "mode": "markers", "legendgroup": cell.name, "x": list(by_seed.values()),
            "y": [place] * len(by_seed), "marker": {"color": colour, "size": 7, "opacity": 0.35},
            "hovertext": [f"{escape(cell.name)}, seed {seed}: {value:.4g}" for seed, value in by_seed.items()],
            "hoverinfo": "text",
        })  # fmt: skip
        data.append({
            "type": "scatter", "mode": "markers", "legendgroup": cell.name, "x": [cell.means[metric].mean],
            "y": [place], "error_x": _error(metric, cell, colour), "hovertext": [_hover(board, cell)],
            "hoverinfo": "text", "marker": {"color": colour, "size": 11, "symbol": styles[cell.name]["symbol"]},
        })  # fmt: skip
    ticks = {"tickvals": list(range(len(shown))), "ticktext": [_short(cell.name, 36) for cell in shown]}
    what = wording.HEADLINES[metric]
    cut = f" The {MOST_CELLS} best of {len(cells)} cells." if len(cells) > MOST_CELLS else ""
    plot = figure(
        f"{what.capitalize()} of each cell",
        f"Large: the mean over seeds with its 95 % interval; small: the single runs.{cut}", data,
        axis(what, **span(metric, data, "x")),
        axis("", range=[len(shown) - 0.5, -0.5], showgrid=False, ticks="", **ticks), 90 + 34 * len(shown),
    )  # fmt: skip
    return [{**plot, "wide": True}]


def tradeoffs(board: Board, cells: list[Cell], styles: dict[str, dict[str, str]]) -> list[Figure]:
    """Quality against latency, throughput and memory, one set for each block."""
    found = []
    for block in board.blocks:
        for metric in (LATENCY, THROUGHPUT, board.memory):
            points = [cell for cell in cells if cell in block.cells and metric in cell.means]
            if points:
                where = f" ({block.title})" if len(board.blocks) > 1 else ""
                found.append(_tradeoff(board, block, metric, points, styles, where))
    return found


def _tradeoff(
    board: Board, block: Block, metric: str, points: list[Cell], styles: dict[str, dict[str, str]], where: str
) -> Figure:
    data: list[Trace] = []
    values = [cell.means[metric].mean for cell in points]
    wide = min(values) > 0 and max(values) / min(values) > 20
    names = [_short(cell.name, 20) for cell in points]
    places = sides(values, [cell.means[board.quality].mean for cell in points], names, wide)
    front = pareto(board, metric, [cell for cell in points if wording.mark(cell, metric) != "!"])
    if len(front) > 1:
        data.append({
            "type": "scatter", "mode": "lines", "x": [cell.means[metric].mean for cell in front],
            "y": [cell.means[board.quality].mean for cell in front], "hoverinfo": "skip",
            "line": {"color": GREY, "width": 1.5, "dash": "dot"}, "name": "Pareto front",
        })  # fmt: skip
    for cell, name, place in zip(points, names, places, strict=True):
        named = {"mode": "markers+text", "text": [name], "textposition": place} if len(points) <= MOST_NAMED else {}
        data.append(_point(board, metric, cell, styles[cell.name]) | named)
    what, better = wording.HEADLINES[metric], "more" if known(metric).higher_is_better else "less"
    unit = known(metric).unit
    title = f"{what}, {unit} ({better} is better)" if unit not in ("", "1/s") else f"{what} ({better} is better)"
    shows_hollow = any(wording.mark(cell, metric) == "!" for cell in points)
    hollow = " Hollow: measured on a busy machine, not on the front." if shows_hollow else ""
    line = "Dotted: the Pareto front, where nothing else is better in both." if len(front) > 1 else ""
    quality = wording.HEADLINES[board.quality]
    x = axis(title, rangemode="tozero", **({"type": "log"} if wide else {}))
    y = axis(quality, **span(board.quality, data, "y"))
    return figure(f"{quality.capitalize()} against {what}{where}", f"{line}{hollow}".strip(), data, x, y, 380)


def _point(board: Board, metric: str, cell: Cell, look: dict[str, str]) -> Trace:
    """A cell's mean with its intervals in both; hollow where it was measured on a busy machine."""
    hollow = "-open" if wording.mark(cell, metric) == "!" else ""
    return {
        "type": "scatter", "mode": "markers", "legendgroup": cell.name,
        "x": [cell.means[metric].mean], "y": [cell.means[board.quality].mean],
        "error_x": _error(metric, cell, look["colour"]), "error_y": _error(board.quality, cell, look["colour"]),
        "textfont": {"size": 11, "color": look["colour"]}, "hovertext": [_hover(board, cell)],
        "hoverinfo": "text", "cliponaxis": False,
        "marker": {"color": look["colour"], "size": 11, "symbol": look["symbol"] + hollow},
    }  # fmt: skip


def pareto(board: Board, metric: str, cells: list[Cell]) -> list[Cell]:
    """The cells that no other beats in quality without losing in the metric, along the metric."""
    sign = 1 if known(metric).higher_is_better else -1
    good = 1 if known(board.quality).higher_is_better else -1
    ordered = sorted(cells, key=lambda c: (-sign * c.means[metric].mean, -good * c.means[board.quality].mean))
    front: list[Cell] = []
    for cell in ordered:
        if not front or good * cell.means[board.quality].mean > good * front[-1].means[board.quality].mean:
            front.append(cell)
    return front


def curves(board: Board, cells: list[Cell], styles: dict[str, dict[str, str]]) -> list[Figure]:
    """What validation said by epoch, the mean over seeds with a band from the lowest seed to the highest."""
    found = []
    shown = cells[:MOST_CELLS]
    bands = len(shown) <= MOST_BANDS
    for metric, title in CURVES.items():
        data = [trace for cell in shown for trace in _curve(cell, metric, styles[cell.name], bands)]
        if data:
            cut = f" The {MOST_CELLS} best of {len(cells)} cells." if len(cells) > MOST_CELLS else ""
            band = "Band: from the lowest seed to the highest." if bands else "Hover for the lowest and highest seed."
            epochs = max(len(run.history) for cell in shown for run in cell.runs)
            whole = {"tick0": 1, "dtick": ceil(epochs / 10), **({"range": [0.5, 1.5]} if epochs == 1 else {})}
            x, y = axis("epoch", **whole), axis(title, **span(metric, data, "y"))
            found.append(figure(title.capitalize(), f"Mean over seeds. {band}{cut}", data, x, y, 380))
    return found


def _curve(cell: Cell, metric: str, look: dict[str, str], band: bool) -> list[Trace]:
    by_epoch: dict[int, list[float]] = {}
    for run in cell.runs:
        for epoch in run.history:
            if metric in epoch:
                by_epoch.setdefault(int(epoch["epoch"]), []).append(epoch[metric])
    if not by_epoch:
        return []
    epochs = sorted(by_epoch)
    values = [by_epoch[epoch] for epoch in epochs]
    line = {
        "type": "scatter", "mode": "lines+markers", "legendgroup": cell.name, "x": epochs,
        "y": [mean(some) for some in values], "line": {"color": look["colour"], "width": 2, "dash": look["dash"]},
        "marker": {"size": 5, "symbol": look["symbol"]}, "hoverinfo": "text",
        "hovertext": [
            f"<b>{escape(cell.name)}</b><br>epoch {epoch}: {mean(some):.4g} ({min(some):.4g} to {max(some):.4g}, "
            f"{len(some)} seeds)"
            for epoch, some in zip(epochs, values, strict=True)
        ],
    }  # fmt: skip
    if not band or max(map(len, values)) < 2:
        return [line]
    around = {
        "type": "scatter", "mode": "lines", "legendgroup": cell.name, "x": epochs + epochs[::-1],
        "y": [max(some) for some in values] + [min(some) for some in reversed(values)], "fill": "toself",
        "fillcolor": look["colour"] + "22", "line": {"width": 0}, "hoverinfo": "skip",
    }  # fmt: skip
    return [around, line]


KINDS: tuple[Callable[[Board, list[Cell], dict[str, dict[str, str]]], list[Figure]], ...] = (ranking, tradeoffs, curves)
