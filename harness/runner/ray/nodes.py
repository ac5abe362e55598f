"""The nodes of a Ray cluster: how the command reaches them, and whether they can run its jobs."""

import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.errors import UserError

ANSWERS_WITHIN = 60.0
"""Seconds that nodes have to answer before the first run; one that is too slow is not judged."""


def connect(settings: Mapping[str, Any]) -> None:
    """Connect to the cluster that ``ray.init`` with these settings names; without an address, start one here.

    Raises:
        UserError: there is no cluster at the address, or it has another version of Ray or Python.
    """
    if ray.is_initialized():
        return
    # without an address, Ray would first look for a cluster that somebody else has started on this machine
    settings = {**settings, "address": settings.get("address") or "local"}
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**settings)
    except (ConnectionError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise UserError(
            f"hydra.launcher.ray.init.address={settings['address']}: the Ray cluster cannot be used ({why})"
        ) from None
    finally:
        if main:  # Ray's own handler would end the command without its comparison
            signal.signal(signal.SIGTERM, before)


def alive() -> list[dict[str, Any]]:
    """What Ray says of each node that is part of the cluster now."""
    return [node for node in ray.nodes() if node["Alive"]]


def resources() -> list[Mapping[str, float]]:
    """What each node has in all, whether or not it is in use."""
    return [node["Resources"] for node in alive()]


def check(folder: Path) -> None:
    """Refuse a cluster on whose nodes the runs of the command cannot work: all must have the harness, and ``folder``.

    Raises:
        UserError: one sentence that names a node and what it lacks.
    """
    look = ray.remote(num_cpus=0, max_retries=0)(_look())
    asked = []
    for node in alive():
        if node["Resources"].get("CPU"):
            here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked.append(look.options(scheduling_strategy=here).remote(str(folder)))
    answered, _ = ray.wait(asked, num_returns=len(asked), timeout=ANSWERS_WITHIN) if asked else ([], [])
    for answer in answered:
        try:
            host, python, has_harness, sees_folder = ray.get(answer)
        except ray.exceptions.RayError:  # the node may be gone by now
            continue
        if not has_harness:
            raise UserError(
                f"the Ray node on {host} has no harness in its Python ({python}): install it there, as on this machine"
            )
        if not sees_folder:
            raise UserError(
                f"the Ray node on {host} does not see {folder}: output_dir must be in a folder that all nodes share"
            )


def _look() -> Callable[[str], tuple[str, str, bool, bool]]:
    """What runs on a node. As an inner function it travels whole, so that it runs where the harness is not installed.

    It returns the name of the host, the path of its Python, and whether that finds the harness and the folder.
    """

    def look(folder: str) -> tuple[str, str, bool, bool]:
        import importlib.util
        import os
        import platform
        import sys

        return platform.node(), sys.executable, bool(importlib.util.find_spec("harness")), os.path.isdir(folder)

    return look
