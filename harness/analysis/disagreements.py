"""The test items on which variants differ, and how often the best two agree, from the predictions that runs kept.

Dimension letters: V variants, R runs of one variant, N test items.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.item_scores import ItemScores, item_scores, read_predictions
from harness.analysis.variants import Variant
from harness.data.dataset import IGNORED
from harness.records.metrics import ACCURACY, known
from harness.records.record import DataSummary
from harness.tasks.predictions import Predictions

MOST_ITEMS = 50
MOST_VARIANTS = 8
MOST_WRONG = 3
"""An answer of several labels names at most so many that are wrong."""
MOST_LABELS = 40
"""A truth of several labels names at most so many."""
OF_ITEMS = (ACCURACY, "test/exact_match", "test/label_error_rate", "test/mse")
"""Metrics that are means over items, for groups whose quality is not, such as F1."""
NO_LABEL, ALL_RIGHT = "no label", "all right"


@dataclass(frozen=True)
class Answer:
    """What a variant predicted for an item: the answer of most of its runs, in words.

    ``count`` of ``runs`` runs gave it; None where answers are numbers, of which ``text`` is the mean. ``right`` is the
    share of the runs that are right; None where answers are neither right nor wrong.
    """

    text: str
    count: int | None
    runs: int
    right: float | None


@dataclass(frozen=True)
class Item:
    """A test item by its row number, its truth in words, and the answers, in the order of the variants."""

    row: int
    truth: str
    answers: list[Answer]


@dataclass(frozen=True)
class Agreement:
    """How often two variants are right on the same of ``items`` items: the means over all pairs of their runs.

    ``agree`` is the share of items on which both are right or both are wrong; on ``only_one`` and ``only_other`` items
    one is right alone. ``within`` is the share on which two runs of ``one`` agree, and of ``other``; None with one run.
    """

    one: Variant
    other: Variant
    items: int
    agree: float
    only_one: float
    only_other: float
    within: tuple[float | None, float | None]


@dataclass(frozen=True)
class Disagreements:
    """The items that ``variants`` (the best first) differ on most, of ``differing`` on which they differ at all.

    ``metric`` is what an item is scored by. ``agreement`` is that of the best two; None where no answer is right.
    """

    metric: str
    variants: list[Variant]
    items: list[Item]
    differing: int
    agreement: Agreement | None


def disagreements(group: ComparisonGroup) -> Disagreements | None:
    """What the best variants of a group disagree on: those that are not worse than the best, two at least.

    None where fewer than two variants kept predictions.
    """
    metric = _metric(group)
    ranked = [variant for variant in best_first(group, group.variants) if group.quality in variant.means]
    by_variant = {variant: _scores(variant, metric) for variant in ranked} if metric else {}
    by_variant = {variant: scores for variant, scores in by_variant.items() if scores}
    items = {len(scores[0].score_N) for scores in by_variant.values()}
    if metric is None or len(by_variant) < 2 or len(items) != 1:
        return None
    best = [v for v in by_variant if v.verdict(group.quality) != "worse" and not v.excluded]
    chosen = (best if len(best) > 1 else list(by_variant))[: MOST_VARIANTS if len(best) > 1 else 2]
    mean_VN = np.stack([_mean(by_variant[variant]) for variant in chosen])
    spread_N = np.ptp(mean_VN, axis=0)
    rows = _most_different(spread_N)
    right = [_right(metric, by_variant[variant]) for variant in chosen]
    one, other = chosen[:2]
    counted_N = by_variant[one][0].weight_N > 0
    agreement = None
    if right[0] is not None and right[1] is not None:
        agreement = _agreement(one, other, right[0][:, counted_N], right[1][:, counted_N])
    kept = {variant: _predictions(variant, metric) for variant in chosen}
    listed = [_item(row, kept, right) for row in rows]
    return Disagreements(metric, chosen, listed, int((spread_N > 0).sum()), agreement)


def _metric(group: ComparisonGroup) -> str | None:
    """The metric that items are scored by: the one that decides, or another that all finished variants have."""
    finished = [variant for variant in group.variants if variant.runs]
    for metric in (group.quality, *OF_ITEMS):
        if sum(bool(_scores(variant, metric)) for variant in finished) > 1:
            return metric
    return None


def _scores(variant: Variant, metric: str) -> list[ItemScores]:
    found = [item_scores(run, metric) for run in variant.runs]
    return [scores for scores in found if scores is not None]


def _mean(runs: list[ItemScores]) -> np.ndarray:
    """The score of each item per label, the mean over runs; 0 where an item does not count."""
    per_label_RN = [scores.score_N / np.maximum(scores.weight_N, 1) for scores in runs]
    return np.mean(per_label_RN, axis=0)


def _most_different(spread_N: np.ndarray) -> list[int]:
    """The rows of the items with the largest spread; among equals, rows from all over the split."""
    shuffled_N = np.random.default_rng(0).permutation(len(spread_N))
    order = np.lexsort((shuffled_N, -spread_N))[:MOST_ITEMS]
    rows = [int(row) for row in order if spread_N[row] > 0]
    return sorted(rows, key=lambda row: (-spread_N[row], row))


def _right(metric: str, runs: list[ItemScores]) -> np.ndarray | None:
    """Whether each run has an item wholly right, ``right_RN``; None for errors that are never quite 0."""
    if metric == "test/mse":
        return None
    scores = [one.score_N == one.weight_N if known(metric).higher_is_better else one.score_N == 0 for one in runs]
    return np.stack(scores)


def _agreement(one: Variant, other: Variant, one_RN: np.ndarray, other_RN: np.ndarray) -> Agreement:
    one_N, other_N, items = one_RN.mean(0), other_RN.mean(0), one_RN.shape[1]
    only_one, only_other = float((one_N * (1 - other_N)).sum()), float((other_N * (1 - one_N)).sum())
    within = (_within(one_RN), _within(other_RN))
    return Agreement(one, other, items, 1 - (only_one + only_other) / items, only_one, only_other, within)


def _within(right_RN: np.ndarray) -> float | None:
    """The share of the items on which two runs of a variant are both right or both wrong, the mean over its pairs."""
    runs, right_N = len(right_RN), right_RN.mean(0)
    return 1 - float((2 * right_N * (1 - right_N)).mean()) * runs / (runs - 1) if runs > 1 else None


def _predictions(variant: Variant, metric: str) -> list[Predictions]:
    """What the runs predicted whose items have scores."""
    usable = [run for run in variant.runs if item_scores(run, metric) is not None]
    return [found for run in usable if (found := read_predictions(run)) is not None]


def _item(row: int, kept: dict[Variant, list[Predictions]], right: list[np.ndarray | None]) -> Item:
    answers = [
        _answer(runs, row, variant.record.data, None if right_RN is None else float(right_RN[:, row].mean()))
        for (variant, runs), right_RN in zip(kept.items(), right, strict=True)
    ]
    variant, (first, *_) = next(iter(kept.items()))
    return Item(row, _named(first.item(row)[1], variant.record.data), answers)


def _answer(runs: list[Predictions], row: int, data: DataSummary, right: float | None) -> Answer:
    if data.task == "regression":
        return Answer(f"{np.mean([run.predicted[row] for run in runs]):.4g}", None, len(runs), right)
    (text, count), *_ = Counter(_words(run, row, data) for run in runs).most_common(1)
    return Answer(text, count, len(runs), right)


def _words(found: Predictions, row: int, data: DataSummary) -> str:
    """What a run predicted for an item; of tags only the wrong ones, by their place among the labelled steps."""
    predicted, truth = found.item(row)
    if data.task != "tagging":
        return _named(predicted, data)
    wrong = np.flatnonzero(predicted != truth)
    pairs = [(place + 1, _name(predicted[place], data), _name(truth[place], data)) for place in wrong[:MOST_WRONG]]
    said = [f"label {place}: {ours} for {true}" for place, ours, true in pairs]
    more = [f"{len(wrong) - MOST_WRONG} more"] if len(wrong) > MOST_WRONG else []
    return "; ".join([*said, *more]) or ALL_RIGHT


def _named(value: np.ndarray, data: DataSummary) -> str:
    """A prediction or a truth in words."""
    if data.task == "regression":
        return f"{float(value):.4g}"
    if data.task == "classification":
        return _name(value, data)
    ids = np.flatnonzero(value) if data.task == "multilabel" else value
    more = [f"… {len(ids) - MOST_LABELS} more"] if len(ids) > MOST_LABELS else []
    between = ", " if data.task == "multilabel" else " "
    return between.join([*(_name(one, data) for one in ids[:MOST_LABELS]), *more]) or NO_LABEL


def _name(label: np.ndarray | np.integer, data: DataSummary) -> str:
    """The name of a label by its id."""
    names = [*data.classes, *data.unseen]
    if label == IGNORED:
        return NO_LABEL
    return names[int(label)] if label < len(names) else str(label)
