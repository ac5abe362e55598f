"""How the plots of a comparison group show a variant: its style, its name, its hover text and its interval."""

from html import escape
from typing import Any

from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.variant_names import MOST_WITHOUT_A_REST
from harness.analysis.variants import Variant
from harness.records.metrics import short_name
from harness.report import text
from harness.report.html.style import Style, style
from harness.report.verdict_text import BUSY, mark

MOST_VARIANTS = 30
"""So many variants have a colour of their own, the best ones."""

Styled = dict[Variant, Style]
"""The variants of a group that have a quality, the best first, with their styles."""


def styled(group: ComparisonGroup) -> Styled:
    """The variants that the plots of a group show."""
    variants = [variant for variant in best_first(group, group.variants) if group.quality in variant.means]
    return {variant: style(index) for index, variant in enumerate(variants)}


def plotly_text(content: str) -> str:
    """Text from data or configs, for Plotly, which reads tags such as ``<b>`` in every text."""
    return escape(content, quote=False)


def short_text(name: str, most: int) -> str:
    """A name of at most so many characters."""
    return plotly_text(name if len(name) <= most else f"{name[: most - 1]}…")


def hover(group: ComparisonGroup, variant: Variant) -> str:
    """What a point says of its variant: name, seeds, and the metrics that a reader asks for first."""
    lines = [f"<b>{plotly_text(variant.name)}</b> · {text.seeds(variant)} seeds"]
    lines += [plotly_text(variant.setting)] if len(variant.parts) - 1 > MOST_WITHOUT_A_REST else []
    for metric in group.questions:
        if metric in variant.means:
            busy = " (busy machine)" if mark(group, variant, metric) == BUSY else ""
            lines.append(f"{short_name(metric)}: {text.from_to(metric, variant.means[metric])}{busy}")
    return "<br>".join(lines)


def interval(metric: str, variant: Variant, colour: str) -> dict[str, Any]:
    """The 95 % interval as the properties of Plotly's error bar, which is invisible where there is no interval."""
    average = variant.means[metric]
    between = text.bounds(metric, average)
    if between is None:
        return {"visible": False}
    low, high = between
    ends = {"array": [high - average.mean], "arrayminus": [average.mean - low]}
    return {"type": "data", "symmetric": False, **ends, "color": colour, "thickness": 1.4, "width": 4}


def cut(variants: Styled) -> str:
    """A sentence about the variants that a plot does not show."""
    return f" The {MOST_VARIANTS} best of {len(variants)} variants." if len(variants) > MOST_VARIANTS else ""
