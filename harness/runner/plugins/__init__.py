"""The harness's sweepers and launchers as plugins of Hydra.

Hydra makes plugins only from modules in ``hydra_plugins``, a namespace package: every folder of Python's path may hold
a part of it. This folder holds the part of the harness.
"""

import sys
from importlib import import_module
from pathlib import Path

from hydra.core.plugins import Plugins

LAUNCHERS = ("hydra_plugins.harness_launchers", "hydra_plugins.harness_ray", "hydra_plugins.harness_slurm")
"""The modules with launchers of the harness."""


def register(launcher: str) -> None:
    """Let ``hydra.sweeper._target_`` name the harness's sweepers, and ``hydra.launcher._target_`` be this launcher.

    A launcher's module is loaded only where it is used: it may need an extra.
    """
    folder = str(Path(__file__).parent)
    if folder not in sys.path:
        sys.path.append(folder)
    from hydra_plugins import harness_sweepers

    for sweeper in harness_sweepers.SWEEPERS:
        Plugins.instance().register(sweeper)
    module = launcher.rpartition(".")[0]
    if module in LAUNCHERS:
        for own in import_module(module).LAUNCHERS:
            Plugins.instance().register(own)
