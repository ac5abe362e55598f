"""What the statistics compare: each variant's values by seed, and its scores on the test items.

Dimension letters: S seeds, N test items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from harness.analysis.intervals import NORMAL_QUANTILE
from harness.analysis.item_scores import ItemScores, item_scores
from harness.analysis.variances import Sample
from harness.analysis.variants import Variant
from harness.records.metrics import ACCURACY, known


@dataclass(frozen=True)
class Samples:
    """The samples of several variants in one metric.

    ``labels`` is the number of labels of all test items together, None where no items' scores are known.
    ``items_halves`` are half the 95 % intervals of each variant's score over other test items; None where unknown.
    """

    samples: list[Sample]
    labels: float | None
    items_halves: list[float | None]


def samples_of(variants: Sequence[Variant], metric: str) -> Samples:
    """The samples of these variants, with the scores of items where every run of a variant kept its predictions."""
    values = [variant.values(metric) for variant in variants]
    if known(metric).timed:  # no scores of items belong to a time
        return Samples([Sample(own) for own in values], None, [None] * len(values))
    scores = [_item_scores(variant, metric) for variant in variants]
    if len({len(one.score_N) for own in scores for one in own}) != 1:  # none is known, or not of the same items
        return Samples([Sample(own) for own in values], None, [_of_a_share(variant, metric) for variant in variants])
    found, halves = [], []
    for variant, by_seed, own in zip(variants, values, scores, strict=True):
        sample, half = _with_items(by_seed, own) if own else (Sample(by_seed), _of_a_share(variant, metric))
        found.append(sample)
        halves.append(half)
    return Samples(found, next(float(own[0].weight_N.sum()) for own in scores if own), halves)


def _item_scores(variant: Variant, metric: str) -> list[ItemScores]:
    """The items' scores of every run that has the metric; empty if any is not known."""
    found = [item_scores(run, metric) for run in variant.runs if metric in run.metrics]
    return [one for one in found if one is not None] if all(found) else []


def _with_items(values: dict[int, float], scores: list[ItemScores]) -> tuple[Sample, float | None]:
    """A variant's sample with its items' scores, and half the interval of its score over other items.

    An item with several labels counts as a whole, because the labels of a sentence are not independent: the metric is
    a ratio of two sums over items, and an item's part in it is its score less its labels times the ratio.
    """
    labels_per_item = scores[0].weight_N.mean()
    score_SN = np.stack([one.score_N for one in scores]) / labels_per_item
    part_SN = score_SN - np.array([one.mean for one in scores])[:, None] * scores[0].weight_N / labels_per_item
    of_seeds = float(score_SN.var(0, ddof=1).mean()) if len(scores) > 1 else 0.0
    half = NORMAL_QUANTILE * sqrt(float((part_SN**2).mean()) / part_SN.shape[1])
    return Sample(values, part_SN.mean(0), of_seeds), half


def _of_a_share(variant: Variant, metric: str) -> float | None:
    """Half the interval of an accuracy over other items, where only the number of items is known."""
    rows, data = variant.record.data.sizes.get("test", 0), variant.record.data
    if metric != ACCURACY or data.task == "tagging" or not rows:
        return None
    share = variant.means[metric].mean
    return NORMAL_QUANTILE * sqrt(share * (1 - share) / rows)
