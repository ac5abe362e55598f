"""The machine and the software of a run, and how much other processes disturbed it."""

import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from harness.measure.accelerators import accelerators
from harness.measure.processors import cores, processor_name
from harness.records.record import Environment, Hardware

PACKAGES = (
    *("torch", "pytorch-lightning", "transformers", "tensorflow", "keras", "scikit-learn", "scipy"),
    *("mlflow", "hydra-core", "datasets", "numpy", "onnxruntime", "tokenizers"),
)

BUSY = 0.05
"""If other processes use more than this share of the processors, or of an accelerator, speed is not comparable."""


def versions() -> dict[str, str]:
    """The versions of Python and of the installed packages that results depend on."""
    installed = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _git() -> dict[str, Any]:
    """The commit of the running code and whether the checkout has changes; empty outside a checkout."""

    def ask(*words: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    try:
        ask("ls-files", "--error-unmatch", __file__)  # an installed copy may lie inside another project's checkout
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return {}


def describe(hardware: Hardware, threads_decided_by: str = "") -> Environment:
    """The machine, its current load, the software, and the hardware that a run uses."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return Environment(
        hardware=hardware,
        host=platform.node(),
        platform=platform.platform(),
        processor=processor_name(),
        cores=cores(),
        threads_decided_by=threads_decided_by,
        memory_mib=psutil.virtual_memory().total / 2**20,
        accelerators=accelerators(),
        load_at_start=load,
        versions=versions(),
        git=_git(),
    )


class OtherProcesses:
    """The share of all processors (0 to 1) that other processes used since this object was created."""

    def __init__(self) -> None:
        self._start = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        system, own = psutil.cpu_times(), psutil.Process().cpu_times()
        idle = system.idle + getattr(system, "iowait", 0.0)
        guest = getattr(system, "guest", 0.0) + getattr(system, "guest_nice", 0.0)  # counted in user already
        # some systems do not report the time of ended children
        children = getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
        return sum(system) - idle - guest, own.user + own.system + children, time.monotonic()

    def own(self) -> float:
        """Processor seconds of this process and its ended children since this object was created."""
        return self._now()[1] - self._start[1]

    def share(self, ours: float = 0.0) -> float:
        """The share; ``ours`` are processor seconds of other processes that belong to the run."""
        busy, own, wall = (now - start for now, start in zip(self._now(), self._start, strict=True))
        # the system counts in ticks, at another moment for each processor: over a short time the sum is inexact
        return min(1.0, max(0.0, (busy - own - ours) / (wall * psutil.cpu_count())))
