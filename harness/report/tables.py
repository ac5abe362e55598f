"""The comparison as tables: what the tables of all formats share, and the Markdown and CSV files."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from harness.analysis import budgets
from harness.analysis.chance import level_of_chance
from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.comparison import Comparison
from harness.analysis.data_sets import OverDataSets
from harness.analysis.disagreements import Disagreements
from harness.analysis.serving import served_models
from harness.analysis.training_rows import Curves
from harness.analysis.tuned import tuned_variants
from harness.analysis.variants import Variant
from harness.records.metrics import COLUMNS, END_TO_END, THROUGHPUT, column_name, known, short_name, with_validation
from harness.report import data_sets, items, serving, training_rows, tuned, verdict_text
from harness.report import text as wording
from harness.report.answer_text import answer
from harness.report.chance_text import line as chance_line
from harness.report.heading import heading
from harness.report.markdown import escaped, paragraph, table_row
from harness.report.notes import notes
from harness.report.target_words import instead_of_mean
from harness.report.verdict_text import mark

CSV_COLUMNS = (
    "group", "hardware", "variant", "metric", "unit", "direction", "n", "mean", "low_over_seeds", "high_over_seeds",
    "low_over_items", "high_over_items", "verdict", "behind", "at_most", "seeds_needed", "why_no_verdict",
    "baseline", "difference", "difference_low", "difference_high", "p_corrected", "setting", "still_improving",
    "margin", "required", "chance",
)  # fmt: skip


SAME_SPEED = 0.9
"""An end-to-end speed of at least this part of the speed of the steps says nothing more on a processor."""


def columns(group: ComparisonGroup) -> list[str]:
    """The metrics that have a column in a table of this comparison group, from left to right.

    The end-to-end speed has none where it says what the speed of the steps says: on processors alone, where steps are
    timed in all epochs, if no variant lost time between its steps. Nor have budgets that all runs share, which
    ``budgets.shared_sentence`` says. The CSV file has all of them.
    """
    left_out = {*budgets.shared(group), *([] if _waits_between_steps(group) else [END_TO_END])}
    found = [metric for metric in COLUMNS if metric in group.metrics and metric not in left_out]
    return with_validation(found, group.quality, group.metrics)


def _waits_between_steps(group: ComparisonGroup) -> bool:
    """Whether the end-to-end speed may differ from the speed of the steps, as it does on an accelerator."""
    for variant in group.variants:
        if variant.record.environment.hardware.accelerator != "cpu":
            return True
        whole, steps = variant.means.get(END_TO_END), variant.means.get(THROUGHPUT)
        if whole and steps and whole.mean < SAME_SPEED * steps.mean:
            return True
    return False


def with_difference(group: ComparisonGroup, metric: str) -> list[Variant]:
    """The variants that have a difference to the baseline in this metric, the best first."""
    return [variant for variant in best_first(group, group.variants) if metric in variant.baseline_differences]


def header(metric: str) -> str:
    """A column's short name with its unit."""
    unit = known(metric).unit
    name = column_name(metric)
    return name if unit in ("", "1/s") else f"{name}, {unit}"


def cell(variant: Variant, metric: str) -> str:
    """A variant's mean with half its intervals, without its mark; where there is none, what is known instead."""
    mean = variant.means.get(metric)
    return wording.with_intervals(mean) if mean else instead_of_mean(variant, metric)


def value_header(group: ComparisonGroup, metric: str) -> str:
    """The head of a column of means; it names the intervals where there are two."""
    means = (variant.means.get(metric) for variant in group.variants)
    two = any(mean and mean.items_half is not None for mean in means)
    return header(metric) + (" ±seeds ±items" if two else "")


def markdown(comparison: Comparison) -> str:
    """The comparison as GitHub's Markdown."""
    lines = [f"# {escaped(comparison.name)}", ""]
    lines += [paragraph(heading(comparison)), ""]
    if over := comparison.over_data_sets:
        lines += [*_markdown_data_sets(over), ""]
    for group, found in zip(comparison.groups, comparison.disagreements, strict=True):
        # the group's title only if it says more than the comparison's name
        lines += [] if group.title == comparison.name else [f"## {escaped(group.title)}", ""]
        lines += [escaped(" ".join(answer(group))), ""]
        if shared := budgets.shared_sentence(group):
            lines += [shared, ""]
        if sentence := verdict_text.among(group):
            lines += [escaped(sentence), ""]
        lines += [escaped(verdict_text.terms(group)), ""] if group.finished else []
        for hardware_group in group.hardware_groups:
            lines += [f"On {escaped(hardware_group.title)}:", "", *_markdown_table(group, hardware_group.variants), ""]
        lines += [escaped(sentence), ""] if (sentence := chance_line(group)) else []
        lines += list(_markdown_baseline_differences(group))
        if variants := tuned_variants(group):
            own = tuned.columns(variants), tuned.table(variants), tuned.CAPTION
            lines += _markdown_section(tuned.heading(variants), *own)
        if models := served_models(group):
            lines += _markdown_section(serving.HEADING, serving.columns(models), serving.table(models), serving.CAPTION)
        lines += list(_markdown_disagreements(found)) if found else []
    for curves in comparison.over_rows:
        lines += [f"## {escaped(training_rows.heading(curves))}", "", *_markdown_rows(curves), ""]
    marks = set().union(*(verdict_text.marks(group, columns(group)) for group in comparison.groups))
    said = [*verdict_text.covers(comparison), *([f"{verdict_text.legend(marks)}."] if marks else [])]
    lines += [escaped(" ".join(said)), ""] if said else []
    if sentences := notes(comparison):
        lines += ["## Notes", "", *(f"- {escaped(sentence)}" for sentence in sentences), ""]
    if comparison.failed:
        lines += ["## Failed", "", *(f"- {escaped(wording.failure(record))}" for record in comparison.failed), ""]
    return "\n".join(lines)


