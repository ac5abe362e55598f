"""What the page needs to recommend a variant for another margin or other bounds, without a server (``choice.js``).

How far a variant is at most behind the best does not depend on the margin, so the browser can compare the two. The
bounds of all variants together hold for any part of them, although a comparison of that part alone has narrower ones.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from harness.analysis.chance import beats_chance, level_of_chance, nothing_beats_chance
from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.pools import pools
from harness.analysis.recommendation import costs
from harness.analysis.variants import Variant
from harness.records.metrics import known, short_name
from harness.report import answer_text, verdict_text
from harness.report.chance_text import constant_answer
from harness.report.text import from_to

LEAST_MARGIN, MOST_MARGIN = 0.001, 0.05
"""The ends of the slider of the margin, if the report's own margin is between them."""


@dataclass(frozen=True)
class Slider:
    """A bound on a metric that the user sets: an upper one where lower is better, else a lower one.

    ``low`` and ``high`` are the smallest and the largest mean of the variants; ``start`` is None for no bound, and
    ``strict`` says that a mean at ``start`` is beyond it.
    """

    metric: str
    label: str
    unit: str
    higher_is_better: bool
    low: float
    high: float
    start: float | None
    strict: bool


@dataclass(frozen=True)
class Panel:
    """The sliders of a comparison group, and what is known of its variants, the best mean first.

    ``command`` computes the same from the records, if all have one name; the browser adds the options. ``constant`` is
    the answer that variants must beat to be recommended; empty where it is not known.
    """

    margin: float
    least_margin: float
    most_margin: float
    in_points: bool
    quality: str
    hardware: list[str]
    costs: list[dict[str, Any]]
    sliders: list[Slider]
    variants: list[dict[str, Any]]
    command: str
    constant: str


def panel(group: ComparisonGroup, sweep: str | None = None) -> Panel | None:
    """The panel of a comparison group; None where fewer than two variants have a verdict, or none beats chance.

    ``sweep`` is the one whose runs are compared, and no others.
    """
    judged = [variant for variant in best_first(group, group.variants) if _judged(group, variant)]
    if len(judged) < 2 or nothing_beats_chance(group):
        return None
    names = {variant.record.name for variant in group.variants}
    sliders = [slider for metric in costs(group) if (slider := _slider(group, judged, metric))]
    bounded = {slider.metric for slider in sliders}
    numbers = {metric: _pool_numbers(group, metric) for metric in costs(group)}
    return Panel(
        margin=group.margin,
        least_margin=min(LEAST_MARGIN, group.margin),
        most_margin=max(MOST_MARGIN, group.margin),
        in_points=verdict_text.in_points(group.quality),
        quality=short_name(group.quality),
        hardware=[hardware.title for hardware in group.hardware_groups],
        costs=[
            {"metric": metric, "label": short_name(metric), "higher_is_better": bool(known(metric).higher_is_better)}
            for metric in costs(group)
        ],
        sliders=sliders,
        variants=[_facts(group, variant, bounded, numbers) for variant in best_first(group, group.variants)],
        command=_command(group, names.pop(), sweep, bounded) if len(names) == 1 else "",
        constant="" if level_of_chance(group) is None else constant_answer(group),
    )


def _command(group: ComparisonGroup, name: str, sweep: str | None, bounded: set[str]) -> str:
    """The command that compares the same runs, with the requirements that have no slider."""
    fixed = [one for one in group.sifted.requirements if one.metric not in bounded] if group.sifted else []
    runs = f"--sweep {sweep}" if sweep else f"--name {shlex.quote(name)}"
    return " ".join(["python -m harness report", runs, *(f"--require '{one}'" for one in fixed)])


def embedded(panels: Sequence[Panel | None]) -> Markup:
    """The panels as a JSON list for the page. Without any ``<``: a name could otherwise end the script element."""
    content = [one and asdict(one) | {"variants": _by_key(one.variants)} for one in panels]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def _by_key(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rows as a list for each key, with None where a row lacks it: thousands of variants need each key once."""
    keys = dict.fromkeys(key for row in rows for key in row)
    columns: dict[str, Any] = {key: [row.get(key) for row in rows] for key in keys}
    return {key: _by_key(values) if isinstance(values[0], dict) else values for key, values in columns.items()}


def _judged(group: ComparisonGroup, variant: Variant) -> bool:
    standing = group.over_all(variant)
    return standing is not None and standing.at_most is not None


def _slider(group: ComparisonGroup, variants: list[Variant], metric: str) -> Slider | None:
    means = [variant.means[metric].mean for variant in variants if metric in variant.means]
    if not means or not 0 < min(means) < max(means):
        return None
    wanted = [one for one in group.sifted.requirements if one.metric == metric] if group.sifted else []
    definition = known(metric)
    higher = bool(definition.higher_is_better)
    start = (max if higher else min)((one.bound for one in wanted), default=None)
    strict = any(one.bound == start and "=" not in one.operator for one in wanted)
    unit = "" if definition.unit == "1/s" else definition.unit
    return Slider(metric, short_name(metric), unit, higher, min(means), max(means), start, strict)


def _pool_numbers(group: ComparisonGroup, metric: str) -> dict[Variant, int]:
    """For each variant that is ranked in a metric, the number of the pool in which it is."""
    return {variant: place for place, pool in enumerate(pools(group, metric)) for variant in pool}


def _facts(
    group: ComparisonGroup, variant: Variant, bounded: set[str], numbers: dict[str, dict[Variant, int]]
) -> dict[str, Any]:
    """What the browser knows of a variant: its verdict over all variants, its costs, and the words for both."""
    standing, quality = group.over_all(variant), group.quality
    of_cost = {metric: variant.means[metric].mean for metric in costs(group) if metric in variant.means}
    compared = {metric: numbers[metric][variant] for metric in of_cost if variant in numbers[metric]}
    missed = group.sifted.excluded.get(variant, []) if group.sifted else []
    return {
        "name": variant.name,
        "hardware": next(place for place, own in enumerate(group.hardware_groups) if variant in own.variants),
        "verdict": standing.verdict if standing else None,
        "behind": standing.behind if standing else None,
        "at_most": standing.at_most if standing else None,
        "words": verdict_text.in_words(group, standing) if standing else "",
        "quality": answer_text.value(quality, variant) if quality in variant.means else "",
        "interval": from_to(quality, variant.means[quality]) if quality in variant.means else "",
        "seeds": answer_text.seeds_of(variant, quality) if quality in variant.means else "",
        "costs": of_cost,
        "compared": compared,
        "shown": {metric: answer_text.value(metric, variant) for metric in of_cost},
        "at_chance": not beats_chance(group, variant),
        "missed": any(one.metric not in bounded for one in missed),  # by a requirement that has no slider
    }
