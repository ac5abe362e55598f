"""What every backend offers: the ``Backend`` protocol, and the batch that its models read.

Dimension letters: B sequences of a batch, N sequences of a split, L length (also K for the attended side), C classes,
H heads.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from harness.backends.exported import Exported
from harness.backends.history import Metrics
from harness.config.schema import Config
from harness.data import Dataset, Split
from harness.measure import StepTimer
from harness.records.record import Hardware, Kernels


class DeviceBatch(NamedTuple):
    """A batch whose arrays are tensors on the device; the counts stay Python numbers.

    ``x`` holds token ids ``BL`` or feature vectors ``BLD``; with characters it is the pair of token ids and
    ``characters_BLW``. ``tokens``, ``sequences``, ``whole`` and ``weight`` are those of ``harness.data.Batch``.
    """

    x: Any
    length_B: Any
    y: Any
    tokens: int
    sequences: int
    whole: int
    weight: float


class Backend(Protocol):
    """What a framework does for a run; everything else is shared."""

    rank: int
    """The number of this process among the processes that share the training, from 0."""
    exports: tuple[str, ...]
    """The formats that ``export`` can write."""

    def __init__(self, config: Config, hardware: Hardware) -> None:
        """Keep the config and the resolved hardware, and set the number of threads. Nothing is seeded yet."""

    def seed(self, seed: int) -> None:
        """Seed every random generator of the framework."""

    def build(self, data: Dataset, seed: int) -> None:
        """Build the model.

        Raises:
            UserError: an encoder, pooling or position cannot be built with these arguments, or this backend has no
                loss for the task.
        """

    def parameters(self) -> Metrics:
        """The ``cost/`` parameter counts of the model; of one that grows with what it learns, after ``fit``."""

    def flops(self, length: int) -> int | None:
        """Matrix-product operations of one forward pass of one sequence; None if a part does not report its own."""

    def kernels(self) -> Kernels:
        """What computes each recurrent encoder of the built model, in training and in inference."""

    def fit(
        self, data: Dataset, timer: StepTimer, folder: Path, epoch_done: Callable[[Metrics], None],
        limits: Sequence[float] = (),
    ) -> tuple[list[Metrics], int]:
        """Train, and leave the model with the weights of the best epoch.

        A checkpoint in ``folder`` is resumed; a damaged one is set aside. ``epoch_done`` is called with the metrics of
        each epoch. ``limits`` has the largest cost of the best score so far after each epoch; training stops after an
        epoch whose limit is exceeded.

        Returns:
            The history, one entry per epoch, and the best epoch, counted from 1.

        Raises:
            RuntimeError: the training diverged.
        """

    def restore(self, folder: Path) -> None:
        """Give the built model the weights of the best epoch, which ``fit`` left in a run's folder.

        Raises:
            UserError: the folder has no weights, or they are damaged or those of another model.
        """

    def export(self, kind: str, file: Path, examples: Split) -> None:
        """Write the model as a file in one of the formats ``exports``: a graph for the processor in float32.

        It reads and gives what ``harness.backends.exported`` says, for any number of sequences of any length.
        ``examples`` are some sequences of different lengths, as the data has them; the outputs do not depend on them.

        Raises:
            UserError: a part of the model cannot be written in this format.
        """

    def exported(self, kind: str, file: Path) -> Exported:
        """A file of ``export`` opened again, as its users will; not for ONNX, which needs no backend."""

    def gather(self, value: Metrics) -> list[Metrics]:
        """The ``value`` of each process that shares the training, in order of rank; call it after ``fit``."""

    def predict(self, split: Split) -> np.ndarray:
        """Outputs ``NC``, or ``NLC`` if the task needs an output at every step, in the order of the split's rows."""

    def passes(
        self, split: Split, rows: Sequence[np.ndarray]
    ) -> tuple[Callable[[DeviceBatch], object], list[DeviceBatch]]:
        """A function that runs one forward pass, and one batch per array of row numbers, already on the device."""

    def attention(self, split: Split, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The attention weights of these rows, by the path of the part of the model that computes them.

        ``a_NHLK`` if steps attend to steps, ``a_NL`` for a pooling; padding has weight 0. Empty if the model has no
        attention, or if the backend cannot read it.
        """

    def training_pass(self) -> Callable[[DeviceBatch], object]:
        """A function that runs forward, loss and backward on one of the batches of ``passes``.

        It updates no weights, and drops the gradients of the previous pass first, as training does. The model is in
        training mode from here on, so that the forward function of ``passes`` must not be used any more.
        """

    def warm_up_device(self) -> None:
        """Load an accelerator's context and kernels, before the baseline of the host's memory; nothing on a CPU.

        Call it before ``seed``.
        """

    def sync(self) -> None:
        """Wait until the device has finished all its work."""

    def device_peak(self) -> float | None:
        """Peak of the accelerator's allocator since ``device_reset``, MiB; None on a CPU."""

    def device_reset(self) -> None:
        """Reset the accelerator's peak."""
