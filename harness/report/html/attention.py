"""Which tokens weighed: the attention of a run of each cell on a few test sequences, as shaded text."""

from html import escape
from pathlib import Path
from typing import Any

from harness.analysis.comparability import Board
from harness.analysis.variants import Cell
from harness.records.store import load
from harness.report.tables import best_first
from harness.runner import attention

READING = (
    "The darker a token, the more attention it received: in self-attention the mean over heads and over the steps that "
    "attend, in a pooling its weight. The darkest of each sequence is the one that received most. What weighed is no "
    "explanation of the answer: another token may have decided it, by way of the steps around it."
)


def section(boards: list[Board]) -> str:
    """The section of the cells whose runs kept their attention; empty where none did."""
    parts = [
        f"<details><summary>{escape(cell.name)}, seed {cell.runs[0]['seed']}</summary>{shown}</details>"
        for board in boards
        for cell in best_first(board, board.cells)
        if (shown := _cell(cell))
    ]
    if not parts:
        return ""
    return f"<section><h2>Which tokens weighed</h2><p class=legend>{READING}</p>{''.join(parts)}</section>"


def _cell(cell: Cell) -> str:
    file = Path(cell.runs[0].run_dir, attention.FILE) if cell.runs else None
    if file is None or not file.is_file():
        return ""
    return "".join(_example(example) for example in load(file)["examples"])


def _example(example: dict[str, Any]) -> str:
    verdict = "right" if example["right"] else "wrong"
    head = f"{verdict}: true {escape(example['true'])}, predicted {escape(example['predicted'])}"
    lines = "".join(
        f"<p class=tokens><small>{escape(part)}</small> {_shaded(example['tokens'], weights)}</p>"
        for part, weights in example["received"].items()
    )
    return f"<div class=weighed><h3>{head}</h3>{lines}</div>"


def _shaded(tokens: list[str], weights: list[float]) -> str:
    most = max(weights) or 1.0
    shades = [f"background:rgba(0,114,178,{0.75 * weight / most:.3f})" for weight in weights]
    return " ".join(
        f'<span style="{shade}" title="{weight:.4f}">{escape(token)}</span>'
        for token, weight, shade in zip(tokens, weights, shades, strict=True)
    )
