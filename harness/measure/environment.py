"""The machine and the software of a run, and how much other processes disturbed it."""

import os
import platform
import subprocess
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from harness.measure import processors, slots
from harness.measure.accelerators import accelerators
from harness.measure.containers import container_memory
from harness.records.record import Environment, Hardware

PACKAGES = (
    *("torch", "pytorch-lightning", "transformers", "tensorflow", "keras", "scikit-learn", "scipy"),
    *("mlflow", "hydra-core", "datasets", "numpy", "onnxruntime", "tokenizers"),
)

BUSY = 0.05
"""If other processes use more than this share of the processors, or of an accelerator, speed is not comparable."""


def versions() -> dict[str, str]:
    """The versions of Python and of the installed packages that results depend on."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    """They are read once: the processes of runs have loaded the packages that were there when the command began."""
    installed = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


@cache
def _git() -> dict[str, Any]:
    """The commit of the running code and whether the checkout has changes; empty outside a checkout. Asked once."""

    def ask(*words: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    try:
        ask("ls-files", "--error-unmatch", __file__)  # an installed copy may lie inside another project's checkout
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return {}


def _memory() -> int:
    """Bytes of memory of the machine, or of the container, if that has less."""
    total: int = psutil.virtual_memory().total
    return min(total, container_memory() or total)


def describe(hardware: Hardware, threads_decided_by: str = "") -> Environment:
    """The machine, its current load, the software, and the hardware that a run uses."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return Environment(
        hardware=hardware,
        host=platform.node(),
        platform=platform.platform(),
        processor=processors.processor_name(),
        cores=processors.cores(),
        threads_decided_by=threads_decided_by,
        memory_mib=_memory() / 2**20,
        accelerators=accelerators(),
        load_at_start=load,
        versions=versions(),
        git=dict(_git()),
        slot=slots.own(),
    )


class OtherProcesses:
    """The share (0 to 1) that other processes used, since this object was created, of the processors of this one.

    Those are all, or where this process is pinned, those that it may run on: what runs on others disturbs it less, and
    is not seen here.
    """

    def __init__(self) -> None:
        self._processors = _pinned_to()
        self._start = self._now()

    def _now(self) -> tuple[float, float, float]:
        own = psutil.Process().cpu_times()
        if self._processors is None:
            busy = _busy(psutil.cpu_times())
        else:
            each = psutil.cpu_times(percpu=True)
            busy = sum(_busy(each[number]) for number in self._processors)
        # some systems do not report the time of ended children
        children = getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
        return busy, own.user + own.system + children, time.monotonic()

    def own(self) -> float:
        """Processor seconds of this process and its ended children since this object was created."""
        return self._now()[1] - self._start[1]

    def share(self, ours: float = 0.0) -> float:
        """The share; ``ours`` are processor seconds of other processes that belong to the run."""
        busy, own, wall = (now - start for now, start in zip(self._now(), self._start, strict=True))
        count = psutil.cpu_count() if self._processors is None else len(self._processors)
        # the system counts in ticks, at another moment for each processor: over a short time the sum is inexact
        return min(1.0, max(0.0, (busy - own - ours) / (wall * count)))


def _busy(times: Any) -> float:
    """The seconds in which a processor, or all of them, did something."""
    guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user already
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - guest)


def _pinned_to() -> list[int] | None:
    """The processors that this process is pinned to; None where it may use all, or the system counts others."""
    own, there = processors.affinity(), len(psutil.cpu_times(percpu=True))
    return own if len(own) < there and own[-1] < there else None
