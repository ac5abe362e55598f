"""What trials chose for the variants of a comparison group, and what more or fewer trials would have given."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.expected_best import expected_best
from harness.analysis.listed import in_a_row, listed
from harness.analysis.variants import Variant
from harness.config.search_space import Range, Values, read
from harness.records.metrics import known
from harness.records.tuning import Tuning

FEWEST_VALUES = 3
"""Of fewer values, almost every one is at an end, which says nothing."""


@dataclass(frozen=True)
class TunedVariant:
    """A variant whose settings trials chose. ``expected`` has the expected best score of 1, 2, ... trials."""

    variant: Variant
    tuning: Tuning
    expected: list[float]


def tuned_variants(group: ComparisonGroup) -> list[TunedVariant]:
    """The tuned variants of a group, the best on validation first; those of one metric, which the most of them have."""
    found = [(variant, variant.record.tuning) for variant in group.variants if variant.record.tuning]
    metrics = [tuning.metric for _, tuning in found]
    if not metrics:
        return []
    metric = max(metrics, key=metrics.count)
    higher = known(metric).higher_is_better is not False
    own = [
        TunedVariant(variant, tuning, expected_best(tuning.scores, higher))
        for variant, tuning in found if tuning.metric == metric
    ]  # fmt: skip
    return sorted(own, key=lambda one: one.tuning.score, reverse=higher)


def sentences(groups: Iterable[ComparisonGroup]) -> list[str]:
    """A sentence for each group in which a chosen setting is at an end of the space, or of what was tried of it."""
    found = []
    for group in groups:
        tuned = tuned_variants(group)
        ends = [f"{one.variant.name} ({', '.join(own)})" for one in tuned if (own := _at_an_end(one))]
        if ends:
            found.append(
                f"{group.title}: a wider tune.space may find better settings: those that were chosen are at an end of "
                f"it for {in_a_row(ends)}."
            )
        if tried := [f"{one.variant.name} ({end})" for one in tuned if (end := _at_an_end_of_the_tried(one))]:
            found.append(
                f"{group.title}: more trials may find better settings: those that were chosen are at an end of what "
                f"was tried for {in_a_row(tried)}."
            )
    return found


def repeated_trials(groups: Iterable[ComparisonGroup]) -> list[str]:
    """A sentence for each group in which a run has the seed of the trials, and so is the chosen trial once more.

    Its settings were chosen because they did well with this seed, so that its score tends to be too good.
    """
    found = []
    for group in groups:
        repeating = [
            one for one in tuned_variants(group)
            if one.tuning.trials > 1 and one.tuning.seed in {run.seed for run in one.variant.runs}
        ]  # fmt: skip
        if repeating:
            seeds = ", ".join(str(seed) for seed in sorted({one.tuning.seed for one in repeating}))
            found.append(
                f"{group.title}: the trials of {listed([one.variant.name for one in repeating])} had seed {seeds}, and "
                "so has one of the runs, which repeats the chosen trial: its score tends to be too good. Give the runs "
                "other seeds, or set another tune.seed."
            )
    return found


def _at_an_end(one: TunedVariant) -> list[str]:
    """The chosen settings that are the lowest or the highest of at least three that were tried."""
    space = read(one.variant.record.config["tune"]["space"])
    return [f"{key}={value:g}" for key, value in one.tuning.chosen.items() if _is_end(space.get(key), value)]


def _at_an_end_of_the_tried(one: TunedVariant) -> str | None:
    """The chosen value where it is the lowest or highest of at least three tried, and the space goes further there.

    Only for one key whose values ascend: its trials are in the order of its values.
    """
    space, tuning = read(one.variant.record.config["tune"]["space"]), one.tuning
    if len(space) != 1 or tuning.trials < FEWEST_VALUES:
        return None
    ((key, values),) = space.items()
    ends = _ascending_ends(values)
    if not ends or key not in tuning.chosen:
        return None
    value, (low, high) = tuning.chosen[key], ends
    if not (tuning.best == 0 and value > low) and not (tuning.best == tuning.trials - 1 and value < high):
        return None
    side, end = ("lowest", low) if tuning.best == 0 else ("highest", high)
    return f"{key}={value:g} is the {side} of {tuning.trials} tried, and tune.space goes to {end:g}"


def _ascending_ends(values: Values) -> tuple[float, float] | None:
    """The lowest and the highest of these values; None where they are no ascending numbers."""
    if isinstance(values, Range):
        return values.low, values.high
    if any(not isinstance(one, (int, float)) or isinstance(one, bool) for one in values) or sorted(values) != values:
        return None
    return values[0], values[-1]


def _is_end(values: Any, value: Any) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    if isinstance(values, Range):
        return value in (values.low, values.high)
    # null may be among them, such as no clipping of gradients
    numbers = [one for one in values or () if isinstance(one, (int, float)) and not isinstance(one, bool)]
    return len(numbers) >= FEWEST_VALUES and value in (min(numbers), max(numbers))
