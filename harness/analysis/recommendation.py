"""Which variant to take: the cheapest of those that are as good as the best, and better than chance."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isclose

from harness.analysis.chance import beats_chance
from harness.analysis.comparability import ComparisonGroup
from harness.analysis.differences import ROUNDING
from harness.analysis.pools import pools
from harness.analysis.variants import Variant
from harness.records.metrics import LATENCY, PARAMETERS, THROUGHPUT, known

GOOD = ("best", "equivalent")
"""The verdicts of the variants that may be recommended: an undecided one may be worse."""


@dataclass(frozen=True, eq=False)
class Recommendation:
    """The cheapest of the ``candidates`` in the metric ``cost``, which is None where there is nothing to choose.

    ``hardware`` is the title of the hardware group that the recommendation is for; None if it holds on all.
    """

    variant: Variant
    candidates: list[Variant]
    cost: str | None = None
    hardware: str | None = None


COSTS = ("latency", "throughput", "memory", "parameters")
"""What a user may want to be cheap, the default first: what serving a model costs its users."""


def cost_metric(group: ComparisonGroup, cost: str) -> str:
    """The metric that stands for one of COSTS in this group."""
    return dict(zip(COSTS, (LATENCY, THROUGHPUT, group.memory, PARAMETERS), strict=True))[cost]


def costs(group: ComparisonGroup) -> list[str]:
    """The metrics that tell cheap from dear, the preferred first: that of the group's ``cost``, then that of COSTS."""
    preferred = [cost_metric(group, cost) for cost in sorted(COSTS, key=lambda cost: cost != group.cost)]
    return [metric for metric in preferred if metric in group.metrics]


def with_mean_of(group: ComparisonGroup, variant: Variant, others: Iterable[Variant]) -> list[Variant]:
    """Those of the others whose mean quality is that of this variant, to rounding."""
    mean = variant.means[group.quality].mean
    return [
        one for one in others
        if one is not variant and isclose(one.means[group.quality].mean, mean, rel_tol=0, abs_tol=ROUNDING)
    ]  # fmt: skip


def as_good(group: ComparisonGroup) -> list[Variant]:
    """The variants that are best or equivalent in quality, the best first."""
    metric = group.quality
    return [variant for variant in group.among(metric) if variant.standings[metric].verdict in GOOD]


def good(group: ComparisonGroup) -> list[Variant]:
    """Those of them that are shown to beat chance."""
    return [variant for variant in as_good(group) if beats_chance(group, variant)]


def recommend(group: ComparisonGroup) -> list[Recommendation]:
    """The cheapest of the good variants by the first of ``costs`` that may be compared between them.

    One for each hardware group that has good variants, because time and memory are compared within one only; none if
    no variant is good. Where a single variant meets what the user requires, it is that one, whatever its verdict, if it
    beats chance.
    """
    meeting = [variant for variant in group.sifted.meeting if group.quality in variant.means] if group.sifted else []
    candidates = [one for one in meeting if beats_chance(group, one)] if len(meeting) == 1 else good(group)
    if len(candidates) < 2:
        return [Recommendation(variant, candidates) for variant in candidates]
    several = len(group.hardware_groups) > 1
    recommendations = []
    for hardware in group.hardware_groups:
        if here := [variant for variant in candidates if variant in hardware.variants]:
            recommendations.append(cheapest(group, here, hardware.title if several else None))
    return recommendations


def cheapest(group: ComparisonGroup, candidates: list[Variant], title: str | None = None) -> Recommendation:
    """The cheapest of these variants by the first of ``costs`` that may be compared between them, else the first."""
    for metric in costs(group):
        measured = next((pool for pool in pools(group, metric) if any(one in pool for one in candidates)), [])
        compared = [variant for variant in candidates if variant in measured]
        if len(compared) == len(candidates) > 1:
            sign = -1 if known(metric).higher_is_better else 1
            least = min(compared, key=lambda variant: sign * variant.means[metric].mean)
            return Recommendation(least, candidates, metric, title)
    return Recommendation(candidates[0], candidates, None, title)
