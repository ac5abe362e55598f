"""The part of a sweep that runs in a task of Ray, in a process on one of its nodes."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from harness.measure.accelerators import VISIBLE
from harness.measure.processors import RAY_PROCESSORS
from harness.runner.variables import environment

PASSED_ON = ("MLFLOW_TRACKING_URI", "HARNESS_DATA_MIRROR")
"""Variables of the command's environment that hold in its runs; otherwise they have the environment of their node."""


@dataclass(frozen=True)
class Command:
    """What a run needs from the command that started it: its working folder, and some variables."""

    folder: str
    environment: dict[str, str]


def command_here() -> Command:
    """This process as the command of a sweep."""
    return Command(os.getcwd(), {name: os.environ[name] for name in PASSED_ON if name in os.environ})


def run(
    context: HydraContext, config: DictConfig, task_function: TaskFunction, state: Any, command: Command
) -> JobReturn:
    """Run a job with what Ray gave it."""
    import ray

    granted = ray.get_runtime_context().get_assigned_resources()
    # for this task alone: the next one of this process may be another one
    with environment({**command.environment, **limits(granted)}), folder(Path(command.folder)):
        setup_globals()
        Singleton.set_state(state)
        HydraConfig.instance().set_config(config)
        return run_job(
            hydra_context=context,
            task_function=task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )


def limits(granted: Mapping[str, float]) -> dict[str, str]:
    """The variables that keep a run to what Ray gave it.

    Ray names the GPUs of a task in ``CUDA_VISIBLE_DEVICES``, and leaves all of them visible to a task without one.
    """
    names = {}
    if processors := granted.get("CPU"):
        names[RAY_PROCESSORS] = str(max(1, int(processors)))
    if not granted.get("GPU"):
        names[VISIBLE] = ""
    return names


def folder(path: Path) -> contextlib.AbstractContextManager[None]:
    """A block in this folder, so that relative paths mean the same as for the command; nothing where it is not here."""
    return contextlib.chdir(path) if path.is_dir() else contextlib.nullcontext()
