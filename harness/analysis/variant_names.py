"""What cells are called: the encoder, and the little that sets them apart from those beside them."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from harness.analysis.variants import Cell, device_of, flat_settings, processor_of, threads_of
from harness.records.record import Record

MOST_PARTS = 3
"""Settings beside the encoder that a cell's name has room for."""
IMPLIED = {"additive_attention": ("pooling",)}
"""Choices that an encoder brings with it: nobody chose them, so they are not named."""
THREADS = "hardware.threads"
"""As many as a run had, where its config may leave them to the machine. Cells of one block share them: they are named
only of cells that are otherwise alike."""


def name_cells(cells: list[Cell]) -> None:
    """Name each cell by its encoder and by whatever else differs between these cells, and make the names unique.

    A name is short: keys less their groups, and of many keys those that tell most cells apart. ``parts`` has them all.
    """
    settings = [{**flat_settings(cell.record), THREADS: threads_of(cell.record)} for cell in cells]
    choices = [cell.record.choices for cell in cells]
    varying = _varying_choices(choices)
    keys = _varying_keys(settings, choices)
    for cell, own, choice in zip(cells, settings, choices, strict=True):
        cell.parts = {"encoder": _encoder(cell.record)}
        cell.parts |= {key: str(value) for key, value in _chosen(choice).items() if key in varying}
        cell.parts |= {key: _shown(own[key]) for key in sorted(own) if _group(own, choice, key) in keys.get(key, ())}
    short = short_keys(dict.fromkeys(key for cell in cells for key in cell.parts if key != "encoder"))
    told = [{key: value for key, value in cell.parts.items() if key != THREADS} for cell in cells]
    for cell, parts in zip(cells, told, strict=True):
        named, unnamed = _most_telling(told, parts)
        more = [f"and {unnamed} more settings"] if unnamed else []
        cell.name = ", ".join([cell.parts["encoder"], *(f"{short[key]}={cell.parts[key]}" for key in named), *more])
    _make_unique(cells)


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Each key less the groups before it, where that is still one key's alone; ``optimizer.name`` is the optimizer."""
    last = {key: re.sub(r"\.(name|_target_)$", "", key).rpartition(".")[2] for key in keys}
    count = Counter(last.values())
    return {key: short if count[short] == 1 else key for key, short in last.items()}


def _most_telling(cells: list[dict[str, str]], own: dict[str, str]) -> tuple[list[str], int]:
    """Of a cell's keys beside the encoder those that a name has room for, and how many it has not.

    The first is the one that tells it from most of the cells, the next from most of those that are left.
    """
    keys = [key for key in own if key != "encoder"]
    if len(keys) <= MOST_PARTS:
        return keys, 0
    alike = [parts for parts in cells if parts["encoder"] == own["encoder"]]
    found: list[str] = []
    while len(found) < MOST_PARTS:
        left = [parts for parts in alike if all(parts.get(key) == own[key] for key in found)]
        rest = [key for key in keys if key not in found]
        found.append(max(rest, key=lambda key: sum(parts.get(key) != own[key] for parts in left)))
    return [key for key in keys if key in found], len(keys) - MOST_PARTS


def _make_unique(cells: list[Cell]) -> None:
    """Tell cells of one name apart by threads, device and processor, and where that does not do it, by their hash."""
    ways: tuple[Callable[[Record], str], ...] = (_threads, device_of, processor_of, _hash)
    for tell in ways:
        told: dict[str, set[str]] = {}
        for cell in cells:
            told.setdefault(cell.name, set()).add(tell(cell.record))
        for cell in cells:
            if len(told[cell.name]) > 1:
                cell.name += f", {tell(cell.record)}"


def _threads(record: Record) -> str:
    return f"threads={threads_of(record)}"


def _hash(record: Record) -> str:
    return f"[{record['cell'][:6]}]"


def _chosen(choices: dict[str, str]) -> dict[str, str]:
    """The choices beside the encoder that were somebody's."""
    implied = IMPLIED.get(choices["encoder"], ())
    return {key: value for key, value in choices.items() if key != "encoder" and key not in implied}


def _varying_choices(choices: list[dict[str, str]]) -> set[str]:
    """The groups, beside the encoder, in which not all cells chose alike."""
    pairs = {(key, value) for choice in choices for key, value in _chosen(choice).items()}
    return {key for key, count in Counter(key for key, _ in pairs).items() if count > 1}


def _encoder(record: Record) -> str:
    """The chosen encoder's name; a custom one is called by its class."""
    chosen = record.choices["encoder"]
    target = record.config.get("encoder", {}).get("_target_") if chosen == "custom" else None
    return target.rpartition(".")[2] if target else chosen


def _group(settings: dict[str, Any], choices: dict[str, str], key: str) -> tuple[str, ...]:
    """What a config key is to be compared within: keys of ``encoder.`` among cells of one encoder, and so on."""
    top = key.split(".")[0]
    if top in choices:
        return (choices[top], *([choices["backend"]] if top != "backend" and "backend" in choices else []))
    named = settings.get(f"{top}.name")
    return (str(named),) if named is not None and key != f"{top}.name" else ()


def _varying_keys(settings: list[dict[str, Any]], choices: list[dict[str, str]]) -> dict[str, set[tuple[str, ...]]]:
    """The keys whose values differ between cells that chose alike, each with the choices among which they do."""
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
