"""Batches: a pure function of split, batch size, seed and epoch, so that both backends see them in the same order.

Dimension letters: N sequences of a split, B sequences of a batch, L length, D feature width, T longest target,
A all labels, C classes, W characters of a word.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from harness.data.labels import IGNORED
from harness.data.split import Split

POOL = 50
"""Batches per pool, in which sequences are sorted by length: large enough to save padding, small enough to vary."""


class Batch(NamedTuple):
    """Sequences padded to the longest of them.

    ``x`` is ``x_BL`` or ``x_BLD``; ``y`` is ``y_B``, ``y_BL``, ``y_BT`` or ``y_BA``, by task. ``tokens`` counts real
    steps without padding; ``sequences`` counts the sequences that are trained on. Where several processes share a
    training, a batch is this process's part of a batch of ``whole`` sequences, and ``weight`` is the weight of its mean
    loss in the mean over the processes; with one process the weight is 1.
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

    With ``bucket``, the shuffled split is cut into pools, each pool is sorted by length and cut into batches, and the
    batches are shuffled: a batch holds sequences of similar length, and every epoch has different batches.
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
    """The batches of a split; iterate once per epoch.

    ``share`` is (number of this process, number of processes): each batch is divided among the processes, and this
    process gets its part. ``per_step`` means that the loss is a mean over the steps that have a label, and not over
    sequences; with ``class_weights_C`` the mean is weighted by the class of each label. Without a seed, for evaluation,
    rows are ordered by length, and the batch of the longest comes first. ``to_device`` turns each batch into what the
    backend trains on; its time counts as waiting for data, like the time to gather the rows.
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
        class_weights_C: np.ndarray | None = None,
        to_device: Callable[[Batch], Any] = lambda batch: batch,
    ) -> None:
        self.split, self.batch_size, self.seed, self.bucket = split, batch_size, seed, bucket
        self.share, self.per_step, self.class_weights_C = share, per_step, class_weights_C
        self.to_device = to_device
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, counted from 0, whose batches the next iteration returns."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.split) // self.batch_size)

    def rows(self) -> list[np.ndarray]:
        """The row numbers of each batch of the chosen epoch."""
        length_N = self.split.length_N
        if self.seed is None:
            # longest first: with growing batches no freed memory fits the next one, and the process grows by each
            return _cut(np.argsort(length_N, kind="stable"), self.batch_size)[::-1]
        return plan(length_N, self.batch_size, self.seed, self.epoch, self.bucket)

    def largest(self) -> Any:
        """The batch of the chosen epoch with the most steps, padding included."""
        length_N = self.split.length_N
        rows = max(self.rows(), key=lambda rows: len(rows) * int(length_N[rows].max()))
        return self.to_device(self._deal(rows))

    def __iter__(self) -> Iterator[Any]:
        return (self.to_device(self._deal(rows)) for rows in self.rows())

    def _deal(self, rows: np.ndarray) -> Batch:
        return deal(self.split, rows, *self.share, self.per_step, self.class_weights_C)


def deal(
    split: Split, rows: np.ndarray, number: int, processes: int, per_step: bool = False,
    class_weights_C: np.ndarray | None = None,
) -> Batch:
    """This process's part of a batch; a process without a row gets a copy of the first row at weight 0.

    The weighted mean of the parts' losses equals the mean loss of the whole batch.
    """
    if processes == 1:
        return gather(split, rows)
    part = rows[number::processes]
    own, total = (_weight(split.labels(some), per_step, class_weights_C) for some in (part, rows))
    batch = gather(split, part) if len(part) else gather(split, rows[:1])._replace(tokens=0, sequences=0)
    return batch._replace(whole=len(rows), weight=own * processes / total if total else 0.0)


def _weight(y: np.ndarray, per_step: bool, class_weights_C: np.ndarray | None) -> float:
    """The number of labels in the mean loss of some sequences, or the sum of their weights."""
    if class_weights_C is not None:
        return float(class_weights_C[y[y != IGNORED]].sum())
    return int((y != IGNORED).sum()) if per_step else len(y)


def gather(split: Split, rows: np.ndarray) -> Batch:
    """The batch that consists of these rows."""
    length_B = split.length_N[rows]
    longest = max(1, int(length_B.max()))
    x = split.padded(rows, longest)
    y = split.labels(rows, longest)  # a ctc target is never longer than its input, so that this cuts no label
    characters_BLW = split.characters_of(rows, longest)
    tokens, sequences = int(length_B.sum()), len(rows)
    return Batch(x, length_B, y, tokens, sequences, sequences, characters_BLW=characters_BLW)
