"""Verdicts in words that a reader without statistics understands correctly."""

from collections.abc import Collection, Iterable

from harness.analysis.chance import nothing_beats_chance
from harness.analysis.comparability import ComparisonGroup
from harness.analysis.comparison import Comparison
from harness.analysis.item_scores import has_item_scores
from harness.analysis.listed import listed
from harness.analysis.recommendation import GOOD
from harness.analysis.statistics import Standing, Verdict
from harness.analysis.variants import Variant
from harness.analysis.verdicts import SPEED_MARGIN
from harness.records.metrics import known, short_name

MARKS: dict[Verdict, str] = {"best": "*", "equivalent": "=", "open": "?", "few seeds": "-", "worse": ""}
BUSY, EXCLUDED = "!", "x"
BEST = "best mean of those with a verdict; not shown to be better than those marked = or ?"
ALONE = "best; every other variant with a verdict is worse"
UNDECIDABLE = "more seeds will not decide it"
TOO_FEW_ITEMS = f"{UNDECIDABLE}: the test split has too few items"
AT_CHANCE = "not shown to beat chance"
"""The words for what would be the best, or as good, if anything beat chance."""
MEANINGS = {
    "*": BEST,
    "=": "as good as the best within the margin",
    "?": "undecided",
    "": "worse, or not compared",
    "-": "too few seeds with this number for a verdict",
    BUSY: "measured on a busy machine, not ranked",
    EXCLUDED: "does not meet the requirements",
}
GAP_LEGEND = "behind: how far behind the best mean, and after ≤ how far at most, with 95 % confidence"
LEADERS = {
    "speed": ("slower than the fastest", "as fast as the fastest"),
    "latency": ("longer than the shortest", "as short as the shortest"),
    "memory": ("more than the least", "as little as the least"),
    "cost": ("more than the least", "as little as the least"),
}
"""For metrics that are compared by ratios: the words for worse than the best, and for as good as the best."""
MOST_NAMED = 20
"""A sentence names at most so many variants."""


def shown(group: ComparisonGroup, variant: Variant, metric: str) -> Standing | None:
    """The standing that reports show: where nothing beats chance, no variant is the best in quality, or as good."""
    standing = variant.standings.get(metric)
    if standing and standing.verdict in GOOD and known(metric).kind == "quality" and nothing_beats_chance(group):
        return None
    return standing


def mark(group: ComparisonGroup, variant: Variant, metric: str) -> str:
    """The sign that follows a number in a table; MEANINGS explains it."""
    if variant.disturbed and known(metric).timed and metric in variant.means:
        return BUSY
    if variant.excluded and known(metric).higher_is_better is not None:
        return EXCLUDED
    standing = shown(group, variant, metric)
    return MARKS[standing.verdict] if standing else ""


def why_not_ranked(group: ComparisonGroup, variant: Variant, metric: str) -> tuple[str, str] | None:
    """``excluded`` or ``busy`` with its reason, of a metric that is not ranked; None where neither is so."""
    sign = mark(group, variant, metric)
    if sign == EXCLUDED and group.sifted:
        return "excluded", group.sifted.reason(variant, named=True)
    return ("busy", variant.disturbed or "") if sign == BUSY else None


def marks(group: ComparisonGroup, columns: Iterable[str]) -> set[str]:
    """The marks that the table of a group has in these columns."""
    metrics = [column for column in columns if column in group.metrics]
    return {mark(group, variant, metric) for variant in group.variants for metric in metrics}


def legend(shown: Collection[str]) -> str:
    """What these marks mean."""
    return "   ".join(f"{sign or 'no mark:'} {meaning}" for sign, meaning in MEANINGS.items() if sign in shown)


def covers(comparison: Comparison) -> list[str]:
    """What the intervals and the verdicts cover, and what they do not; nothing where no run finished."""
    groups = [group for group in comparison.groups if group.finished]
    if not groups:
        return []
    means = [variant.means.get(group.quality) for group in groups for variant in group.variants]
    over_items = any(mean and mean.items_half is not None for mean in means)
    seeds, items = (" over seeds", ", and, of quality, half one over test items") if over_items else ("", "")
    shared = "which rests on the spread of all variants compared"
    sentences = [f"Means over seeds ± half a 95 % interval{seeds}, {shared}{items}."]
    if all(group.covers_items for group in groups):
        return [*sentences, "Verdicts cover seeds and test items; the split is not varied."]
    why = dict.fromkeys(_why_without_items(group) for group in groups if not group.covers_items)
    return [*sentences, f"Verdicts cover seeds; test items and the split are not varied ({', '.join(why)})."]


def _why_without_items(group: ComparisonGroup) -> str:
    """Why the verdicts of a group do not cover test items."""
    if any(has_item_scores(variant.record.data.task, group.quality) for variant in group.variants):
        return "not every run kept its predictions"
    return f"{short_name(group.quality)} is no mean over test items"


def terms(group: ComparisonGroup) -> str:
    """What the verdicts of a group rest on: the margin, and the requirements with how many variants meet them."""
    margin = margin_words(group.quality, group.margin)
    means = "a variant that is not worse, and is shown to be less than this behind the best, is equally good"
    sentence = f"Margin: {margin} of {short_name(group.quality)}; {means}."
    if not group.sifted:
        return sentence
    of = f"{len(group.sifted.meeting)} of {len(group.variants)} variants"
    return f"{sentence} Required: {group.sifted.wanted}, met by the means of {of}."


