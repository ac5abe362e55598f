"""Slots: the parts of this machine that runs are pinned to, so that runs side by side do not disturb each other.

A slot has an accelerator and some cores, or only cores. A core is never divided: its processors (hardware threads)
would slow each other down. What a run's process needs to know of its slots is in its environment, in ``HARNESS_SLOT``.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.measure import processors
from harness.measure.accelerators import ORDER, VISIBLE, accelerators
from harness.notices import SHARED
from harness.records.slot import Slot

VARIABLE = "HARNESS_SLOT"
THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Place:
    """One slot: its number, the system's numbers of its processors, and how CUDA is told its accelerator."""

    number: int
    processors: tuple[int, ...]
    device: str | None = None


def of_machine(on_accelerators: bool, cores_each: int | None, most: int | None) -> list[Place]:
    """The slots of this machine; always one or more.

    ``on_accelerators``: a slot for each accelerator that this process may use, if there is one; else for each set of
    cores. ``cores_each`` is the number of cores of a slot; None: an equal share where slots have accelerators, else
    one. ``most`` is the largest number of slots; None: all.
    """
    cores = granted_cores()
    devices = accelerators() if on_accelerators else []
    if not devices:
        return divide(cores, len(cores) // (cores_each or 1), cores_each or 1, [], most)
    named = [name_of(device) for device in devices]
    fitting = len(named) if cores_each is None else min(len(named), len(cores) // cores_each)
    return divide(cores, fitting, cores_each, named, most)


def divide(
    cores: Sequence[tuple[int, ...]], count: int, each: int | None, devices: Sequence[str | None], most: int | None
) -> list[Place]:
    """Divide cores into ``count`` slots of ``each`` cores (None: equal shares), the first with the first device.

    Slots share cores only where there are fewer cores than slots.
    """
    count = max(1, min(count, most or count))
    each = each or len(cores) // count
    places = []
    for number in range(count):
        own = cores[number * each : (number + 1) * each] or [cores[number % len(cores)]]
        device = devices[number] if devices else None
        places.append(Place(number, tuple(sorted(one for core in own for one in core)), device))
    return places


def granted_cores() -> list[tuple[int, ...]]:
    """The cores that a run may use, as far as a container or a scheduler grants them; always one or more."""
    left = min(limit.processors for limit in processors.limits())
    granted: list[tuple[int, ...]] = []
    for core in processors.physical_cores():
        left -= len(core)
        if granted and left < 0:
            break
        granted.append(core)
    return granted


def name_of(device: dict[str, Any]) -> str | None:
    """How ``CUDA_VISIBLE_DEVICES`` names a device: by its UUID, which depends on no order; None for Apple's."""
    return None if device["kind"] != "cuda" else str(device.get("uuid", device["index"]))


def environment_of(
    places: Sequence[Place], slots: int, slowdown: dict[str, float], job: dict[str, Any]
) -> dict[str, str]:
    """What a run in these slots has in its environment.

    ``slowdown`` is what is known of the memory that slots share, ``job`` what ``neighbours`` needs to know.
    """
    own = Slot(
        [place.number for place in places], slots, processors_of(places),
        [place.device for place in places if place.device is not None], slowdown=slowdown,
    )  # fmt: skip
    content = {name: getattr(own, name) for name in ("numbers", "slots", "processors", "devices", "slowdown")}
    found = {VARIABLE: json.dumps({"slot": content, **job})}
    if slots > 1:
        found[SHARED] = "1"
    if own.devices:
        found |= {VISIBLE: ",".join(own.devices), **ORDER}
    if not os.environ.get(THREADS):  # else the user has set it
        found[THREADS] = str(len(own.processors))
    return found


def processors_of(places: Sequence[Place]) -> list[int]:
    """The processors of some slots together."""
    return sorted({one for place in places for one in place.processors})


def content() -> dict[str, Any] | None:
    """What the environment says of the slot of this process; None outside a slot."""
    written = os.environ.get(VARIABLE)
    return json.loads(written) if written else None


def own() -> Slot | None:
    """The slot of this process; None where it has the whole machine."""
    found = content()
    return Slot(**found["slot"]) if found else None


def runs_at_a_time() -> int:
    """How many runs this machine measures side by side; 1 outside a slot."""
    slot = own()
    return slot.slots if slot else 1
