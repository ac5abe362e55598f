"""Batches as a pure function of (split, batch size, seed, epoch): both backends see the same ones in the same order.

Dimension letters: N sequences of a split, B of a batch, L length, D feature width,
W characters of a word.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.data.dataset import IGNORED, Split

POOL = 50
"""Batches whose sequences are sorted by length together: large enough to waste little, small enough to stay random."""


@dataclass(frozen=True)
class Batch:
    """Sequences cut to their longest member. ``tokens`` counts real steps, padding not; ``sequences`` those trained on.

    Where processes share a training, this is a part of a batch of ``whole`` sequences, and ``weight`` is what its mean
    loss counts in the mean over the processes: 1 where it is not shared.
    """

    x: np.ndarray
    length_B: np.ndarray
    y: np.ndarray
    tokens: int
    sequences: int
    whole: int
    weight: float = 1.0
    characters_BLW: np.ndarray | None = None


def plan(length_N: np.ndarray, batch_size: int, seed: int, epoch: int, bucket: bool) -> list[np.ndarray]:
    """The row numbers of each training batch of an epoch.

    With ``bucket``, a shuffled split is cut into pools, each pool is sorted by length and cut into batches, and the
    batches are shuffled: batches hold sequences of like length, and every epoch holds others.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(length_N))
    if not bucket:
        return _cut(order, batch_size)
    pools = _cut(order, batch_size * POOL)
    batches = [
        batch for pool in pools for batch in _cut(pool[np.argsort(length_N[pool], kind="stable")], batch_size)
    ]
    return [batches[index] for index in generator.permutation(len(batches))]


def _cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class Batches:
    """The batches of a split, to be gone through once per epoch.

    With ``share``, (number, of how many processes), each batch is dealt out and this process's part of it comes;
    ``per_step`` says that the loss is a mean over the steps that have a label, and not over sequences.
    Without a seed the rows come in order of length, for evaluation. ``to_device`` turns each into what the backend
    trains on; the time it takes counts as waiting for data, like the gathering.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        seed: int | None = None,
        bucket: bool = True,
        share: tuple[int, int] = (0, 1),
        per_step: bool = False,
        to_device: Callable[[Batch], Any] = lambda batch: batch,
    ) -> None:
        self.split, self.batch_size, self.seed, self.bucket = split, batch_size, seed, bucket
        self.share, self.per_step, self.to_device = share, per_step, to_device
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, counted from 0, whose batches come next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.split) // self.batch_size)

    def rows(self) -> list[np.ndarray]:
        """The row numbers of each batch of the chosen epoch."""
        length_N = self.split.length_N
        if self.seed is None:
            return _cut(np.argsort(length_N, kind="stable"), self.batch_size)
        return plan(length_N, self.batch_size, self.seed, self.epoch, self.bucket)

    def __iter__(self) -> Iterator:
        return (self.to_device(deal(self.split, rows, *self.share, self.per_step)) for rows in self.rows())


def deal(split: Split, rows: np.ndarray, number: int, processes: int, per_step: bool = False) -> Batch:
    """The part of a batch that falls to one of several processes; one that gets no row repeats one, at weight 0.

    The means of the parts' losses, by their weights, come to the mean over the whole batch.
    """
    if processes == 1:
        return gather(split, rows)
    part = rows[number::processes]
    own, together = (int((split.y[some] != IGNORED).sum()) if per_step else len(some) for some in (part, rows))
    batch = gather(split, part) if len(part) else replace(gather(split, rows[:1]), tokens=0, sequences=0)
    return replace(batch, whole=len(rows), weight=own * processes / max(1, together))


def gather(split: Split, rows: np.ndarray) -> Batch:
    """The batch that consists of these rows."""
    length_B = split.length_N[rows]
    longest = max(1, int(length_B.max()))
    # nothing of a ctc target is cut: it is never longer than its input
    y = split.y[rows] if split.y.ndim == 1 else split.y[rows, :longest]
    characters_BLW = None if split.characters is None else split.characters.of(rows, longest)
    tokens, sequences = int(length_B.sum()), len(rows)
    return Batch(split.x[rows, :longest], length_B, y, tokens, sequences, sequences, characters_BLW=characters_BLW)
