"""What variants are called: the encoder, and the little that sets them apart from those beside them."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from harness.analysis.variants import Variant, device_of, flat_settings, processor_of, threads_of
from harness.records.record import Record

MOST_PARTS = 3
"""Settings beside the encoder that a variant's name has room for."""
IMPLIED = {"additive_attention": ("pooling",)}
"""Choices that an encoder brings with it: nobody chose them, so they are not named."""
THREADS = "hardware.threads"
"""As many as a run had, where its config may leave them to the machine. Variants of one hardware_group share them: they are named
only of variants that are otherwise alike."""


def name_variants(variants: list[Variant]) -> None:
    """Name each variant by its encoder and by whatever else differs between these variants, and make the names unique.

    A name is short: keys less their groups, and of many keys those that tell most variants apart. ``parts`` has them all.
    """
    settings = [{**flat_settings(variant.record), THREADS: threads_of(variant.record)} for variant in variants]
    choices = [variant.record.choices for variant in variants]
    varying = _varying_choices(choices)
    keys = _varying_keys(settings, choices)
    for variant, own, choice in zip(variants, settings, choices, strict=True):
        variant.parts = {"encoder": _encoder(variant.record)}
        variant.parts |= {key: str(value) for key, value in _chosen(choice).items() if key in varying}
        variant.parts |= {key: _shown(own[key]) for key in sorted(own) if _group(own, choice, key) in keys.get(key, ())}
    short = short_keys(dict.fromkeys(key for variant in variants for key in variant.parts if key != "encoder"))
    told = [{key: value for key, value in variant.parts.items() if key != THREADS} for variant in variants]
    for variant, parts in zip(variants, told, strict=True):
        named, unnamed = _most_telling(told, parts)
        more = [f"and {unnamed} more settings"] if unnamed else []
        variant.name = ", ".join([variant.parts["encoder"], *(f"{short[key]}={variant.parts[key]}" for key in named), *more])
    _make_unique(variants)


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Each key less the groups before it, where that is still one key's alone; ``optimizer.name`` is the optimizer."""
    last = {key: re.sub(r"\.(name|_target_)$", "", key).rpartition(".")[2] for key in keys}
    count = Counter(last.values())
    return {key: short if count[short] == 1 else key for key, short in last.items()}


def _most_telling(variants: list[dict[str, str]], own: dict[str, str]) -> tuple[list[str], int]:
    """Of a variant's keys beside the encoder those that a name has room for, and how many it has not.

    The first is the one that tells it from most of the variants, the next from most of those that are left.
    """
    keys = [key for key in own if key != "encoder"]
    if len(keys) <= MOST_PARTS:
        return keys, 0
    alike = [parts for parts in variants if parts["encoder"] == own["encoder"]]
    found: list[str] = []
    while len(found) < MOST_PARTS:
        left = [parts for parts in alike if all(parts.get(key) == own[key] for key in found)]
        rest = [key for key in keys if key not in found]
        found.append(max(rest, key=lambda key: sum(parts.get(key) != own[key] for parts in left)))
    return [key for key in keys if key in found], len(keys) - MOST_PARTS


def _make_unique(variants: list[Variant]) -> None:
    """Tell variants of one name apart by threads, device and processor, and where that does not do it, by their hash."""
    ways: tuple[Callable[[Record], str], ...] = (_threads, device_of, processor_of, _hash)
    for tell in ways:
        told: dict[str, set[str]] = {}
        for variant in variants:
            told.setdefault(variant.name, set()).add(tell(variant.record))
        for variant in variants:
            if len(told[variant.name]) > 1:
                variant.name += f", {tell(variant.record)}"


def _threads(record: Record) -> str:
    return f"threads={threads_of(record)}"


def _hash(record: Record) -> str:
    return f"[{record.variant[:6]}]"


def _chosen(choices: dict[str, str]) -> dict[str, str]:
    """The choices beside the encoder that were somebody's."""
    implied = IMPLIED.get(choices["encoder"], ())
    return {key: value for key, value in choices.items() if key != "encoder" and key not in implied}


def _varying_choices(choices: list[dict[str, str]]) -> set[str]:
    """The groups, beside the encoder, in which not all variants chose alike."""
    pairs = {(key, value) for choice in choices for key, value in _chosen(choice).items()}
    return {key for key, count in Counter(key for key, _ in pairs).items() if count > 1}


def _encoder(record: Record) -> str:
    """The chosen encoder's name; a custom one is called by its class."""
    chosen = record.choices["encoder"]
    target = record.config.get("encoder", {}).get("_target_") if chosen == "custom" else None
    return target.rpartition(".")[2] if target else chosen


def _group(settings: dict[str, Any], choices: dict[str, str], key: str) -> tuple[str, ...]:
    """What a config key is to be compared within: keys of ``encoder.`` among variants of one encoder, and so on."""
    top = key.split(".")[0]
    if top in choices:
        return (choices[top], *([choices["backend"]] if top != "backend" and "backend" in choices else []))
    named = settings.get(f"{top}.name")
    return (str(named),) if named is not None and key != f"{top}.name" else ()


def _varying_keys(settings: list[dict[str, Any]], choices: list[dict[str, str]]) -> dict[str, set[tuple[str, ...]]]:
    """The keys whose values differ between variants that chose alike, each with the choices among which they do."""
    seen: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for own, choice in zip(settings, choices, strict=True):
        for key, value in own.items():
            seen.setdefault((key, _group(own, choice, key)), set()).add(_shown(value))
    found: dict[str, set[tuple[str, ...]]] = {}
    for (key, group), values in seen.items():
        if len(values) > 1:
            found.setdefault(key, set()).add(group)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "null" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
