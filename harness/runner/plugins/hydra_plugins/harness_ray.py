"""The harness's launcher for Ray, under the name that Hydra demands."""

from harness.runner.ray import launcher


class RayLauncher(launcher.RayLauncher):
    """Runs the jobs of a sweep as tasks of a Ray cluster."""


LAUNCHERS = (RayLauncher,)
