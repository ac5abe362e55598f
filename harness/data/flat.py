"""Sequences of different lengths in one flat array with offsets, without padding, and some of them padded again.

Memory and disk grow with the steps that are there, and not with sequences times the longest of them.

Dimension letters: N sequences, T steps of all of them together, B some of the sequences, L length, D feature width.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

PAGE = 2**12
"""Bytes of the smallest page of memory of any machine."""
CHUNK = 2**24
"""About how many bytes are looked at together where all of an array is read: checks need no copy of it."""


def offsets_of(length_N: np.ndarray) -> np.ndarray:
    """Where each sequence begins in the flat array, and at last where the last one ends: N + 1 numbers, int64."""
    offsets = np.zeros(len(length_N) + 1, np.int64)
    np.cumsum(length_N, out=offsets[1:])
    return offsets


def joined(
    sequences: Sequence[Any], width: tuple[int, ...], kind: type[np.generic] | np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences, each ``L`` or ``LD`` by ``width``, one after the other in one array, and the offsets of each."""
    offsets = offsets_of(np.array([len(sequence) for sequence in sequences], np.int64))
    flat = np.empty((offsets[-1], *width), kind)
    for start, end, sequence in zip(offsets, offsets[1:], sequences, strict=False):
        flat[start:end] = sequence if len(sequence) else 0
    return flat, offsets


def padded(flat: np.ndarray, start_B: np.ndarray, length_B: np.ndarray, width: int, fill: int = 0) -> np.ndarray:
    """A new array ``BL`` or ``BLD`` of ``width`` steps: some sequences of ``flat``, with ``fill`` after their ends.

    ``start_B`` is where they begin. A longer sequence is cut to its first ``width`` steps.
    """
    end = len(flat) - width
    if len(flat) == 0:
        return np.full((len(start_B), width, *flat.shape[1:]), fill, flat.dtype)
    if start_B.max(initial=0) <= end:
        # a view of each possible window; picking some copies whole rows, five times as fast as picking single steps
        flat = np.ascontiguousarray(flat)
        strides = (flat.strides[0], *flat.strides)
        found = np.ndarray((end + 1, width, *flat.shape[1:]), flat.dtype, flat, strides=strides)[start_B]
    else:  # a window would reach beyond the end of the array
        found = flat.take(start_B[:, None] + np.arange(width), 0, mode="clip")
    shortest = min(width, int(length_B.min(initial=width)))
    if shortest < width:  # only steps that are padding in some row: batches are of similar lengths
        found[:, shortest:][np.arange(shortest, width) >= length_B[:, None]] = fill
    return found


def make_resident(array: np.ndarray) -> None:
    """Read one number of each page of an array that is mapped from a file, so that the page is in memory."""
    array.reshape(-1)[:: PAGE // array.itemsize].max(initial=0)


def chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Views of the array, part by part, that together are all of it."""
    size = max(1, CHUNK * len(array) // max(1, array.nbytes))
    return (array[start : start + size] for start in range(0, len(array), size))
