"""Configs as the command line composes them, and small data sets, for tests that train in this process."""

import time

import numpy as np

from harness import backends
from harness.config.compose import compose as composed
from harness.data import Dataset, from_sequences
from harness.measure import StepTimer
from harness.records.record import Hardware

__all__ = ["HARDWARE", "composed", "features", "fitted", "ready", "words"]

HARDWARE = Hardware("cpu")


def words(sequences: int = 53, tagging: bool = False) -> Dataset:
    """Sequences of 0 to 7 token ids from a vocabulary of 29; 3 classes that a bag of words can distinguish."""
    rng = np.random.default_rng(0)

    def some(count: int):
        x = [rng.integers(2, 29, rng.integers(0, 8)) for _ in range(count)]
        y = [row % 3 for row in x] if tagging else [int(row.sum()) % 3 for row in x]
        return x, y

    vocabulary = [str(number) for number in range(29)]
    return from_sequences(some(sequences), some(17), some(19), classes=[0, 1, 2], vocabulary=vocabulary)


def features(sequences: int = 53) -> Dataset:
    """Sequences of 1 to 7 steps of 5 features, 3 classes."""
    rng = np.random.default_rng(0)

    def some(count: int):
        x = [rng.normal(size=(rng.integers(1, 8), 5)).astype(np.float32) for _ in range(count)]
        return x, [int(row[0, :3].argmax()) for row in x]

    return from_sequences(some(sequences), some(17), some(19), classes=[0, 1, 2])


def ready(data, *overrides, backend="tensorflow", hardware=HARDWARE):
    """A backend with its model built; ``backend`` is its name."""
    config = composed(f"backend={backend}", *overrides)
    made = backends.load(backend)(config, hardware)
    made.seed(config.seed)
    made.build(data, config.seed)
    return made


def fitted(made, data, folder, epoch_done=lambda numbers: None):
    """The result of ``fit``, and the timer. As after a run, no checkpoint to resume from is left."""
    timer = StepTimer(time.perf_counter, made.sync, warmup_steps=0)
    found = made.fit(data, timer, folder, epoch_done)
    for last in folder.glob("last.*"):
        last.unlink()
    return found, timer
