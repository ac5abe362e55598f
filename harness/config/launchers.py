"""What is known of a launcher of Hydra, by the class that its config names."""

from omegaconf import DictConfig

IN_TURN = ("BasicLauncher",)
"""Launchers that run one job after the other, in the process of the command."""
CLUSTER = ("SlurmLauncher", "RayLauncher")
"""Launchers whose jobs may run on other machines, which share the output folder."""


def in_turn(launcher: DictConfig) -> bool:
    """Whether the launcher runs one job after the other, in the process of the command."""
    return _class_of(launcher) in IN_TURN


def on_cluster(launcher: DictConfig) -> bool:
    """Whether the jobs may run on other machines, which share the output folder with the command."""
    return _class_of(launcher) in CLUSTER


def _class_of(launcher: DictConfig) -> str:
    return str(launcher._target_).rpartition(".")[2]
