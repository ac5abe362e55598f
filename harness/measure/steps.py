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

    With an accelerator (``on_accelerator``) every second epoch runs as a user's would: nothing waits for the device
    before the epoch's end, so that it works while the next batch is made. These epochs give the end-to-end speed and
    the time of an epoch, the others give the times of steps. On a processor nothing is waited for in any epoch.

    The warm-up lasts ``warmup_steps`` steps and ``warmup_seconds`` after the first step began, whichever is longer.
    ``before_first`` is called before the first epoch, when the framework is ready to train.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sync: Callable[[], None],
        warmup_steps: int,
        memory: PhaseMemory | None = None,
        warmup_seconds: float = 0.0,
        on_accelerator: bool = False,
        before_first: Callable[[], None] = lambda: None,
    ) -> None:
        self.clock, self.sync, self.memory, self.before_first = clock, sync, memory, before_first
        self.warmup_steps, self.warmup_seconds, self.on_accelerator = warmup_steps, warmup_seconds, on_accelerator
        self.first_step_at: float | None = None
        self.seconds: list[float] = []
        self.waited: list[float] = []
        self.tokens: list[int] = []
        self.sequences: list[int] = []
        self.epochs: list[float] = []
        self.epoch_tokens: list[int] = []
        self.epoch_steps: list[int] = []
        self._warm_steps = self._epoch_tokens = self._epoch_steps = 0
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
        if self.steps_are_timed:
            self.sync()
        self._start = self.clock()
        if self.first_step_at is None:
            self.first_step_at = self._start

    def step_ends(self, tokens: int, sequences: int) -> None:
        self._epoch_tokens += tokens
        self._epoch_steps += 1
        if not self.steps_are_timed:
            return
        self.sync()
        warm = self._start - (self.first_step_at or 0.0) < self.warmup_seconds or len(self.seconds) < self.warmup_steps
        self._warm_steps += warm
        self.seconds.append(self.clock() - self._start)
        self.waited.append(self._waiting)
        self.tokens.append(tokens)
        self.sequences.append(sequences)
        self._waiting = 0.0

    def epoch_begins(self) -> None:
        if not self.epochs:
            self.before_first()
        if self.memory is not None:
            self.memory.part_begins()
        self._epoch = self.clock()
        self._epoch_tokens = self._epoch_steps = 0
        self._waiting = 0.0

    def epoch_ends(self) -> None:
        """Call it after the last step, before validation and checkpoints."""
        self.sync()
        self.epochs.append(self.clock() - self._epoch)
        self.epoch_tokens.append(self._epoch_tokens)
        self.epoch_steps.append(self._epoch_steps)
        if self.memory is not None:
            self.memory.phase_ends("train")

    @property
    def steps_are_timed(self) -> bool:
        """Whether this epoch's steps are timed, which makes each of them wait for the device."""
        return not self.on_accelerator or len(self.epochs) % 2 == 0

    def metrics(self) -> dict[str, float]:
        """The ``speed/`` metrics of training; if all steps were warm-up, only the time of an epoch."""
        timed = slice(self._warm_steps, None)
        seconds = np.array(self.seconds[timed])
        not_interrupted = slice(1, None, 2) if self.on_accelerator else slice(None)
        whole = np.array(self.epochs[not_interrupted])
        epochs = {"speed/epoch_seconds": float(np.median(whole if len(whole) else self.epochs))} if self.epochs else {}
        if not len(seconds):
            return epochs
        if whole.any():
            rates = np.array(self.epoch_tokens[not_interrupted])[whole > 0] / whole[whole > 0]
            epochs["speed/end_to_end_tokens_per_second"] = float(np.median(rates))
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
