"""Sentences about runs that were measured side by side on one machine, each in a slot of its own."""

from collections.abc import Sequence

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.listed import listed
from harness.records.slot import Slot


def sentences(groups: Sequence[ComparisonGroup]) -> list[str]:
    """What the slots of the runs of each comparison still shared; nothing for runs that had their machine alone."""
    return [sentence for group in groups for sentence in _of_group(group)]


def _of_group(group: ComparisonGroup) -> list[str]:
    by_slots: dict[int, list[str]] = {}
    slots: dict[int, list[Slot]] = {}
    for variant in group.variants:
        for run in variant.runs:
            if (slot := run.environment.slot) and slot.slots > 1:
                by_slots.setdefault(slot.slots, []).append(variant.name)
                slots.setdefault(slot.slots, []).append(slot)
    return [
        f"{group.title}: {listed(list(dict.fromkeys(names)))} ran {count} at a time on one machine, each pinned to its "
        f"own part of it{_shared(slots[count], count)}."
        for count, names in by_slots.items()
    ]


def _shared(slots: Sequence[Slot], count: int) -> str:
    """What slowed these runs down although each had its own part; empty where it was not measured."""
    known = [slot.slowdown for slot in slots if slot.slowdown]
    if not known:
        return ""
    step, copy = (max(one[work] for one in known) for work in ("step", "copy"))
    return (
        f"; what they share, above all the memory's bandwidth, makes a training step take up to {step:.2f} times as "
        f"long while all {count} work as alone, and copying memory {copy:.2f} times"
    )
