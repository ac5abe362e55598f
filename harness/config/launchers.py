"""What is known of a launcher of Hydra, by the class that its config names."""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from harness.config.libraries import ON_PROCESSOR
from harness.errors import UserError

if TYPE_CHECKING:
    from harness.config.schema import Config  # it loads pydantic, which --cfg does without

IN_TURN = ("BasicLauncher",)
"""Launchers that run one job after the other, in the process of the command."""
COMPOSES_HERE = (*IN_TURN, "DevicesLauncher")
"""Launchers that compose the configs of jobs in the process of the command."""
SIDE_BY_SIDE = ("JoblibLauncher", "LocalLauncher")
"""Launchers that run several jobs at a time on one machine, and know nothing of its accelerators."""
POOLS = ("JoblibLauncher", "RayLauncher")
"""Launchers whose processes may have waited for long before their first job, so that no job begins with its process."""
CLUSTER = ("SlurmLauncher", "RayLauncher")
"""Launchers whose jobs may run on other machines, which share the output folder."""


def in_turn(launcher: DictConfig) -> bool:
    """Whether the launcher runs one job after the other, in the process of the command."""
    return _class_of(launcher) in IN_TURN


def composes_here(launcher: DictConfig) -> bool:
    """Whether the launcher composes the configs of jobs in the process of the command."""
    return _class_of(launcher) in COMPOSES_HERE


def side_by_side(launcher: DictConfig) -> bool:
    """Whether the launcher runs several jobs at a time on one machine, and gives them no accelerators of their own."""
    return _class_of(launcher) in SIDE_BY_SIDE


def in_pool(launcher: DictConfig) -> bool:
    """Whether a job's process may be much older than the job."""
    return _class_of(launcher) in POOLS


def on_cluster(launcher: DictConfig) -> bool:
    """Whether the jobs may run on other machines, which share the output folder with the command."""
    return _class_of(launcher) in CLUSTER


def check_folder(launcher: DictConfig, output_dir: Path) -> None:
    """Refuse an output folder that the launcher would look for under another name.

    Raises:
        UserError: one sentence with the folder.
    """
    jobs = Path(launcher.get("submitit_folder") or "/").absolute()
    if "%" in str(output_dir) and jobs.is_relative_to(output_dir):
        raise UserError(
            f"output_dir: submitit and Slurm replace a percent sign in a path, as in {output_dir}; name another folder"
        )


def devices_of(config: DictConfig) -> int:
    """The devices that a job's run takes; 1 where its config has no such number, which the run itself refuses."""
    devices = OmegaConf.select(config, "hardware.devices")
    return devices if type(devices) is int and devices > 0 else 1


def may_use_accelerator(config: "DictConfig | Config") -> bool:
    """Whether the run of a job may use an accelerator; with ``hardware=auto`` it takes one where there is one."""
    return config.hardware.accelerator != "cpu" and config.backend.name not in ON_PROCESSOR


def _class_of(launcher: DictConfig) -> str:
    return str(launcher._target_).rpartition(".")[2]
