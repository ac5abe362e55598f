"""Checkpoints: arrays and JSON in one file, without pickle. A training is resumed from the last one."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def save(path: Path, arrays: Sequence[np.ndarray], notes: Any) -> None:
    """Write arrays, and notes that JSON can hold, atomically: the file is complete or the previous one stays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            text = np.frombuffer(json.dumps(notes).encode(), np.uint8)
            numbered: dict[str, Any] = {str(number): array for number, array in enumerate(arrays)}
            np.savez(file, notes=text, **numbered)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> tuple[list[np.ndarray], Any] | None:
    """The arrays and notes of a file; None if there is no such file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[str(number)] for number in range(len(file.files) - 1)], json.loads(file["notes"].tobytes())
    except FileNotFoundError:
        return None
