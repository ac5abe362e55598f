"""Which tokens weighed: the attention of a run of each variant on a few test sequences, as shaded text."""

from html import escape
from typing import Any

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.variants import Variant
from harness.records.store import ATTENTION, load_json
from harness.report.tables import best_first

READING = (
    "The darker a token, the more attention it received: in self-attention the mean over heads and over the steps that "
    "attend, in a pooling its weight. The darkest of each sequence is the one that received most. What weighed is no "
    "explanation of the answer: another token may have decided it, by way of the steps around it."
)


def section(groups: list[ComparisonGroup]) -> str:
    """The section of the variants whose runs kept their attention; empty where none did."""
    parts = [
        f"<details><summary>{escape(variant.name)}, seed {variant.runs[0].seed}</summary>{shown}</details>"
        for group in groups
        for variant in best_first(group, group.variants)
        if (shown := _variant(variant))
    ]
    if not parts:
        return ""
    return f"<section><h2>Which tokens weighed</h2><p class=legend>{READING}</p>{''.join(parts)}</section>"


def _variant(variant: Variant) -> str:
    file = variant.runs[0].folder / ATTENTION if variant.runs else None
    if file is None or not file.is_file():
        return ""
    return "".join(_example(example) for example in load_json(file)["examples"])


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
