"""Training speed: the time of steps, of waiting for data, and of epochs, each kept apart from the others."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from harness.measure.memory import PhaseMemory

Item = TypeVar("Item")


class StepTimer:
    """Times training steps after a warm-up.

    A step runs from its batch being on the device to the optimizer's step being done; ``sync`` waits for the device at
    both edges. What lies between two steps is in no step: of it, only the time spent in ``waiting`` is counted, as
    waiting for data. ``memory``, where given, is weighed over the same parts of epochs: validation, whose batches are
    larger, is no part of training's peak.
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
        """Pass the batches on, timing how long each takes to arrive."""
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
        """To be called when the last step is done, before validation and checkpoints."""
        self.sync()
        self.epochs.append(self.clock() - self._epoch)
        if self.memory is not None:
            self.memory.phase_ends("train")

    def metrics(self) -> dict[str, float]:
        """The ``speed/`` numbers of training; those of steps are absent where the warm-up took them all."""
        timed = slice(self.warmup_steps, None)
        seconds = np.array(self.seconds[timed])
        found = {"speed/epoch_seconds": float(np.median(self.epochs))} if self.epochs else {}
        if not len(seconds):
            return found
        waited = float(np.sum(self.waited[timed]))
        p50, p95 = np.percentile(seconds * 1000, [50, 95])
        return {
            "speed/train_tokens_per_second": float(np.sum(self.tokens[timed]) / seconds.sum()),
            "speed/train_sequences_per_second": float(np.sum(self.sequences[timed]) / seconds.sum()),
            "speed/train_step_ms_p50": float(p50),
            "speed/train_step_ms_p95": float(p95),
            "speed/data_wait_fraction": waited / (waited + float(seconds.sum())),
            **found,
        }


def over_ranks(ranks: list[dict[str, float]]) -> dict[str, float]:
    """The numbers of a training that several processes share: throughput summed, all else at its largest."""
    names = [name for name in ranks[0] if all(name in rank for rank in ranks)]
    return {
        name: (sum if name.endswith("_per_second") else max)(rank[name] for rank in ranks) for name in names
    }
