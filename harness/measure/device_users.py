"""What other processes do on the accelerators of a run, as far as the driver and the runs' marks tell.

It is read before the run and between its phases, never while anything is timed. Every question to the driver may
fail by itself; what cannot be known is absent. In a container the driver names processes of another namespace, or
none: then only the utilisation before the run counts, and the marks of runs that share the output's cache.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from harness.measure.accelerators import answer
from harness.measure.device_marks import DeviceMarks
from harness.measure.environment import BUSY

READINGS, SECONDS_APART = 3, 0.7
"""The driver's utilisation covers up to the last second, so an earlier run of ours is out of it after this time."""


class OtherDeviceUsers:
    """Other processes on these devices (as ``accelerators`` gives them), from before this process uses them.

    ``share`` is the largest share of a device's time (0 to 1) that others used, before the run or while it ran, and
    ``processes`` the number of other processes that used one; None where that is not known. ``cache`` is a folder that
    runs which may share a device have in common: their marks are in it.
    """

    def __init__(
        self, devices: Sequence[dict[str, Any]], cache: Path, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._sleep = sleep
        self._handles = _handles(devices)
        self._last_look = time.time()
        self.share = self._share_before()
        self._seen: set[int] = set()
        self._told = False
        self._marks = DeviceMarks(cache / "devices", devices)

    def _share_before(self) -> float | None:
        """The utilisation of the busiest device while this run does not use it: the least of a few readings."""
        least: float | None = None
        for reading in range(READINGS):
            if reading:
                self._sleep(SECONDS_APART)
            rates = [_ask("nvmlDeviceGetUtilizationRates", handle) for handle in self._handles]
            shares = [rate.gpu / 100 for rate in rates if rate is not None]
            if not shares:
                return least
            least = max(shares) if least is None else min(least, max(shares))
            if least <= BUSY:
                break
        return least

    def look(self) -> None:
        """See who else is on the devices; call it between phases, after this process has used the devices."""
        since, self._last_look = self._last_look, time.time()
        for handle in self._handles:
            running = {one.pid for one in _ask("nvmlDeviceGetComputeRunningProcesses", handle) or ()}
            if os.getpid() in running and len(running) == 1:
                self._told = True
            elif own := running & _own_processes():  # else these are processes of another namespace
                self._told = True
                self._note(running - own, own, _used(handle, since))
        self._marks.look()

    def _note(self, others: set[int], own: set[int], used: dict[int, float]) -> None:
        """Count the others that worked; where the driver does not tell who worked, all that hold the device."""
        if own & used.keys():
            others = {pid for pid in others if used.get(pid)}
            share = min(1.0, sum(used[pid] for pid in others))
            self.share = share if self.share is None else max(self.share, share)
        self._seen |= others

    @property
    def processes(self) -> int | None:
        """The number of other processes that used a device; None where neither driver nor marks can tell."""
        known = self._told or self._marks.others
        return max(len(self._seen), len(self._marks.others)) if known else None

    def numbers(self) -> dict[str, float]:
        """``share`` and ``processes`` under their names in the record's environment, where they are known."""
        both = {"other_processes_device_share": self.share, "other_device_processes": self.processes}
        return {name: value for name, value in both.items() if value is not None}


def _handles(devices: Sequence[dict[str, Any]]) -> list[Any]:
    """The driver's handles of those devices that it knows."""
    if not any(device.get("kind") == "cuda" for device in devices):
        return []
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    found = []
    for device in devices:
        handle = _ask("nvmlDeviceGetHandleByUUID", device["uuid"]) if "uuid" in device else None
        if handle is None and "index" in device and "mig" not in device:  # its card has the users of the other parts
            handle = _ask("nvmlDeviceGetHandleByIndex", device["index"])
        found.append(handle)
    return [handle for handle in found if handle is not None]


def _ask(name: str, *arguments: Any) -> Any | None:
    import pynvml

    return answer(pynvml, getattr(pynvml, name, None), *arguments)


def _used(handle: Any, since: float) -> dict[int, float]:
    """The share of a device's time that each process used since then (UNIX seconds), as far as the driver tells."""
    samples = _ask("nvmlDeviceGetProcessUtilization", handle, int(since * 1e6)) or ()
    used: dict[int, float] = {}
    for sample in samples:
        used[sample.pid] = max(used.get(sample.pid, 0.0), sample.smUtil / 100)
    return used


def _own_processes() -> set[int]:
    """This process and those that share its training: all that its fork server has started."""
    family = {os.getpid()}
    try:
        parent = psutil.Process(os.getppid())
        family |= {parent.pid, *(child.pid for child in parent.children(recursive=True))}
    except psutil.Error:
        pass
    return family
