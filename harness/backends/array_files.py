"""Weights and checkpoints of the backends that have no format of their own: arrays and JSON in one file, no pickle."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.records import store


def save(path: Path, arrays: Sequence[np.ndarray], notes: Any) -> None:
    """Write arrays, and notes that JSON can hold; the file is complete or the previous one stays."""
    text = np.frombuffer(json.dumps(notes).encode(), np.uint8)
    numbered: dict[str, Any] = {str(number): array for number, array in enumerate(arrays)}
    with store.whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, notes=text, **numbered)


def load(path: Path) -> tuple[list[np.ndarray], Any] | None:
    """The arrays and notes of a file; None if there is no such file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[str(number)] for number in range(len(file.files) - 1)], json.loads(file["notes"].tobytes())
    except FileNotFoundError:
        return None
