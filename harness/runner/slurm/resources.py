"""What a job of Slurm asks for, from the hardware of its run."""

from typing import Any

from omegaconf import DictConfig

from harness.errors import UserError


def gpus_per_node(hardware: DictConfig, launcher: DictConfig) -> int | None:
    """The GPUs that the job of a run asks for on each node; None where it asks for none, or in another way.

    With an accelerator of the run's own, ``hardware.devices`` decides. ``hardware=auto`` takes what the job gets.

    Raises:
        UserError: the launcher asks for another number, or for several nodes.
    """
    for key in ("nodes", "tasks_per_node"):
        if (number := launcher.get(key, 1)) != 1:
            raise UserError(
                f"hydra.launcher.{key}={number}: a job of a sweep is one process on one node; leave {key} out. For one "
                "run on several nodes, give its command without -m to srun, with one task a node"
            )
    asked = launcher.get("gpus_per_node")
    others = _other_ways(launcher)
    accelerator, devices = hardware.accelerator, hardware.devices
    if accelerator == "gpu":
        if asked is None:
            return None if others else devices
        if asked != devices:
            raise UserError(
                f"hydra.launcher.gpus_per_node={asked} contradicts hardware.devices={devices}, which is what a run "
                "uses; leave gpus_per_node out"
            )
    elif accelerator == "cpu":
        for key, value in ({"gpus_per_node": asked} if asked else others).items():
            raise UserError(
                f"hydra.launcher.{key}={value} asks for GPUs, and a run with hardware.accelerator=cpu uses none; leave "
                f"{key} out, or take hardware=gpu"
            )
        return None
    elif asked and asked != devices:
        raise UserError(
            f"hydra.launcher.gpus_per_node={asked} asks for more than hardware.devices={devices}, which is what a run "
            f"uses; set gpus_per_node={devices}"
        )
    return asked or None


def _other_ways(launcher: DictConfig) -> dict[str, Any]:
    """The settings other than ``gpus_per_node`` by which the jobs ask for GPUs; then nothing is added to them."""
    settings = {key: launcher.get(key) for key in ("gres", "gpus_per_task")}
    more: Any = launcher.get("additional_parameters") or {}
    settings |= {f"additional_parameters.{key}": value for key, value in more.items()}
    return {key: value for key, value in settings.items() if value is not None and "gpu" in f"{key}={value}"}
