"""The names of variants: the encoder, and the few settings that distinguish a variant from the others."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from harness.analysis.variants import Variant, device_of, flat_settings, processor_of, threads_of
from harness.config.libraries import not_read
from harness.config.pretrained import OWN_KEYS
from harness.config.schema import CLASS_WEIGHTS
from harness.records.record import Record
from harness.records.settings import CLASS, key_of

MOST_PARTS = 3
"""A variant's name has at most so many settings besides the encoder, and says how many it leaves out."""
MOST_WITHOUT_A_REST = MOST_PARTS + 1
"""Of so many it has all: one more is as short as saying that it is left out."""
IMPLIED = {
    "additive_attention": ("pooling",),
    "dummy": ("backend",),
    "nb_svm": ("backend",),
    "tfidf_logreg": ("backend",),
}
"""Choices that an encoder makes by itself: nobody chose them, so names leave them out."""
IMPLIED_KEYS = {"pretrained": OWN_KEYS}
"""The same of single settings."""
PATHS = ("input.vectors",)
"""Settings that are paths: a name has that of the file, unless two files have the same."""
THREADS = "hardware.threads"
"""The key under which a variant has the number of threads it used, even if its config left it to the machine.

The variants of one hardware group share it, so a name has it only if the variants are otherwise alike.
"""

Settings = dict[str, Any]
"""The flat config of a variant: dotted keys to values."""
Context = tuple[str, ...]
"""The choices that a config key depends on: its values are compared only among variants that made the same choices."""


def name_variants(variants: list[Variant]) -> None:
    """Set ``parts`` and a unique ``name`` of each variant: its encoder, and what else differs between these variants.

    A name is short: its keys have no group in front, and of many keys it has first the choices of parts and what the
    commands set or swept over, and of these the ones that distinguish the most variants. ``parts`` has all of them.
    """
    settings = [{**_own_settings(variant.record), THREADS: threads_of(variant.record)} for variant in variants]
    choices = [variant.record.choices for variant in variants]
    varying_choices = _varying_choices(choices)
    contexts = _varying_keys(settings, choices)
    given = _given_keys(variants)
    for variant, own, chosen in zip(variants, with_class_names(settings), choices, strict=True):
        varying = [key for key in sorted(own) if _context(own, chosen, key) in contexts.get(key, ())]
        encoder = _encoder_name(variant.record)
        variant.parts = {
            "encoder": encoder,
            **{key: str(value) for key, value in _explicit(chosen).items() if key in varying_choices},
            **{key: _as_text(own[key]) for key in sorted(varying, key=lambda key: not _is_chosen(key, given))},
        }
        if variant.parts.get(f"encoder{CLASS}") == encoder:
            del variant.parts[f"encoder{CLASS}"]
    short = short_keys(dict.fromkeys(key for variant in variants for key in variant.parts if key != "encoder"))
    files = _file_names({variant.parts[key] for variant in variants for key in PATHS if key in variant.parts})
    same_data = len({variant.record.data.hash for variant in variants}) == 1
    parts_in_names = [
        {key: value for key, value in variant.parts.items() if _decides(key, same_data)} for variant in variants
    ]
    for variant, parts in zip(variants, parts_in_names, strict=True):
        named, unnamed = _most_distinctive(parts_in_names, parts, given)
        more = [f"and {unnamed} more setting{'s' * (unnamed != 1)}"] if unnamed else []
        shown = (f"{short[key]}={files.get(parts[key], parts[key])}" for key in named)
        variant.name = ", ".join([parts["encoder"], *shown, *more])
    _make_unique(variants)


def _decides(key: str, same_data: bool) -> bool:
    """Whether a setting may be in a name: where the data are the same, the settings of their loader decide nothing."""
    return key != THREADS and not (same_data and key.startswith("data.") and key != f"data.{CLASS_WEIGHTS}")


def _given_keys(variants: list[Variant]) -> set[str]:
    """The choices of parts, and the settings that the commands of these variants set, swept over or tuned.

    ``encoder@encoder.inner=gru`` chooses the class of ``encoder.inner``, ``optimizer=sgd`` sets ``optimizer.name``.
    """
    given = {key for variant in variants for key in variant.record.choices}
    for variant in variants:
        for override in variant.record.overrides:
            key = key_of(override).removeprefix("tune.space.").rpartition("@")[2]
            given |= {key, f"{key}{CLASS}", f"{key}.name"}
    return given


def _is_chosen(key: str, given: set[str]) -> bool:
    """Whether a setting is the choice of a part, or one of those that commands gave."""
    return key.endswith(CLASS) or key in given


def with_class_names(settings: Iterable[Settings]) -> list[Settings]:
    """Flat configs with classes as names have them.

    A class of ours has the name of its choice (``gru``), one of the user's own that of the class, unless two classes
    have the same.
    """
    settings = list(settings)
    targets = {str(value) for own in settings for key, value in own.items() if key.endswith(CLASS)}
    names = {target: target.rpartition(".")[2] for target in targets}
    count = Counter(name for target, name in names.items() if not target.startswith("harness."))

    def shown(target: str) -> str:
        if target.startswith("harness."):
            return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", names[target]).lower()
        return names[target] if count[names[target]] == 1 else target

    return [{key: shown(str(own[key])) if key.endswith(CLASS) else own[key] for key in own} for own in settings]


