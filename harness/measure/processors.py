"""How many processors a run may use: the least of what the system, a container and a scheduler allow."""

import os
import platform
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
RAY_PROCESSORS = "HARNESS_RAY_NUM_CPUS"
"""The variable by which the task of a run says how many processors Ray gave it: Ray only counts them."""


@dataclass(frozen=True)
class Limit:
    """A number of processors, and what sets it."""

    processors: int
    source: str


def limits(root: Path = ROOT) -> Iterator[Limit]:
    """Every limit on the processors of a run. ``root`` is where ``proc`` and ``sys`` lie."""
    yield Limit(cores(), "the processors that this process may run on")
    if (quota := container_quota(root)) is not None:
        yield Limit(max(1, int(quota)), f"the container's quota of {quota:g} processor{'s' * (quota != 1)}")
    if (granted := _number("SLURM_CPUS_PER_TASK")) is not None:
        yield Limit(granted, "SLURM_CPUS_PER_TASK")
    if (granted := _number(RAY_PROCESSORS)) is not None:
        yield Limit(granted, "hydra.launcher.ray.remote.num_cpus")


def threads(processes: int = 1, root: Path = ROOT) -> Limit:
    """The threads of each of some processes that share what is granted, and what decides the number.

    ``OMP_NUM_THREADS`` is the number for one process; everything else is shared out.
    """
    granted = min(limits(root), key=lambda limit: limit.processors)
    shared = Limit(max(1, granted.processors // processes), granted.source)
    if processes > 1:
        shared = Limit(shared.processors, f"{granted.source}, shared by {processes} processes")
    own = _number("OMP_NUM_THREADS")
    return Limit(own, "OMP_NUM_THREADS") if own is not None and own < shared.processors else shared


def cores() -> int:
    """The number of processors that this process may run on."""
    return len(affinity())


def affinity() -> list[int]:
    """The system's numbers of the processors that this process may run on."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def pin(processors: Collection[int]) -> None:
    """Let this thread, and the threads and processes that it starts, run on these processors only, where one can."""
    with suppress(AttributeError, OSError):  # no such call; or a processor that was switched off meanwhile
        os.sched_setaffinity(0, processors)


@contextmanager
def pinned(processors: Collection[int]) -> Iterator[None]:
    """A block in which processes are started that may run on these processors only."""
    before = affinity()
    pin(processors)
    try:
        yield
    finally:
        pin(before)


def physical_cores(root: Path = ROOT) -> list[tuple[int, ...]]:
    """The processors that this process may run on, those of one core together, neighbouring cores behind each other."""
    topology = root / "sys/devices/system/cpu"
    cores_by_place: dict[tuple[str, ...], list[int]] = {}
    order: dict[tuple[str, ...], tuple[str, str, int]] = {}
    for number in affinity():
        folder = topology / f"cpu{number}"
        names = ("physical_package_id", "die_id", "core_id")
        found = tuple(_text(folder / "topology" / name) for name in names)
        place = found if found[-1] else (str(number),)  # where the system does not say, each is a core
        node = next((one.name for one in sorted(folder.glob("node*"))), "")
        order.setdefault(place, (found[0].zfill(6), node.zfill(12), number))
        cores_by_place.setdefault(place, []).append(number)
    return [tuple(cores_by_place[place]) for place in sorted(cores_by_place, key=lambda place: order[place])]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf8").strip()
    except OSError:
        return ""


def _number(variable: str) -> int | None:
    """The number in an environment variable; of a list, the first, which is that of the outermost level of threads."""
    value = os.environ.get(variable, "").split(",")[0].strip()
    return int(value) if value.isdecimal() and int(value) > 0 else None


def processor_name() -> str:
    """The name of the processor, as the operating system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def container_quota(root: Path = ROOT) -> float | None:
    """The processors that a control group grants (cgroups(7), versions 1 and 2); None where there is no quota.

    The quotas of all groups that contain the group of the process apply.
    """
    quotas = [quota for folder in _groups(root) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The folder of each control group that this process is in, from its own to the topmost."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf8").splitlines()
    except OSError:
        return
    for line in (line for line in lines if line.count(":") >= 2):  # sandboxes leave the file empty, or a line of it
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top = root / "sys/fs/cgroup"
        elif "cpu" in controllers.split(","):
            top = root / "sys/fs/cgroup" / controllers
            top = top if top.is_dir() else root / "sys/fs/cgroup/cpu"
        else:
            continue
        folder = top / path.strip("/")
        yield folder
        yield from (parent for parent in folder.parents if parent == top or top in parent.parents)


def _quota(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text(encoding="utf8").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="utf8").strip() for name in ("quota", "period")
            )
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
