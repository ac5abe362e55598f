"""How many processors a run may use: the least of what the system, a container and a scheduler allow."""

import os
import platform
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.measure.containers import ROOT, container_quota, text

BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""The names in ``/proc/cpuinfo`` of instructions for products in bfloat16: two of x86, and that of Arm."""
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
        found = tuple(text(folder / "topology" / name) for name in names)
        place = found if found[-1] else (str(number),)  # where the system does not say, each is a core
        node = next((one.name for one in sorted(folder.glob("node*"))), "")
        order.setdefault(place, (found[0].zfill(6), node.zfill(12), number))
        cores_by_place.setdefault(place, []).append(number)
    return [tuple(cores_by_place[place]) for place in sorted(cores_by_place, key=lambda place: order[place])]


def _number(variable: str) -> int | None:
    """The number in an environment variable; of a list, the first, which is that of the outermost level of threads."""
    value = os.environ.get(variable, "").split(",")[0].strip()
    return int(value) if value.isdecimal() and int(value) > 0 else None


def processor_name(root: Path = ROOT) -> str:
    """The name of the processor, as the system reports it; on Arm, where Linux has none, the numbers of its kind."""
    facts = _facts(root)
    if name := facts.get("model name"):
        return name
    numbers = (f"{key} {facts[f'CPU {key}']}" for key in ("implementer", "part", "variant", "revision")
               if f"CPU {key}" in facts)  # fmt: skip
    return ", ".join((platform.processor() or platform.machine(), *numbers))


def has_bfloat16(root: Path = ROOT) -> bool | None:
    """Whether the processor has instructions for products in bfloat16; None where the system does not say."""
    facts = _facts(root)
    flags = facts.get("flags", facts.get("Features"))
    return None if flags is None else not BFLOAT16.isdisjoint(flags.split())


def _facts(root: Path) -> dict[str, str]:
    """What ``/proc/cpuinfo`` says of the first processor."""
    first = text(root / "proc/cpuinfo").split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