def _file_names(paths: set[str]) -> dict[str, str]:
    """The name of each file by its path, of those whose name no other has."""
    names = {path: Path(path).name for path in paths}
    count = Counter(names.values())
    return {path: name for path, name in names.items() if count[name] == 1}


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Each key without the groups before it, unless two would be the same; ``optimizer.name`` becomes ``optimizer``."""
    last_parts = {key: re.sub(r"\.(name|_target_)$", "", key).rpartition(".")[2] for key in keys}
    count = Counter(last_parts.values())
    return {key: last if count[last] == 1 else key for key, last in last_parts.items()}


def _most_distinctive(variants: list[dict[str, str]], own: dict[str, str], given: set[str]) -> tuple[list[str], int]:
    """The keys of a variant, besides the encoder, that its name has room for, and the number of those left out.

    The first key is the one that distinguishes the variant from most others, the next from most of the remaining ones.
    Choices and ``given`` keys come before other ones, as long as they distinguish it from any.
    """
    keys = [key for key in own if key != "encoder"]
    if len(keys) <= MOST_WITHOUT_A_REST:
        return keys, 0
    same_encoder = [parts for parts in variants if parts["encoder"] == own["encoder"]]
    chosen: list[str] = []
    while len(chosen) < MOST_PARTS:
        alike = [parts for parts in same_encoder if all(parts.get(key) == own[key] for key in chosen)]
        distinguished = {
            key: sum(parts.get(key) != own[key] for parts in alike) for key in keys if key not in chosen
        }  # fmt: skip
        rank = {key: (count > 0, _is_chosen(key, given), count) for key, count in distinguished.items()}
        chosen.append(max(rank, key=rank.__getitem__))
    return [key for key in keys if key in chosen], len(keys) - MOST_PARTS


def _make_unique(variants: list[Variant]) -> None:
    """Add threads, device, processor and, if needed, the hash to names that several variants have."""
    descriptions: tuple[Callable[[Record], str], ...] = (_threads, device_of, processor_of, _hash)
    for describe in descriptions:
        by_name: dict[str, set[str]] = {}
        for variant in variants:
            by_name.setdefault(variant.name, set()).add(describe(variant.record))
        for variant in variants:
            if len(by_name[variant.name]) > 1:
                variant.name += f", {describe(variant.record)}"


def _threads(record: Record) -> str:
    return f"threads={threads_of(record)}"


def _hash(record: Record) -> str:
    return f"[{record.variant[:6]}]"


def _explicit(choices: dict[str, str]) -> dict[str, str]:
    """The choices besides the encoder, without those that the encoder implies or that its backend does not read."""
    implied = (*IMPLIED.get(choices["encoder"], ()), *not_read(choices.get("backend", "")))
    return {key: value for key, value in choices.items() if key != "encoder" and key not in implied}


def _own_settings(record: Record) -> Settings:
    """The flat config without the settings that the encoder implies."""
    implied = IMPLIED_KEYS.get(record.choices["encoder"], ())
    return {key: value for key, value in flat_settings(record).items() if key not in implied}


def _varying_choices(choices: list[dict[str, str]]) -> set[str]:
    """The config groups, besides the encoder, in which the variants made different choices."""
    pairs = {(key, value) for chosen in choices for key, value in _explicit(chosen).items()}
    return {key for key, count in Counter(key for key, _ in pairs).items() if count > 1}


def _encoder_name(record: Record) -> str:
    """The chosen encoder's name; of a custom encoder, the name of its class."""
    chosen = record.choices["encoder"]
    target: str | None = record.config.get("encoder", {}).get("_target_") if chosen == "custom" else None
    return target.rpartition(".")[2] if target else chosen


def _context(settings: Settings, choices: dict[str, str], key: str) -> Context:
    """The choices that a config key depends on: keys of ``encoder.`` on the encoder and the backend, and so on."""
    top = key.split(".")[0]
    if top in choices:
        return (choices[top], *([choices["backend"]] if top != "backend" and "backend" in choices else []))
    named = settings.get(f"{top}.name")
    return (str(named),) if named is not None and key != f"{top}.name" else ()


def _varying_keys(settings: list[Settings], choices: list[dict[str, str]]) -> dict[str, set[Context]]:
    """The keys whose values differ between variants with the same choices, each with the contexts where they differ."""
    values_by_key: dict[tuple[str, Context], set[str]] = {}
    for own, chosen in zip(settings, choices, strict=True):
        for key, value in own.items():
            values_by_key.setdefault((key, _context(own, chosen, key)), set()).add(_as_text(value))
    varying: dict[str, set[Context]] = {}
    for (key, context), values in values_by_key.items():
        if len(values) > 1:
            varying.setdefault(key, set()).add(context)
    return varying


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.0f}"
    return "null" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
