"""What a reader of the results must know about the splits: rows in two of them, empty ones, lengths that train lacks.

Rows are not removed, because published data stays as it is: they are counted, and the counts are notes of the data.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from harness.data.split import Split

MANY_UNKNOWN = 0.2
"""Above this share of unknown tokens, a reader is warned: what a text says is mostly in its rarer words."""


def shared_rows(rows: Mapping[str, Sequence[Any]], name: str) -> dict[str, Any]:
    """Notes of how many rows of validation and test also occur in train, under ``name``, and of test in validation."""
    train, validation = set(rows["train"]), set(rows["validation"])
    in_train = {role: _count(rows[role], train) for role in ("validation", "test")}
    return {name: in_train, "test_in_validation": _count(rows["test"], validation)}


def _count(rows: Iterable[Any], others: set[Any]) -> int:
    return sum(row in others for row in rows)


def unknown_shares(splits: Mapping[str, Split], unknown: int) -> dict[str, float]:
    """Which share of the tokens of validation and of test has the id ``unknown``."""
    return {
        role: float(np.count_nonzero(splits[role].x == unknown) / max(1, len(splits[role].x)))
        for role in ("validation", "test")
    }


def notes_of_arrays(
    splits: Mapping[str, Split], known: Mapping[str, Any], unknown: int | None = None
) -> dict[str, Any]:
    """The notes that the arrays of the splits show, without those that the loader wrote (``known``) and counts of 0.

    ``unknown`` is the id of unknown tokens; None where sequences are no tokens.
    """
    notes: dict[str, Any] = {}
    if "repeated_texts" not in known:
        notes = shared_rows({role: list(_digests(split)) for role, split in splits.items()}, "repeated_sequences")
        if not any(notes["repeated_sequences"].values()) and not notes["test_in_validation"]:
            notes = {}
    if "empty_texts" not in known:
        empty = {role: int((split.length_N == 0).sum()) for role, split in splits.items()}
        notes |= {"empty_sequences": empty} if any(empty.values()) else {}
    if "unknown_tokens" not in known and unknown is not None:
        shares = unknown_shares(splits, unknown)
        notes |= {"unknown_tokens": shares} if any(shares.values()) else {}
    longest = {role: int(split.length_N.max(initial=0)) for role, split in splits.items()}
    return notes | ({"longest": longest} if max(longest.values()) > longest["train"] else {})


def _digests(split: Split) -> Iterator[bytes]:
    """A hash of each sequence: the rows of large data are not kept in memory."""
    for start, end in pairwise(split.offsets.tolist()):
        yield hashlib.blake2b(split.x[start:end].tobytes(), digest_size=16).digest()
