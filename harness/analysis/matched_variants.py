"""The same variants on several data sets, found by what distinguishes variants *within* a data set.

These are the encoder, and as few settings as tell the variants of one encoder apart there. So each data set may have
its own epochs or learning rate, and the lstm of one is still the lstm of the other.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from harness.analysis.comparability import as_text
from harness.analysis.variant_names import THREADS, short_keys, with_class_names
from harness.analysis.variants import Variant, asked_settings, device_of, flat_settings, processor_of, threads_of

DEVICE, PROCESSOR = "device", "processor"
"""What tells variants apart that have one config and ran on different machines."""

Facts = dict[str, str]
"""Choices and dotted keys of a config to values, of one variant, with its machine, without its data."""


def match(data_sets: Sequence[Sequence[Variant]]) -> list[dict[str, Variant]]:
    """By data set, the variants by a name that the same variant has on every data set.

    Of variants that differ in nothing but settings of the data, and have the same data, the newest counts.
    """
    encoders = dict.fromkeys(variant.parts["encoder"] for variants in data_sets for variant in variants)
    # a variant whose learning rate trials chose is the same variant on every data set, whatever they chose there
    every = [variant for variants in data_sets for variant in variants]
    facts = dict(
        zip(every, with_class_names(_facts(one, asked_settings(one.record)) for one in every), strict=True)
    )  # fmt: skip
    keys = {
        encoder: _telling_keys(
            [[variant for variant in variants if variant.parts["encoder"] == encoder] for variants in data_sets], facts
        )
        for encoder in encoders
    }
    short = short_keys(dict.fromkeys(key for own in keys.values() for key in own))
    named: list[dict[str, Variant]] = []
    for variants in data_sets:
        named.append({})
        for variant in sorted(variants, key=lambda variant: variant.record.started):
            encoder = variant.parts["encoder"]
            settings = (f"{short[key]}={facts[variant].get(key, 'null')}" for key in keys[encoder])
            named[-1][", ".join([encoder, *settings])] = variant
    return named


def differing_settings(variants: Sequence[Variant]) -> list[str]:
    """The keys, besides those of the data and the machine, that have another value in some of these variants."""
    facts = [_facts(variant, flat_settings(variant.record)) for variant in variants]
    keys = dict.fromkeys(key for own in facts for key in own if key not in (THREADS, DEVICE, PROCESSOR))
    return [key for key in keys if len({own.get(key) for own in facts}) > 1]


def _facts(variant: Variant, settings: dict[str, Any]) -> Facts:
    record = variant.record
    machine = {THREADS: threads_of(record), DEVICE: device_of(record), PROCESSOR: processor_of(record)}
    facts = {**record.choices, **settings, **machine}
    return {key: as_text(value) for key, value in facts.items() if key != "data" and not key.startswith("data.")}


def _telling_keys(data_sets: list[list[Variant]], facts: dict[Variant, Facts]) -> list[str]:
    """Few keys by which every two variants of one data set differ, if they do; all variants have one encoder.

    The first key is the one that tells the most pairs apart, the next the one that does so among the remaining pairs.
    """
    named = dict.fromkeys(key for variants in data_sets for variant in variants for key in variant.parts)
    candidates = [key for key in (*named, DEVICE, PROCESSOR) if key != "encoder" and not key.startswith("data")]
    alike = [pair for variants in data_sets for pair in combinations(variants, 2)]
    chosen: list[str] = []
    while alike:
        told = {key: sum(facts[one].get(key) != facts[other].get(key) for one, other in alike) for key in candidates}
        best = max(candidates, key=told.__getitem__)
        if not told[best]:
            break
        chosen.append(best)
        alike = [(one, other) for one, other in alike if facts[one].get(best) == facts[other].get(best)]
    return chosen
