"""Sentences about runs that were measured side by side on one machine, each in a slot of its own."""

from collections.abc import Sequence
from statistics import fmean

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.listed import listed
from harness.records.slot import Slot

WORTH_SAYING = 0.02
"""What neighbours may explain of a difference between times is said from this share on."""

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
        f"own part of it{_shared(slots[count], count)}.{_uneven(group, count)}"
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


def _uneven(group: ComparisonGroup, count: int) -> str:
    """A sentence where some variants had so many fewer neighbours than others that it may explain their speed.

    The last runs of a sweep have free slots beside them. What a neighbour costs is the part of the measured slowdown
    that it has in it.
    """
    costs: dict[str, tuple[float, float]] = {}
    for variant in group.variants:
        slots = [slot for run in variant.runs if (slot := run.environment.slot) and slot.slots == count]
        means = [slot.neighbours_mean for slot in slots if slot.neighbours_mean is not None]
        slowdowns = [slot.slowdown["step"] - 1 for slot in slots if slot.slowdown]
        if means and slowdowns:
            costs[variant.name] = fmean(means), max(slowdowns) / (count - 1)
    if len(costs) < 2:
        return ""
    fewest, most = (pick(costs, key=lambda name: costs[name][0]) for pick in (min, max))
    explained = (costs[most][0] - costs[fewest][0]) * max(cost for _, cost in costs.values())
    if explained < WORTH_SAYING:
        return ""
    return (
        f" {fewest} had {costs[fewest][0]:.1f} other runs beside it on average and {most} {costs[most][0]:.1f}, which "
        f"may explain {explained:.0%} of a difference between their times; with more seeds the numbers come closer."
    )
