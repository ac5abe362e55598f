"""The comparison as rows: what every form of the table shares, and the forms that are files, Markdown and CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from harness.analysis.comparability import Board, known
from harness.analysis.comparison import Comparison
from harness.analysis.variants import Cell
from harness.report import text as wording

CSV_COLUMNS = (
    "board", "hardware", "cell", "metric", "unit", "direction", "n", "mean", "low", "high", "rank",
    "baseline", "difference", "difference_low", "difference_high", "p_corrected", "setting",
)  # fmt: skip


def columns(board: Board) -> list[str]:
    """The headline metrics that any cell of a board has."""
    return [metric for metric in wording.HEADLINES if metric in board.metrics]


def best_first(board: Board, cells: list[Cell]) -> list[Cell]:
    """Cells by quality; those without a finished run come last."""

    sign = -1 if known(board.quality).higher_is_better else 1

    def order(cell: Cell) -> tuple[bool, float, str]:
        mean = cell.means.get(board.quality)
        return mean is None, sign * mean.mean if mean else 0.0, cell.name

    return sorted(cells, key=order)


def header(metric: str) -> str:
    """A column's short name with its unit."""
    unit = known(metric).unit
    name = wording.HEADLINES.get(metric, metric)
    return name if unit in ("", "1/s") else f"{name}, {unit}"


def markdown(comparison: Comparison) -> str:
    """The comparison as GitHub's Markdown."""
    lines = [f"# {_escaped(comparison.name)}", ""]
    for board in comparison.boards:
        # not what stands above it already
        lines += [] if board.title == comparison.name else [f"## {_escaped(board.title)}", ""]
        lines += [_escaped(" ".join(wording.answer(board))), ""]
        for block in board.blocks:
            lines += [f"On {_escaped(block.title)}:", "", *_markdown_table(board, block.cells), ""]
        lines += list(_markdown_versus(board))
    lines += [f"Means over seeds ± half a 95 % t-interval. {_escaped(wording.LEGEND)}.", ""]
    if said := wording.notes(comparison):
        lines += ["## To know", "", *(f"- {_escaped(note)}" for note in said), ""]
    if comparison.failed:
        lines += ["## Failed", "", *(f"- {_escaped(wording.failure(record))}" for record in comparison.failed), ""]
    return "\n".join(lines)


def _markdown_table(board: Board, cells: list[Cell]) -> Iterator[str]:
    metrics = columns(board)
    yield "| " + " | ".join(["cell", "seeds", *map(header, metrics)]) + " |"
    yield "|---|" + "---:|" * (len(metrics) + 1)
    for cell in best_first(board, cells):
        numbers = [f"{wording.with_interval(cell.means.get(m))} {wording.mark(cell, m)}".strip() for m in metrics]
        yield "| " + " | ".join(map(_escaped, [cell.name, wording.seeds(cell), *numbers])) + " |"


def _markdown_versus(board: Board) -> Iterator[str]:
    for metric in board.questions:
        compared = [cell for cell in best_first(board, board.cells) if metric in cell.versus]
        if compared:
            yield f"Against the baseline, {header(metric)}:"
            yield ""
            for cell in compared:
                yield f"- {_escaped(cell.name)}: {_escaped(wording.versus(metric, cell.versus[metric]))}"
            yield ""


def _escaped(text: str) -> str:
    """Text that Markdown takes as text, in a table too."""
    for sign in "\\|*~<>[]_`":
        text = text.replace(sign, f"\\{sign}")
    return text


def csv_text(comparison: Comparison) -> str:
    """One row per cell and metric; what is not known is empty."""
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for board in comparison.boards:
        for block in board.blocks:
            for cell in best_first(board, block.cells):
                writer.writerows(_csv_rows(board, block.title, cell))
    return file.getvalue()


def _csv_rows(board: Board, hardware: str, cell: Cell) -> Iterator[dict[str, Any]]:
    for metric in board.metrics:
        if metric not in cell.means:
            continue
        mean, definition = cell.means[metric], known(metric)
        low, high = wording.bounds(metric, mean) or (None, None)
        direction = {True: "higher is better", False: "lower is better", None: ""}[definition.higher_is_better]
        row: dict[str, Any] = {
            "board": board.title, "hardware": hardware, "cell": cell.name, "metric": metric, "unit": definition.unit,
            "direction": direction, "n": mean.n, "mean": mean.mean, "low": low, "high": high,
            "rank": cell.verdicts.get(metric, ""), "setting": cell.setting,
        }  # fmt: skip
        if found := cell.versus.get(metric):
            row |= {"baseline": found.baseline, "p_corrected": found.p}
            if found.difference:
                difference = found.difference
                row |= {"difference": difference.mean, "difference_low": difference.low}
                row |= {"difference_high": difference.high}
        yield row
