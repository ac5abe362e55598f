"""The verdicts on the variants of a comparison group: how each metric is compared, and among which variants."""

from collections.abc import Sequence
from dataclasses import replace

from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.intervals import ALPHA, NORMAL_QUANTILE
from harness.analysis.pools import pools
from harness.analysis.recommendation import cheapest, with_mean_of
from harness.analysis.requirements import sift
from harness.analysis.samples import samples_of
from harness.analysis.statistics import FEWEST, Standing, rank
from harness.analysis.variances import Scale
from harness.analysis.variants import Variant
from harness.config.requirement import Requirement
from harness.records.metrics import known, split_of
from harness.records.serving_metrics import INT8, SERVING

SPEED_MARGIN = 0.05
"""Variants are as fast, or as small, as the best if they are less than this share behind."""
QUALITY_MARGIN = 0.01
"""The margin of a quality that no setting changes: one point."""
STEP_OF_MEMORY = 0.005
"""Allocators take memory in steps, so that several seeds may have one value: no spread is known below this share."""
SIZES = {"test": "test", "val": "validation", "train": "train", SERVING: "test", INT8: "test"}
"""The splits of a record by the first part of a metric's name."""


def set_standings(group: ComparisonGroup, margin: float = QUALITY_MARGIN, alpha: float = ALPHA) -> None:
    """Give each variant its standing in every metric that has a direction and that at least two variants have.

    ``margin`` is that of quality. The intervals of the means become those of the moderated variances, and get the part
    of the test items beside that of the seeds. Excluded variants have no standing.
    """
    group.margin = margin
    for metric in group.metrics:
        if known(metric).higher_is_better is None:
            continue
        for pool in pools(group, metric):
            if ranked := [variant for variant in pool if not variant.excluded]:
                if metric == group.quality:
                    ranked = _cheapest_leader_first(group, ranked)
                with_items = _set_standings(ranked, metric, margin, alpha)
                group.covers_items = with_items if metric == group.quality else group.covers_items


def _cheapest_leader_first(group: ComparisonGroup, variants: list[Variant]) -> list[Variant]:
    """These variants, the cheapest of those that share the best mean first: it is the one to be called the best."""
    enough = [variant for variant in variants if variant.means[group.quality].n >= FEWEST] or variants
    leader = best_first(group, enough)[0]
    first = cheapest(group, [leader, *with_mean_of(group, leader, enough)]).variant
    return [first, *(variant for variant in variants if variant is not first)]


def exclude(
    group: ComparisonGroup, requirements: Sequence[Requirement], margin: float, alpha: float = ALPHA
) -> None:
    """Take out the variants that do not meet all requirements, and give the others their standings among themselves."""
    quality = group.quality
    group.sifted = sift(group.variants, requirements)
    group.standings_over_all = {v: v.standings[quality] for v in group.variants if quality in v.standings}
    for variant in group.variants:
        variant.excluded = variant in group.sifted.excluded
        variant.standings.clear()
    set_standings(group, margin, alpha)


def _set_standings(pool: list[Variant], metric: str, margin: float, alpha: float) -> bool:
    """Whether the verdicts count the finite test set, so that every run kept its predictions."""
    found = samples_of(pool, metric)
    scale = scale_of(metric, pool, margin)
    if scale.floor and found.labels:  # one label of a sequence is less than the sequence
        scale = replace(scale, floor=1 / found.labels)
    ranked = rank(found.samples, scale, alpha)
    for variant, standing, items_half in zip(pool, ranked, found.items_halves, strict=True):
        mean = variant.means[metric]
        if items_half is not None:  # all items right, or all wrong, is no certainty about others
            items_half = max(items_half, NORMAL_QUANTILE * scale.floor)
        if standing is not None:
            half = mean.half if standing.half is None else standing.half
            variant.means[metric] = replace(mean, half=half, items_half=items_half)
            if len(pool) > 1:
                variant.standings[metric] = _with_reason(standing, variant, metric)
    return all(sample.items_N is not None for sample in found.samples)


def _with_reason(standing: Standing, variant: Variant, metric: str) -> Standing:
    """The standing; where other processes left too few runs for a verdict, it says so."""
    quiet, runs = len(variant.undisturbed), len(variant.runs)
    if not known(metric).timed or not variant.left_out or quiet >= FEWEST:
        return standing
    return replace(standing, reason=f"other processes disturbed {runs - quiet} of {runs} runs")


def scale_of(metric: str, pool: list[Variant], margin: float = QUALITY_MARGIN) -> Scale:
    """How a metric is compared.

    Shares, and error rates, by their differences; all else by ratios. Only what is measured in time or memory drifts
    with the machine from seed to seed.
    """
    definition = known(metric)
    higher_is_better = bool(definition.higher_is_better)
    if definition.exact:
        return Scale(higher_is_better, 0.0, exact=True)
    if definition.kind != "quality":
        floor = STEP_OF_MEMORY if definition.kind == "memory" else 0.0
        return Scale(higher_is_better, SPEED_MARGIN, logs=True, blocks=True, floor=floor)
    if definition.in_points:
        return Scale(higher_is_better, margin, floor=_one_item(metric, pool[0]))
    return Scale(higher_is_better, margin, logs=True)


def _one_item(metric: str, variant: Variant) -> float:
    """The share that one row of the metric's split is; 0 where their number is not known."""
    rows = variant.record.data.sizes.get(SIZES[split_of(metric)], 0)
    return 1 / rows if rows else 0.0
