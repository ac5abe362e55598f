"""The one place that chooses a backend. Below it lie parallel folders with the same names and arguments."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from harness.config.schema import Config
from harness.data import Dataset, Split
from harness.measure import StepTimer
from harness.records.record import Hardware

Metrics = dict[str, float]


class Backend(Protocol):
    """What a framework does for a run; all else is shared.

    Dimension letters: N sequences, L length (also K for the attended side), D features, C classes, H heads.
    """

    rank: int
    """The number of this process among those that share the training, from 0."""

    def __init__(self, config: Config, hardware: Hardware) -> None:
        """Take the resolved config and what the hardware was resolved to; set threads, seed nothing yet."""

    def seed(self, seed: int) -> None:
        """Make all that is random from here on depend on ``seed`` alone."""

    def build(self, data: Dataset, seed: int) -> Metrics:
        """Build the model and return its ``cost/`` parameters.

        Raises:
            UserError: an encoder, pooling or position cannot be built with these arguments, or the task has no loss here.
        """

    def flops(self, length: int) -> int | None:
        """Matrix-product operations of one forward pass of one sequence; None where a part does not say its own."""

    def fit(
        self, data: Dataset, timer: StepTimer, folder: Path, epoch_done: Callable[[Metrics], None]
    ) -> tuple[list[Metrics], int]:
        """Train, and leave the model with the weights of the epoch that was best on validation.

        Returns the history, one object per epoch, and the best epoch, counted from 1. ``epoch_done`` is told each.
        """

    def gather(self, value: Metrics) -> list[Metrics]:
        """What each process that shares the training has, in the order of their ranks; after ``fit``."""

    def predict(self, split: Split) -> np.ndarray:
        """Outputs ``NC``, or ``NLC`` where the task wants them at every step, in the order of the split's rows."""

    def passes(self, split: Split, rows: Sequence[np.ndarray]) -> tuple[Callable[[Any], object], list[Any]]:
        """A function that runs one forward pass, and the batches of these rows, on the device already."""

    def attention(self, split: Split, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The attention of each part of the model that attends, by its path, on these rows.

        ``a_NHLK`` where steps attend to steps, ``a_NL`` where a pooling does; 0 at padding. Empty where nothing
        attends, or where the backend cannot say.
        """

    def training_pass(self) -> Callable[[Any], object]:
        """A function that runs forward, loss and backward on one of the batches that ``passes`` gave.

        No optimizer takes part. The gradients of the pass before are dropped first, as in training. The model is in
        training mode from here on: what ``passes`` returned before is not to be used any more.
        """

    def sync(self) -> None:
        """Wait until the device has done all it was given."""

    def device_peak(self) -> float | None:
        """Peak of the accelerator's allocator in MiB since ``device_reset``; None on a CPU."""

    def device_reset(self) -> None:
        """Start the accelerator's peak anew."""


def load(name: str) -> type[Backend]:
    """The backend class of this name, with its framework; the only way a framework gets loaded."""
    return import_module(f"harness.backends.{name}").Backend
