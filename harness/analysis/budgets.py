"""What each variant was given: epochs, steps, early stopping, trials of tuning; and which would gain from more."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.listed import listed
from harness.analysis.targets import monitored
from harness.analysis.variant_names import short_keys
from harness.analysis.variants import Variant
from harness.config.libraries import is_read
from harness.records.metrics import BEST_EPOCH, EPOCHS, METRICS, ON_VALIDATION, STEPS, TRIALS
from harness.records.record import Record

IMPROVING = "↑"
"""The sign behind the name of a variant that is still improving."""
COUNTED = {EPOCHS: "epoch", STEPS: "step", TRIALS: "tuning trial"}
"""The budgets that are counted; where they are equal in all runs, a sentence says them instead of columns."""


def still_improving(record: Record) -> bool | None:
    """Whether the best epoch of a run is its last, so that more epochs may give a better model.

    False where the score cannot get any better, such as an accuracy of 1. None where validation did not choose the
    epoch (``trainer.monitor=last`` or a training loss), for a run that did not finish, and where the backend knows no
    epochs.
    """
    if not is_read(record.choices["backend"], "trainer.epochs"):
        return None
    best = record.metrics.get(BEST_EPOCH)
    if best is None or not record.history or (monitor := monitored(record)) not in ON_VALIDATION:
        return None
    definition, score = METRICS[monitor], record.history[-1].get(monitor)
    return best == len(record.history) and score != definition.bounds[bool(definition.higher_is_better)]


def improving(variant: Variant) -> bool | None:
    """Whether more than half of a variant's runs are still improving; None if that is known of none."""
    known = [one for run in variant.runs if (one := still_improving(run)) is not None]
    return 2 * sum(known) > len(known) if known else None


def sign(variant: Variant) -> str:
    """The sign of a variant that is still improving; empty for all others."""
    return IMPROVING if improving(variant) else ""


def with_sign(variant: Variant) -> str:
    """The name of a variant in a table, with a sign if it is still improving."""
    return f"{variant.name} {sign(variant)}".strip()


def of_runs(records: list[Record]) -> list[str]:
    """A sentence if the best epoch of some of these runs is their last."""
    count = sum(still_improving(record) is True for record in records)
    if not count:
        return []
    runs = "" if len(records) == 1 else f" ({count} of {len(records)} runs)"
    return [f"still improving{runs}: the best epoch is the last; more trainer.epochs may give a better model"]


def shared(group: ComparisonGroup) -> dict[str, int]:
    """The counted budgets that are the same in all finished runs of a comparison group."""
    runs = [run for variant in group.variants for run in variant.runs]
    counts = {metric: {run.metrics[metric] for run in runs if metric in run.metrics} for metric in COUNTED}
    in_all = [metric for metric in COUNTED if runs and all(metric in run.metrics for run in runs)]
    return {metric: int(next(iter(counts[metric]))) for metric in in_all if len(counts[metric]) == 1}


def shared_sentence(group: ComparisonGroup) -> str:
    """What every run of a comparison group was given; empty if there is no such number."""
    counts = [f"{count:,} {COUNTED[metric]}{'s' * (count != 1)}" for metric, count in shared(group).items() if count]
    return f"Each run: {', '.join(counts)}." if counts else ""


def sentences(groups: Iterable[ComparisonGroup]) -> list[str]:
    """What a reader must know about the budgets: which differ, and who is still improving."""
    found = []
    for group in groups:
        variants = [variant for variant in group.variants if variant.runs]
        if clauses := list(_differing(variants)):
            found.append(
                f"{group.title}: the variants had different budgets, which may explain differences between them: "
                f"{'; '.join(clauses)}."
            )
        if ended := _stopped_early(variants):
            found.append(f"{group.title}: early stopping ended runs of {ended}.")
        if names := [variant.name for variant in variants if improving(variant)]:
            who = "all variants" if 1 < len(names) == len(variants) else listed(names)
            found.append(
                f"{group.title}: still improving ({IMPROVING}): {who}; the best epoch of most of their runs is the "
                "last, so that more trainer.epochs may change the result."
            )
    return found


def _differing(variants: list[Variant]) -> Iterator[str]:
    """A clause for each budget in which variants differ: its values, each with the variants that had it."""
    budgets: tuple[tuple[str, str, Callable[[Record], Any]], ...] = (
        ("trainer.epochs", "", lambda record: _trainer(record).get("epochs")),
        ("trainer.patience", "", lambda record: _trainer(record).get("patience") or "none"),
        ("trainer.batch_size", ", so other steps an epoch", lambda record: _trainer(record).get("batch_size")),
        ("trials of tuning", "", trials),
    )
    for key, meaning, of in budgets:
        named: dict[Any, list[str]] = {}
        for variant in (one for one in variants if is_read(one.record.choices["backend"], key)):
            named.setdefault(of(variant.record), []).append(name_without(variant, key))
        if len(named) > 1:
            yield f"{key} " + ", ".join(f"{value} ({listed(names)})" for value, names in named.items()) + meaning


def name_without(variant: Variant, key: str) -> str:
    """A variant's name without this setting, which the sentence says already."""
    if key not in variant.parts:
        return variant.name
    return variant.name.replace(f", {short_keys(variant.parts)[key]}={variant.parts[key]}", "")


def _trainer(record: Record) -> dict[str, Any]:
    return record.config.get("trainer") or {}


def trials(record: Record) -> int:
    """How many settings were tried on validation before those of this run were chosen; 0 without tuning.

    A baseline tries settings of its own in each training, and says how many.
    """
    of_its_own = int(record.metrics.get(TRIALS, 0))
    return max(record.tuning.trials if record.tuning else 0, of_its_own)


def with_trials(records: Iterable[Record]) -> list[Record]:
    """The records, with the number of trials among their metrics if any of them was tuned."""
    records = list(records)
    if not any(map(trials, records)):
        return records
    return [dataclasses.replace(record, metrics={**record.metrics, TRIALS: trials(record)}) for record in records]


def _stopped_early(variants: list[Variant]) -> str:
    """The variants with runs that ended before ``trainer.epochs``, and when they ended."""
    found = []
    for variant in variants:
        if not is_read(variant.record.choices["backend"], "trainer.epochs"):
            continue
        allowed = _trainer(variant.record).get("epochs")
        ended = sorted(len(run.history) for run in variant.runs if allowed and 0 < len(run.history) < allowed)
        if ended:
            when = f"{ended[0]}" if ended[0] == ended[-1] else f"{ended[0]} to {ended[-1]}"
            found.append(f"{variant.name} (after {when} of {allowed} epochs, {len(ended)} of {len(variant.runs)} runs)")
    return listed(found)
