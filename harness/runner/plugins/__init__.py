"""The harness's sweepers as plugins of Hydra.

Hydra makes plugins only from modules in ``hydra_plugins``, a namespace package: every folder of Python's path may hold
a part of it. This folder holds the part of the harness.
"""

import sys
from pathlib import Path

from hydra.core.plugins import Plugins


def register() -> None:
    """Let ``hydra.sweeper._target_`` name the sweepers of ``hydra_plugins.harness_sweepers``."""
    folder = str(Path(__file__).parent)
    if folder not in sys.path:
        sys.path.append(folder)
    from hydra_plugins import harness_sweepers

    for sweeper in harness_sweepers.SWEEPERS:
        Plugins.instance().register(sweeper)
