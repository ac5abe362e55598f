"""Marks by which runs see that they share an accelerator, also in containers, where process numbers say nothing.

A run keeps a locked file for each of its devices in a folder that all runs of a sweep have in common. Another run
that finds the file locked, or left after its own beginning, shared the device with it. Where the folder takes no files
or no locks, nothing is claimed.
"""

import fcntl
import glob
import os
import platform
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

DAY = 86_400.0
"""Seconds after which a mark that nobody holds is removed."""


class DeviceMarks:
    """The marks of a run on these devices; ``others`` are the marks of runs that share one with it.

    They are held until the process ends.
    """

    def __init__(self, folder: Path, devices: Sequence[dict[str, Any]]) -> None:
        self.folder, self.others = folder, set[str]()
        self._own: dict[Path, tuple[int, float]] = {}
        self._stems = [_stem(device, place) for place, device in enumerate(devices)]
        try:
            for stem in self._stems:
                self._mark(stem)
        except OSError:
            self._own.clear()
        self.look()

    def _mark(self, stem: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=stem, dir=self.folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # nobody else holds it for longer than a look
        self._own[Path(name)] = (descriptor, os.stat(name).st_mtime)

    def look(self) -> None:
        """Note the runs that are on a device of this run, or were since it began."""
        for own, (descriptor, began) in self._own.items():
            with suppress(OSError):
                os.utime(descriptor)  # a run that began before sees that this one was there
            stem = next(stem for stem in self._stems if own.name.startswith(stem))
            for mark in self.folder.glob(f"{glob.escape(stem)}*"):
                if mark not in self._own:
                    with suppress(OSError):  # removed meanwhile
                        self._compare(mark, began)

    def _compare(self, mark: Path, began: float) -> None:
        left = mark.stat().st_mtime
        if _is_held(mark) or left > began:
            self.others.add(mark.name)
        elif left < began - DAY:
            mark.unlink()


def _stem(device: dict[str, Any], place: int) -> str:
    """How the names of all marks of a device begin: the machine, then the device."""
    key = device.get("uuid") or f"{device.get('kind')}{device.get('index', place)}"
    return re.sub(r"[^\w.-]", "_", f"{platform.node()}-{key}") + "-"


def _is_held(mark: Path) -> bool:
    with mark.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
