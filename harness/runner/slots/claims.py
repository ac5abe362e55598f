"""Accelerators for the jobs of launchers that know nothing of them, such as joblib's: each job gets its own.

A job that begins claims as many as it uses, by locked files in a folder that the jobs have in common, and shows its run
only these. The locks end with the process of the job. Where the folder takes no locks, nothing is claimed.
"""

import fcntl
import platform
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock
from omegaconf import DictConfig

from harness.config import launchers
from harness.config.schema import Config
from harness.measure.accelerators import ORDER, VISIBLE, accelerators
from harness.measure.slots import name_of
from harness.runner.devices import say_once
from harness.runner.variables import environment

LOOKS_EVERY = 0.5
"""Seconds between two looks for an accelerator that is free."""


@contextmanager
def claimed(config: Config, launcher: DictConfig) -> Iterator[None]:
    """A block in which ``CUDA_VISIBLE_DEVICES`` names accelerators that no other job of the launcher uses.

    Nothing changes where the launcher does not run jobs side by side on one machine, or there is no choice.
    """
    wanted = config.hardware.devices
    names = [name for device in accelerators() if (name := name_of(device)) is not None]
    if not launchers.side_by_side(launcher) or not launchers.may_use_accelerator(config) or len(names) <= wanted:
        yield
        return
    with ExitStack() as held:
        try:
            own = claim(names, wanted, Path(config.cache_dir).absolute() / "devices", held)
        except OSError:
            own = []
        with environment({VISIBLE: ",".join(own), **ORDER} if own else {}):
            yield


def claim(names: list[str], wanted: int, folder: Path, held: ExitStack) -> list[str]:
    """Wait until so many of these accelerators are free; they stay claimed until ``held`` is closed.

    Raises:
        OSError: the folder takes no files or no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        # one job at a time looks, or two might each hold half of what they need
        with FileLock(folder / ".claims.lock"), ExitStack() as these:
            own: list[str] = []
            for name in names:
                if len(own) < wanted and _lock(folder / _file(name), these):
                    own.append(name)
            if len(own) == wanted:
                held.push(these.pop_all())
                return own
        say_once(f"waiting for {wanted} of {len(names)} accelerators that no other run uses")
        time.sleep(LOOKS_EVERY)


def _file(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", f"claim-{platform.node()}-{name}")


def _lock(file: Path, held: ExitStack) -> bool:
    """Lock a file until ``held`` is closed; returns whether nobody else has locked it."""
    opened = held.enter_context(file.open("a", encoding="utf8"))
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
