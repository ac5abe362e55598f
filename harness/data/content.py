"""The content of a split as a hash sees it: padded arrays, of which only a part exists at a time.

Prepared data were padded arrays once. The hash of data that was recorded then is still the hash of the same data.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from harness.data.flat import CHUNK
from harness.data.split import Split


class Digest(Protocol):
    """A hash of ``hashlib``."""

    def update(self, data: bytes | memoryview, /) -> None: ...


def add(digest: Digest, name: str, split: Split) -> None:
    """Add to a digest: x, lengths, labels, and characters if there are any, each padded to the longest of the split."""
    x, rows = split.x, len(split)
    _add_rows(digest, name, x.dtype, (rows, split.longest, *x.shape[1:]), split.padded)
    _add_array(digest, name, split.length_N)
    if split.y_offsets is None:
        _add_array(digest, name, split.y)
    else:
        _add_rows(digest, name, split.y.dtype, (rows, split.most_labels), split.labels)
    if split.characters is not None:
        spelling_T = split.characters.spelling_T
        _add_rows(digest, name, spelling_T.dtype, (rows, split.longest), split.spellings)
        _add_array(digest, name, split.characters.table_SW)


def _add_array(digest: Digest, name: str, array: np.ndarray) -> None:
    digest.update(f"{name} {array.dtype} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)


def _add_rows(
    digest: Digest, name: str, kind: np.dtype, shape: tuple[int, ...], padded: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Add an array of this shape, some rows at a time; ``padded`` returns rows of it."""
    digest.update(f"{name} {kind} {shape}".encode())
    some = max(1, CHUNK // (kind.itemsize * int(np.prod(shape[1:]))))
    for start in range(0, shape[0], some):
        digest.update(padded(np.arange(start, min(start + some, shape[0]))).data)
