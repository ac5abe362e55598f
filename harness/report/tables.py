"""The comparison as rows: what every form of the table shares, and the forms that are files, Markdown and CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from harness.analysis.comparability import ComparisonGroup, known
from harness.analysis.comparison import Comparison
from harness.analysis.variants import Variant
from harness.records.metrics import COLUMNS, short_name
from harness.report import text as wording

CSV_COLUMNS = (
    "group", "hardware", "variant", "metric", "unit", "direction", "n", "mean", "low", "high", "rank",
    "baseline", "difference", "difference_low", "difference_high", "p_corrected", "setting",
)  # fmt: skip


def columns(group: ComparisonGroup) -> list[str]:
    """The headline metrics that any variant of a group has."""
    return [metric for metric in COLUMNS if metric in group.metrics]


def best_first(group: ComparisonGroup, variants: list[Variant]) -> list[Variant]:
    """Variants by quality; those without a finished run come last."""

    sign = -1 if known(group.quality).higher_is_better else 1

    def order(variant: Variant) -> tuple[bool, float, str]:
        mean = variant.means.get(group.quality)
        return mean is None, sign * mean.mean if mean else 0.0, variant.name

    return sorted(variants, key=order)


def header(metric: str) -> str:
    """A column's short name with its unit."""
    unit = known(metric).unit
    name = short_name(metric)
    return name if unit in ("", "1/s") else f"{name}, {unit}"


def markdown(comparison: Comparison) -> str:
    """The comparison as GitHub's Markdown."""
    lines = [f"# {_escaped(comparison.name)}", ""]
    for group in comparison.groups:
        # not what stands above it already
        lines += [] if group.title == comparison.name else [f"## {_escaped(group.title)}", ""]
        lines += [_escaped(" ".join(wording.answer(group))), ""]
        for hardware_group in group.hardware_groups:
            lines += [f"On {_escaped(hardware_group.title)}:", "", *_markdown_table(group, hardware_group.variants), ""]
        lines += list(_markdown_baseline_differences(group))
    lines += [f"Means over seeds ± half a 95 % t-interval. {_escaped(wording.LEGEND)}.", ""]
    if said := wording.notes(comparison):
        lines += ["## To know", "", *(f"- {_escaped(note)}" for note in said), ""]
    if comparison.failed:
        lines += ["## Failed", "", *(f"- {_escaped(wording.failure(record))}" for record in comparison.failed), ""]
    return "\n".join(lines)


def _markdown_table(group: ComparisonGroup, variants: list[Variant]) -> Iterator[str]:
    metrics = columns(group)
    yield "| " + " | ".join(["variant", "seeds", *map(header, metrics)]) + " |"
    yield "|---|" + "---:|" * (len(metrics) + 1)
    for variant in best_first(group, variants):
        numbers = [f"{wording.with_interval(variant.means.get(m))} {wording.mark(variant, m)}".strip() for m in metrics]
        yield "| " + " | ".join(map(_escaped, [variant.name, wording.seeds(variant), *numbers])) + " |"


def _markdown_baseline_differences(group: ComparisonGroup) -> Iterator[str]:
    for metric in group.questions:
        compared = [variant for variant in best_first(group, group.variants) if metric in variant.baseline_differences]
        if compared:
            yield f"Against the baseline, {header(metric)}:"
            yield ""
            for variant in compared:
                yield f"- {_escaped(variant.name)}: {_escaped(wording.baseline_difference(metric, variant.baseline_differences[metric]))}"
            yield ""


def _escaped(text: str) -> str:
    """Text that Markdown takes as text, in a table too."""
    for sign in "\\|*~<>[]_`":
        text = text.replace(sign, f"\\{sign}")
    return text


def csv_text(comparison: Comparison) -> str:
    """One row per variant and metric; what is not known is empty."""
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for group in comparison.groups:
        for hardware_group in group.hardware_groups:
            for variant in best_first(group, hardware_group.variants):
                writer.writerows(_csv_rows(group, hardware_group.title, variant))
    return file.getvalue()


def _csv_rows(group: ComparisonGroup, hardware: str, variant: Variant) -> Iterator[dict[str, Any]]:
    for metric in group.metrics:
        if metric not in variant.means:
            continue
        mean, definition = variant.means[metric], known(metric)
        low, high = wording.bounds(metric, mean) or (None, None)
        direction = {True: "higher is better", False: "lower is better", None: ""}[definition.higher_is_better]
        row: dict[str, Any] = {
            "group": group.title, "hardware": hardware, "variant": variant.name, "metric": metric, "unit": definition.unit,
            "direction": direction, "n": mean.n, "mean": mean.mean, "low": low, "high": high,
            "rank": variant.verdicts.get(metric, ""), "setting": variant.setting,
        }  # fmt: skip
        if found := variant.baseline_differences.get(metric):
            row |= {"baseline": found.baseline, "p_corrected": found.p}
            if found.difference:
                difference = found.difference
                row |= {"difference": difference.mean, "difference_low": difference.low}
                row |= {"difference_high": difference.high}
        yield row
