"""Some rows of validation as they were given, before they became ids: kept beside the prepared data.

The time from a text to its answer is measured on them (``measure.serve``). They stay in the cache, like all rows.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES = "examples.json"
MOST = 512
"""So many rows are kept at most."""


def some_rows(rows: Mapping[str, Sequence[Any]]) -> list[Any]:
    """At most ``MOST`` rows of validation, or of train where validation has none, at equal distances."""
    own = rows["validation"] if len(rows["validation"]) else rows["train"]
    return [own[number] for number in spread(len(own))]


def spread(count: int) -> np.ndarray:
    """The numbers of at most ``MOST`` of ``count`` rows, at equal distances."""
    return np.unique(np.linspace(0, max(0, count - 1), min(count, MOST)).astype(np.int64))


def save_examples(rows: Sequence[Any], folder: Path) -> None:
    """Write the rows into a folder of prepared data; ASCII only, so that lone surrogates can be written."""
    (folder / EXAMPLES).write_text(json.dumps(rows), encoding="utf8")


def load_examples(folder: Path) -> list[Any] | None:
    """The rows in a folder of prepared data; None where its loader kept none. Several columns are a tuple.

    Raises:
        OSError, ValueError: the file is damaged.
    """
    file = folder / EXAMPLES
    if not file.exists():
        return None
    rows = json.loads(file.read_text(encoding="utf8"))
    return [row if isinstance(row, str) else tuple(row) for row in rows]
