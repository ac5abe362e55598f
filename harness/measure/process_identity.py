"""Which process it is, on which machine: what tells one that runs from one that is gone.

The number of a process is not enough. Another machine or container, and a later process here, may have the same one.
Times of the clock are not enough either: whoever sets the clock moves the start of every process.
"""

import os
import platform
from contextlib import suppress
from pathlib import Path

import psutil

from harness.records.store import short_hash

SAME_START = 2.0
"""Seconds by which two readings of the start of one process may differ: the system's own start is known in seconds."""


def machine() -> str:
    """What is the same for processes that see each other's numbers: a start of the system, and its process space."""
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # elsewhere than on Linux
        start = f"{psutil.boot_time():.0f}"
    parts = [platform.node(), start]
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def short_machine() -> str:
    """The same as eight hexadecimal digits, for names."""
    return short_hash(machine())


def started(pid: int) -> float:
    """When a process began, in seconds since the start of the system.

    Raises:
        psutil.NoSuchProcess: there is none of this number.
    """
    system = psutil.boot_time()  # first: earlier versions of psutil keep it for the start of the process
    return float(psutil.Process(pid).create_time()) - system


def is_gone(pid: int, since: float) -> bool:
    """Whether the process of this machine that began then has ended.

    One that has ended and that nobody has waited for, as in a container without an init process, is listed for ever.
    """
    try:
        return abs(started(pid) - since) > SAME_START or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
