"""The harness's launcher for Slurm, under the name that Hydra demands. Loading it needs submitit's launcher."""

from harness.runner.slurm import launcher


class SlurmLauncher(launcher.SlurmLauncher):
    """Submits the jobs of a sweep to Slurm, and waits for all of them."""


LAUNCHERS = (SlurmLauncher,)
