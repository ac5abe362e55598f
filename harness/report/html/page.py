"""The page of a comparison: what its template (``templates/comparison.html.jinja``) shows, as plain objects."""

from dataclasses import dataclass

from harness.analysis import budgets
from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.comparison import Comparison
from harness.analysis.disagreements import Disagreements
from harness.analysis.serving import served_models
from harness.analysis.tuned import tuned_variants
from harness.analysis.variants import Variant
from harness.records.metrics import known, short_name, without_split
from harness.report import data_sets, serving, tables, text, training_rows, tuned, verdict_text
from harness.report.answer_text import answer, recommends
from harness.report.chance_text import line as chance_line
from harness.report.heading import heading
from harness.report.html import (
    attention,
    charts,
    choice,
    data_sets_charts,
    items,
    profile_page,
    rows_chart,
    serving_chart,
    tuning_chart,
)
from harness.report.html.document import render
from harness.report.html.style import Plot, Style
from harness.report.html.variant_marks import MOST_VARIANTS, styled
from harness.report.notes import notes
from harness.report.target_words import instead_of_mean
from harness.report.verdict_text import margin_of

BADGES = {"best": "best", "equivalent": "= best", "open": "?", "few-seeds": "few seeds", "busy": "busy"}
"""What stands beside a number, by its kind: a verdict, or why there is none."""
MEANINGS = {
    "best": verdict_text.BEST,
    "equivalent": "as good as the best within the margin",
    "open": "undecided",
    "few-seeds": "too few seeds with this number, where it is timed undisturbed, for a verdict",
    "busy": "measured on a busy machine, so not ranked",
}

MOST_CELLS, FEWEST_DETAILED = 5000, 30
"""The table of all metrics has about so many cells, and shows at least so many variants."""


@dataclass(frozen=True)
class TableNumber:
    """A number in a table: its text, half of each of its intervals, and its exact value to sort by.

    ``kind`` is a key of BADGES, ``worse``, or empty where the number is not ranked; ``words`` say the same in full.
    """

    text: str
    halves: str
    value: float
    kind: str
    words: str


@dataclass(frozen=True)
class Differences:
    """The differences to ``baseline`` (in words, which variant or variants), a row for each variant.

    A row has for each metric whether the difference is more than noise, and the difference in words.
    """

    baseline: str
    metrics: list[str]
    rows: dict[Variant, list[tuple[bool, str]]]


@dataclass(frozen=True)
class GroupSection:
    """The section of one comparison group.

    ``answer`` has one sentence or more, and ``recommends`` is whether they name a variant to take; ``panel`` changes
    it in the browser. ``chips`` are the variants that a click shows and hides in the group's plots.
    """

    group: ComparisonGroup
    answer: list[str]
    recommends: bool
    plots: list[Plot]
    chips: list[tuple[Variant, Style]]
    differences: Differences | None
    disagreements: items.DisagreementsPart | None
    panel: choice.Panel | None


