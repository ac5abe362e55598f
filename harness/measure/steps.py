"""Training speed: the times of steps, of waiting for data, and of epochs, measured separately."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from harness.measure.memory import PhaseMemory

Item = TypeVar("Item")


class StepTimer:
    """Times training steps after a warm-up.

    A step begins when its batch is on the device and ends when the optimizer has updated the weights; ``sync`` waits
    for the device at both ends. The time between two steps belongs to no step; the part of it that is spent in
    ``waiting`` counts as waiting for data. ``memory`` measures the same parts of the epochs, if given: validation,
    whose batches are larger, does not count in the peak of training. Times are in seconds of ``clock``.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sync: Callable[[], None],
        warmup_steps: int,
        memory: PhaseMemory | None = None,
    ) -> None:
        self.clock, self.sync, self.warmup_steps, self.memory = clock, sync, warmup_steps, memory
        self.first_step_at: float | None = None
        self.seconds: list[float] = []
        self.waited: list[float] = []
        self.tokens: list[int] = []
        self.sequences: list[int] = []
        self.epochs: list[float] = []
        self._waiting = 0.0

    def waiting(self, batches: Iterable[Item]) -> Iterator[Item]:
        """Yield the batches, and time how long each takes to arrive."""
        iterator = iter(batches)
        while True:
            start = self.clock()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            self._waiting += self.clock() - start
            yield batch

    def step_begins(self) -> None:
        self.sync()
        self._start = self.clock()
        if self.first_step_at is None:
            self.first_step_at = self._start

    def step_ends(self, tokens: int, sequences: int) -> None:
        self.sync()
        self.seconds.append(self.clock() - self._start)
        self.waited.append(self._waiting)
        self.tokens.append(tokens)
        self.sequences.append(sequences)
        self._waiting = 0.0

    def epoch_begins(self) -> None:
        if self.memory is not None:
            self.memory.part_begins()
        self._epoch = self.clock()
        self._waiting = 0.0

    def epoch_ends(self) -> None:
        """Call it after the last step, before validation and checkpoints."""
        self.sync()
        self.epochs.append(self.clock() - self._epoch)
        if self.memory is not None:
            self.memory.phase_ends("train")

    def metrics(self) -> dict[str, float]:
        """The ``speed/`` metrics of training; those of steps are absent if all steps were warm-up."""
        timed = slice(self.warmup_steps, None)
        seconds = np.array(self.seconds[timed])
        epochs = {"speed/epoch_seconds": float(np.median(self.epochs))} if self.epochs else {}
        if not len(seconds):
            return epochs
        waited = float(np.sum(self.waited[timed]))
        p50, p95 = np.percentile(seconds * 1000, [50, 95])
        return {
            "speed/train_tokens_per_second": float(np.sum(self.tokens[timed]) / seconds.sum()),
            "speed/train_sequences_per_second": float(np.sum(self.sequences[timed]) / seconds.sum()),
            "speed/train_step_ms_p50": float(p50),
            "speed/train_step_ms_p95": float(p95),
            "speed/data_wait_fraction": waited / (waited + float(seconds.sum())),
            **epochs,
        }


def over_ranks(ranks: list[dict[str, float]]) -> dict[str, float]:
    """Combine the metrics of the processes that share a training: the sum of throughputs, the maximum of all others."""
    names = [name for name in ranks[0] if all(name in rank for rank in ranks)]
    return {
        name: (sum if name.endswith("_per_second") else max)(rank[name] for rank in ranks) for name in names
    }
