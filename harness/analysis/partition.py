"""Variants sorted into lists of those that are alike."""

from collections.abc import Callable, Hashable

from harness.analysis.variants import Variant
from harness.records.record import Record


def groups_of(variants: list[Variant], key: Callable[[Record], Hashable]) -> list[list[Variant]]:
    """Sort variants into lists, each of which has one value of the ``key``."""
    lists: dict[Hashable, list[Variant]] = {}
    for variant in variants:
        lists.setdefault(key(variant.record), []).append(variant)
    return list(lists.values())


def partition(
    variants: list[Variant], same: Callable[[Record, Record], bool], key: Callable[[Record], Hashable]
) -> list[list[Variant]]:
    """Sort variants into lists in which every two are the ``same``; two that are like a third need not be.

    The ``key`` is all that ``same`` looks at: of records with one key, the first is asked for all.
    """
    parts: list[list[Variant]] = []
    asked: list[list[Record]] = []
    places: dict[Hashable, int] = {}
    for variant in variants:
        own = key(variant.record)
        if own not in places:
            fitting = (
                place for place, others in enumerate(asked) if all(same(variant.record, other) for other in others)
            )
            places[own] = next(fitting, len(parts))
            if places[own] == len(parts):
                parts.append([])
                asked.append([])
            asked[places[own]].append(variant.record)
        parts[places[own]].append(variant)
    return parts