def html(comparison: Comparison) -> str:
    """The page of a comparison."""
    each = zip(comparison.groups, comparison.disagreements, strict=True)
    sections = [_section(group, found, comparison.sweep) for group, found in each]
    machines = profile_page.by_machine(comparison.profiles)
    over_rows = [(curves, rows_chart.plot(curves)) for curves in comparison.over_rows]
    plots = [plot for section in sections for plot in section.plots]
    plots += [plot for part in machines.values() for plot in part.plots]
    plots += [plot for _, plot in over_rows]
    over = comparison.over_data_sets
    of_data_sets = data_sets_charts.plots(over) if over else []
    plots += of_data_sets
    metrics = dict.fromkeys(metric for group in comparison.groups for metric in group.metrics)
    return render(
        "comparison.html.jinja", plots, comparison=comparison, newest=_newest(comparison), sections=sections,
        heading=heading(comparison), machines=machines, over_rows=over_rows, rows_words=training_rows,
        over_data_sets=over, data_sets_words=data_sets, data_sets_plots=of_data_sets,
        data_sets_chips=data_sets_charts.styled(over) if over else [],
        attention=attention.of_groups(comparison.groups), notes=notes(comparison),
        failures=[text.failure(record) for record in comparison.failed],
        definitions={metric: known(metric) for metric in metrics}, badges=BADGES, meanings=MEANINGS,
        number=number, seeds=text.seeds, columns=tables.columns, header=tables.header, best_first=best_first,
        with_sign=budgets.with_sign, instead_of_mean=instead_of_mean, shared_sentence=budgets.shared_sentence,
        tuned_variants=tuned_variants, tuned_words=tuned, served_models=served_models, serving_words=serving,
        most_detailed=most_detailed, value_header=tables.value_header, verdict=verdict_text.verdict,
        among=verdict_text.among, terms=verdict_text.terms, chance_line=chance_line, paired=text.PAIRED,
        short_name=short_name, last_score=last_score,
        covers=verdict_text.covers(comparison), choices=choice.embedded([section.panel for section in sections]),
    )  # fmt: skip


def most_detailed(group: ComparisonGroup) -> list[Variant]:
    """The variants of which the page shows all metrics: the best ones, as many as it has room for."""
    most = max(FEWEST_DETAILED, MOST_CELLS // max(1, len(group.metrics)))
    return best_first(group, group.variants)[:most]


def last_score(group: ComparisonGroup, shown: list[str]) -> str | None:
    """The column that the verdict stands behind: the score on validation, else that on test, else the last of all."""
    scores = [metric for metric in shown if without_split(metric) == without_split(group.quality)]
    return next(reversed(scores or shown), None)


def _newest(comparison: Comparison) -> str:
    """When the newest run ended, to the minute."""
    records = [variant.record for variant in comparison.variants]
    return max(record.ended or record.started for record in records)[:16].replace("T", " ")


def _section(group: ComparisonGroup, found: Disagreements | None, sweep: str | None) -> GroupSection:
    chips = list(styled(group).items())[:MOST_VARIANTS]
    plots = [*charts.plots(group), *tuning_chart.plots(group), *serving_chart.plots(group)]
    return GroupSection(
        group, answer(group), recommends(group), plots, chips if len(chips) > 1 else [], _differences(group),
        items.part(found) if found else None, choice.panel(group, sweep),
    )  # fmt: skip


def number(group: ComparisonGroup, variant: Variant, metric: str) -> TableNumber | None:
    """A variant's mean as a table shows it; None where there is none."""
    mean = variant.means.get(metric)
    if mean is None:
        return None
    standing = verdict_text.shown(group, variant, metric)
    busy = verdict_text.mark(group, variant, metric) == verdict_text.BUSY
    kind, words = ("busy", MEANINGS["busy"]) if busy else ("", "")
    if standing and not busy:
        kind, words = standing.verdict, verdict_text.describe(metric, standing, margin_of(group, metric))
    value, *halves = text.with_intervals(mean).split(" ")
    return TableNumber(value, " ".join(halves), mean.mean, kind.replace(" ", "-"), words)


def _differences(group: ComparisonGroup) -> Differences | None:
    """What each variant gains and loses against the baseline; None without a baseline."""
    compared = [variant for variant in best_first(group, group.variants) if variant.baseline_differences]
    metrics = [metric for metric in group.questions if any(metric in v.baseline_differences for v in compared)]
    if not metrics:
        return None
    names = {difference.baseline for variant in compared for difference in variant.baseline_differences.values()}
    several = len(names) > 1
    rows = {variant: [_difference(variant, metric, several) for metric in metrics] for variant in compared}
    return Differences("the baseline" if several else next(iter(names)), metrics, rows)


def _difference(variant: Variant, metric: str, named: bool) -> tuple[bool, str]:
    difference = variant.baseline_differences.get(metric)
    if difference is None:
        return False, "not comparable" if metric in variant.means else "–"
    return text.sure(difference), text.baseline_difference(metric, difference, named)
