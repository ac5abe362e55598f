"""A nested config: as dotted keys, and with equal numbers written alike."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

CLASS = "._target_"
"""The end of the key that names the class of a part."""


def key_of(override: str) -> str:
    """The key of an override: ``optimizer.lr`` of ``+optimizer.lr=0.1``."""
    return override.lstrip("+~").partition("=")[0]


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys to values; a list is a value."""
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, inner in value.items():
        yield from flatten(inner, f"{prefix}.{key}" if prefix else str(key))


def parts(settings: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A part's settings and those of the parts inside it, such as an inner encoder, each with its key in the config."""
    if "_target_" in settings:
        yield where, settings
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from parts(value, f"{where}.{key}")


def replaced(config: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A nested config with other values of some dotted keys; it is copied where it changes."""
    config = dict(config)
    for key, value in values.items():
        first, dot, rest = key.partition(".")
        config[first] = replaced(config.get(first) or {}, {rest: value}) if dot else value
    return config


def without(config: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """A nested config without some dotted keys and parts, as far as it has them; it is copied where it changes."""
    config = dict(config)
    for key in keys:
        first, dot, rest = key.partition(".")
        if dot and isinstance(config.get(first), dict):
            config[first] = without(config[first], [rest])
        elif not dot:
            config.pop(first, None)
    return config


def one_form(value: Any, is_ours: bool = True) -> Any:
    """A config in which equal numbers are written alike, since ``encoder.dropout=0`` and ``0.0`` are one run.

    Except in parts that name code of the user's own, where a share of 1.0 may mean another thing than a count of 1. A
    flag is no number.
    """
    if isinstance(value, dict):
        target = value.get("_target_")
        is_ours = str(target).startswith("harness.") if target is not None else is_ours
        return {key: one_form(inner, is_ours) for key, inner in value.items()}
    if isinstance(value, list):
        return [one_form(inner, is_ours) for inner in value]
    return int(value) if is_ours and isinstance(value, float) and value.is_integer() else value
