"""A nested config as dotted keys."""

from collections.abc import Iterator
from typing import Any


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys to values; a list is a value."""
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, inner in value.items():
        yield from flatten(inner, f"{prefix}.{key}" if prefix else str(key))