def _markdown_table(group: ComparisonGroup, variants: list[Variant]) -> Iterator[str]:
    metrics = columns(group)
    heads = ["variant", "seeds", *(value_header(group, metric) for metric in metrics)]
    yield "| " + " | ".join([*heads, f"verdict in {short_name(group.quality)}"]) + " |"
    yield "|---|" + "---:|" * (len(metrics) + 1) + "---|"
    for variant in best_first(group, variants):
        numbers = [f"{cell(variant, metric)} {mark(group, variant, metric)}".strip() for metric in metrics]
        cells = [budgets.with_sign(variant), wording.seeds(variant), *numbers, verdict_text.verdict(group, variant)]
        yield table_row(cells)


def _markdown_data_sets(over: OverDataSets) -> Iterator[str]:
    head = data_sets.columns(over)
    yield from (f"## {data_sets.HEADING}", "", escaped(data_sets.answer(over)), "")
    yield table_row(["variant", "runs", *head])
    yield "|---|" + "---:|" * (len(head) + 1)
    for row, values in data_sets.table(over):
        yield table_row([row.name, str(row.runs), *values])
    yield from ("", f"{escaped(data_sets.legend(over))}. {data_sets.CAPTION}")
    if over.notes:
        yield from ("", *(f"- {escaped(note)}" for note in over.notes))


def _markdown_section(heading: str, head: list[str], rows: Iterable[list[str]], caption: str) -> Iterator[str]:
    """A section with a table of two columns of text, then numbers."""
    yield from (f"### {escaped(heading)}", "")
    yield "| " + " | ".join(head) + " |"
    yield "|---|---|" + "---:|" * (len(head) - 2)
    for row in rows:
        yield table_row(row)
    yield from ("", caption, "")


def _markdown_rows(curves: Curves) -> Iterator[str]:
    head = training_rows.columns(curves)
    yield table_row(head)
    yield "|---|" + "---:|" * (len(head) - 2) + "---|"
    for row in training_rows.table(curves):
        yield table_row(row)
    yield ""
    yield training_rows.CAPTION


def _markdown_baseline_differences(group: ComparisonGroup) -> Iterator[str]:
    for metric in group.questions:
        compared = with_difference(group, metric)
        if compared:
            yield f"Difference to the baseline, {header(metric)}:"
            yield ""
            for variant in compared:
                difference = wording.baseline_difference(metric, variant.baseline_differences[metric])
                yield f"- {escaped(variant.name)}: {escaped(difference)}"
            yield ""
    if any(variant.baseline_differences for variant in group.variants):
        yield from (wording.PAIRED, "")


def _markdown_disagreements(found: Disagreements) -> Iterator[str]:
    if found.agreement:
        yield from (escaped(items.agreement_sentence(found.agreement)), "")
    if found.items:
        yield from (f"{items.HEADING} (the first {items.MOST_IN_MARKDOWN} of report.html):", "")
        head, *rows = items.table(found)
        yield table_row(head)
        yield "|---:|" + "---|" * (len(head) - 1)
        for row in rows:
            yield table_row(row)
        yield ""


def csv_text(comparison: Comparison) -> str:
    """One row per variant and metric; unknown values are empty."""
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for group in comparison.groups:
        for hardware_group in group.hardware_groups:
            for variant in best_first(group, hardware_group.variants):
                writer.writerows(csv_rows(group, hardware_group.title, variant))
    if over := comparison.over_data_sets:
        writer.writerows(data_sets.csv_rows(over))
    return file.getvalue()


def csv_rows(group: ComparisonGroup, hardware: str, variant: Variant) -> Iterator[dict[str, Any]]:
    """One row for each metric that a variant has, with the keys of ``CSV_COLUMNS``."""
    still_improving = {True: "yes", False: "no", None: ""}[budgets.improving(variant)]
    for metric in group.metrics:
        if metric not in variant.means:
            continue
        mean, definition = variant.means[metric], known(metric)
        low, high = wording.bounds(metric, mean) or (None, None)
        low_items, high_items = wording.items_bounds(metric, mean) or (None, None)
        direction = {True: "higher is better", False: "lower is better", None: ""}[definition.higher_is_better]
        row: dict[str, Any] = {
            "group": group.title, "hardware": hardware, "variant": variant.name, "metric": metric,
            "unit": definition.unit, "direction": direction, "n": mean.n, "mean": mean.mean, "low_over_seeds": low,
            "high_over_seeds": high, "low_over_items": low_items, "high_over_items": high_items,
            "setting": variant.setting, "still_improving": still_improving,
            "required": group.sifted.wanted if group.sifted else None, "chance": level_of_chance(group, metric),
        }  # fmt: skip
        if standing := variant.standings.get(metric):
            row |= {"verdict": standing.verdict, "why_no_verdict": standing.reason}
            row |= {"margin": None if definition.exact else verdict_text.margin_of(group, metric)}
            if standing.at_most is not None:
                row |= {"behind": standing.behind, "at_most": standing.at_most, "seeds_needed": standing.seeds_needed}
        elif why := verdict_text.why_not_ranked(group, variant, metric):
            row |= {"verdict": why[0], "why_no_verdict": why[1]}
        if against := variant.baseline_differences.get(metric):
            row |= {"baseline": against.baseline, "p_corrected": against.p}
            if difference := against.difference:
                row |= {"difference": difference.mean, "difference_low": difference.low}
                row |= {"difference_high": difference.high}
        yield row
