"""What goes through the pipes between the launcher and the process of a slot (``wire``)."""

from dataclasses import dataclass
from typing import Any

from hydra.core.utils import JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass(frozen=True)
class Begin:
    """What is the same for all jobs: what Hydra knows in the command's process, and what each job calls.

    ``configs`` are those that Hydra and its plugins have registered; ``name`` is that of all jobs.
    """

    hydra: Any
    configs: Any
    name: str
    hydra_context: HydraContext
    task: TaskFunction


@dataclass(frozen=True)
class SlotJob:
    """A job, the environment variables that its slots change, and the processors that it is pinned to."""

    config: DictConfig
    environment: dict[str, str]
    processors: list[int]


@dataclass(frozen=True)
class Done:
    """A job has ended, with what its task returned or raised."""

    status: JobStatus
    returned: Any
    working_dir: str


@dataclass(frozen=True)
class Interrupted:
    """The process ends because it was asked to, and what it leaves, in words."""

    kept: str
