"""What the processes of a run tell each other: jobs from the parent to the worker, messages the other way."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.config.schema import Config
from harness.data.vectors.kept import WordVectors
from harness.records.record import Hardware, Kernels, PointStatus, Status


@dataclass(frozen=True)
class TrainJob:
    """One run for a worker: train, evaluate and measure. ``started`` is in UNIX seconds.

    ``devices`` are the accelerators that it uses, as the driver describes them. ``limits`` are those of median
    stopping, epoch by epoch: a trial whose best score so far costs more is stopped. ``vectors`` are those of
    ``input.vectors``.
    """

    config: Config
    hardware: Hardware
    folder: Path
    prepared: Path
    started: float
    devices: list[dict[str, Any]] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    vectors: WordVectors | None = None


@dataclass(frozen=True)
class BuildJob:
    """Build the model of a profile once, to know its ``cost/`` metrics."""

    config: Config
    hardware: Hardware


@dataclass(frozen=True)
class PointJob:
    """One point of a profile for a worker; ``folder`` is the run's, ``devices`` as those of a run."""

    config: Config
    hardware: Hardware
    folder: Path
    length: int
    batch_size: int
    devices: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Epoch:
    """An epoch is done: its number and scores, as the history keeps them."""

    numbers: dict[str, float]


@dataclass(frozen=True)
class Built:
    """The ``cost/`` metrics of a model that was built, and its kernels, as the record's environment has them."""

    metrics: dict[str, float]
    kernels: Kernels = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """The user must fix something, and nothing was trained: the sentence that says what."""

    sentence: str


@dataclass(frozen=True)
class Measured:
    """The results of a run. ``ranks`` has the numbers of each process that shared the training.

    ``others`` says what other processes did meanwhile, under the names of the record's environment, which has
    ``kernels`` too. ``stopped_epoch`` is the epoch after which median stopping ended the training.
    """

    metrics: dict[str, float]
    history: list[dict[str, float]]
    ranks: list[dict[str, float]]
    resumed_epochs: int
    others: dict[str, float]
    stopped_epoch: int | None = None
    kernels: Kernels = field(default_factory=dict)


@dataclass(frozen=True)
class PointNumbers:
    """Numbers of a point of a profile, or its status and reason if it failed."""

    numbers: dict[str, float] = field(default_factory=dict)
    status: PointStatus | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and how many epochs its history has then."""

    status: Status
    reason: str | None = None
    epochs: int = 0


Message = Epoch | Built | Refused | Measured | PointNumbers | Outcome