def in_points(metric: str) -> bool:
    """Whether differences in a metric are given in points, hundredths of its unit; else in per cent of the best."""
    return known(metric).in_points


def figure(metric: str, difference: float) -> str:
    """A difference as a number, in points or per cent, without its unit: ``1.4``."""
    hundredths = 100 * difference
    if hundredths >= 9.95:
        return f"{hundredths:.0f}"
    return f"{hundredths:.1f}" if hundredths >= 0.095 or not hundredths else f"{hundredths:.1g}"


def amount(metric: str, difference: float) -> str:
    """A difference with its unit: ``1.4 points``, ``12 %``."""
    return f"{figure(metric, difference)} {'points' if in_points(metric) else '%'}"


def margin_words(metric: str, margin: float) -> str:
    """A margin with its unit: ``1 point``, ``0.5 points``, ``5 %``."""
    number = f"{100 * margin:.3g}"
    if not in_points(metric):
        return f"{number} %"
    return f"{number} point{'s' * (number != '1')}"


def margin_of(group: ComparisonGroup, metric: str) -> float:
    """The margin within which two variants are as good in a metric: that of the comparison for quality."""
    return group.margin if known(metric).kind == "quality" else SPEED_MARGIN


def describe(metric: str, standing: Standing, margin: float) -> str:
    """The verdict on a variant in a metric: ``worse: 1.4 points behind the best, at most 2.1``.

    ``margin`` is that of the metric: variants that are less than this behind the best are as good.
    """
    behind, as_good = LEADERS.get(known(metric).kind, ("behind the best", "as good as the best"))
    if standing.verdict == "few seeds":
        return f"no verdict: {standing.reason}"
    if standing.verdict == "best":
        return BEST
    assert standing.behind is not None, metric
    assert standing.at_most is not None, metric
    if known(metric).exact:
        far = f"{amount(metric, standing.behind)} {behind}"
        return f"worse: {far}" if standing.verdict == "worse" else as_good
    at_most = figure(metric, standing.at_most) if in_points(metric) else amount(metric, standing.at_most)
    if standing.verdict == "worse":
        return f"worse: {amount(metric, standing.behind)} {behind}, at most {at_most}"
    comparative = behind.split()[0]
    if standing.verdict == "equivalent":
        return f"{as_good} within {margin_words(metric, margin)} (at most {at_most} {comparative})"
    return f"undecided: {amount(metric, standing.behind)} {comparative}, at most {at_most}; {_remedy(metric, standing)}"


def _remedy(metric: str, standing: Standing) -> str:
    """What would decide an open verdict."""
    if standing.seeds_needed:
        return f"about {standing.seeds_needed} seeds each would decide"
    return TOO_FEW_ITEMS if known(metric).kind == "quality" else UNDECIDABLE


def verdict(group: ComparisonGroup, variant: Variant) -> str:
    """The verdict on a variant in its group's quality, or why it has none."""
    if group.sifted and variant in group.sifted.excluded:
        return f"excluded: {group.sifted.reason(variant, named=True)}"
    if standing := shown(group, variant, group.quality):
        return in_words(group, standing)
    return AT_CHANCE if group.quality in variant.standings else ""


def in_words(group: ComparisonGroup, standing: Standing) -> str:
    """The verdict on a variant in its group's quality: that of ``describe``, and of a best one whether it is alone."""
    if standing.verdict == "best" and len(group.among(group.quality)) == 1:
        return ALONE
    return describe(group.quality, standing, group.margin)


def gap(metric: str, standing: Standing | None) -> str:
    """How far a variant is behind the best, and at most, for a narrow column: ``0.5 ≤1.3``."""
    if standing is None or standing.behind is None or standing.at_most is None or standing.verdict == "best":
        return ""
    return f"{figure(metric, standing.behind)} ≤{figure(metric, standing.at_most)}"


def has_gaps(group: ComparisonGroup) -> bool:
    """Whether a variant of a group is known to be behind the best, or how far at most."""
    return any(gap(group.quality, variant.standings.get(group.quality)) for variant in group.variants)


def gap_header(metric: str) -> str:
    """The head of the column of ``gap``."""
    return f"behind, {'points' if in_points(metric) else '%'}"


def among(group: ComparisonGroup) -> str:
    """The sentence above a table: which variants may be the best in quality; none where nothing beats chance."""
    metric = group.quality
    standings = [variant.standings[metric] for variant in group.variants if metric in variant.standings]
    ranked = sum(standing.verdict != "few seeds" for standing in standings)
    if not ranked or nothing_beats_chance(group):
        return ""
    possible = group.among(metric)
    enough = " with enough seeds" if ranked < len(standings) else ""
    meeting = " that meet the requirements" if group.sifted and group.sifted.excluded else ""
    of = f"the {ranked}{enough}{meeting}" if enough or meeting else f"these {ranked}"
    if len(possible) == 1:
        return f"With 95 % confidence {possible[0].name} is the best of {of}."
    return f"With 95 % confidence the best of {of} is among: {names(possible)}."


def names(variants: list[Variant]) -> str:
    """The names of these variants; of more than MOST_NAMED, the number of the rest."""
    return listed([variant.name for variant in variants], MOST_NAMED)
