"""The harness's launcher, under the name that Hydra demands."""

from harness.runner.slots import launcher


class DevicesLauncher(launcher.DevicesLauncher):
    """Runs jobs side by side on this machine, each pinned to accelerators or cores of its own."""


LAUNCHERS = (DevicesLauncher,)
