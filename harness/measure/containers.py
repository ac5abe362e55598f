"""What a container grants of its machine: control groups limit processors and memory (cgroups(7), versions 1 and 2).

The limits of all groups that contain the group of the process apply.
"""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
"""Where ``proc`` and ``sys`` lie."""
UNLIMITED = 2**62
"""Version 1 writes almost 2^63 bytes for no limit."""


def container_quota(root: Path = ROOT) -> float | None:
    """The processors that a control group grants; None where there is no quota."""
    quotas = [quota for folder in _groups(root, "cpu") if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def container_memory(root: Path = ROOT) -> int | None:
    """The bytes of memory that a control group grants; None where there is no limit."""
    names = ("memory.max", "memory.limit_in_bytes")
    values = [text(folder / name) for folder in _groups(root, "memory") for name in names]
    granted = (int(value) for value in values if value.isdecimal())
    return min((value for value in granted if value < UNLIMITED), default=None)


def text(file: Path) -> str:
    """What a file of the system holds; empty where there is no such file, or it cannot be read."""
    try:
        return file.read_text(encoding="utf8").strip()
    except OSError:
        return ""


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folder of each control group that this process is in, from its own to the topmost."""
    for line in text(root / "proc/self/cgroup").splitlines():
        if line.count(":") < 2:  # sandboxes leave the file empty, or a line of it
            continue
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top = root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            top = root / "sys/fs/cgroup" / controllers
            top = top if top.is_dir() else root / "sys/fs/cgroup" / controller
        else:
            continue
        folder = top / path.strip("/")
        yield folder
        yield from (parent for parent in folder.parents if parent == top or top in parent.parents)


def _quota(folder: Path) -> float | None:
    words = text(folder / "cpu.max").split() or [text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    try:
        quota, period = words
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
