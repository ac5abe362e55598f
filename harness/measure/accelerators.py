"""Which accelerators a process may use, as the driver and the environment say, without loading a framework.

NVML numbers cards by PCI bus, ignores ``CUDA_VISIBLE_DEVICES``, and answers "not supported" for some fields on some
machines. So the variable is read here, with cards in the order of ``CUDA_DEVICE_ORDER=PCI_BUS_ID`` (which the run's
process gets too), and every field is asked for by itself: one that cannot be had is absent. Whether the backend's
framework can use the cards at all, only the framework knows (``harness.runner.devices``).
"""

import os
import platform
from collections.abc import Callable, Iterator
from typing import Any

from harness.measure.processors import processor_name

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
"""What a run's process needs in its environment so that CUDA numbers cards as NVML does."""
MIB = 2**20


def accelerators() -> list[dict[str, Any]]:
    """The devices that a process with this environment may use; Apple's as the platform says.

    Of each: ``kind`` (cuda or mps), ``name``, and what the driver says of ``uuid``, ``mig``, ``driver``, ``cuda``,
    ``memory_mib``, ``power_limit_w`` and ``max_clock_mhz``.
    """
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return [{"kind": "mps", "name": processor_name()}]
    return visible(driver_devices(), os.environ.get(VISIBLE))


def driver_devices() -> list[dict[str, Any]]:
    """All NVIDIA devices of this machine, in the order of their PCI bus, MIG devices behind their card."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return list(_devices(pynvml))
    finally:
        answer(pynvml, pynvml.nvmlShutdown)


def _devices(pynvml: Any) -> Iterator[dict[str, Any]]:
    driver = answer(pynvml, getattr(pynvml, "nvmlSystemGetDriverVersion", None))
    cuda = answer(pynvml, getattr(pynvml, "nvmlSystemGetCudaDriverVersion", None))
    known = {"driver": driver, "cuda": cuda and f"{cuda // 1000}.{cuda % 1000 // 10}"}
    for index in range(answer(pynvml, pynvml.nvmlDeviceGetCount) or 0):
        handle = answer(pynvml, pynvml.nvmlDeviceGetHandleByIndex, index)
        if handle is None:
            continue
        card = {"kind": "cuda", "index": index, **_facts(pynvml, handle), **known}
        parts = list(_mig_devices(pynvml, handle, card))
        # a card that is divided up cannot be used as a whole
        yield from parts or [_present(card)]


def _facts(pynvml: Any, handle: Any) -> dict[str, Any]:
    def ask(name: str, *arguments: Any) -> Any:
        return answer(pynvml, getattr(pynvml, name, None), handle, *arguments)

    memory, watts = ask("nvmlDeviceGetMemoryInfo"), ask("nvmlDeviceGetPowerManagementLimit")
    return {
        "name": _text(ask("nvmlDeviceGetName")) or "NVIDIA GPU",
        "uuid": _text(ask("nvmlDeviceGetUUID")),
        "memory_mib": memory and memory.total / MIB,
        "power_limit_w": watts and watts / 1000,
        "max_clock_mhz": ask("nvmlDeviceGetMaxClockInfo", getattr(pynvml, "NVML_CLOCK_SM", 1)),
    }


def _mig_devices(pynvml: Any, handle: Any, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts of a card that is divided up (multi-instance GPU), as far as there are any."""
    mode = answer(pynvml, getattr(pynvml, "nvmlDeviceGetMigMode", None), handle)
    if not mode or mode[0] != 1:
        return
    most = answer(pynvml, getattr(pynvml, "nvmlDeviceGetMaxMigDeviceCount", None), handle) or 0
    for number in range(most):
        part = answer(pynvml, pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number)
        if part is not None:
            facts = {key: value for key, value in _facts(pynvml, part).items() if value is not None}
            yield _present({**card, **facts, "mig": facts["name"], "card_uuid": card["uuid"]})


def answer(pynvml: Any, function: Callable[..., Any] | None, *arguments: Any) -> Any | None:
    """What the driver answers; None where it cannot, or has no such question."""
    try:
        return None if function is None else function(*arguments)
    except pynvml.NVMLError:
        return None


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def _present(device: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in device.items() if value is not None}


def visible(devices: list[dict[str, Any]], variable: str | None) -> list[dict[str, Any]]:
    """Of these devices those that CUDA shows for a value of ``CUDA_VISIBLE_DEVICES``, in its order.

    The value lists numbers of cards, or beginnings of UUIDs (``GPU-...``, ``MIG-...``). CUDA stops at the first entry
    that names no device. A number is that of a card; of a divided one CUDA shows its first part.
    """
    if variable is None:
        return devices
    chosen: list[dict[str, Any]] = []
    for entry in (part.strip() for part in variable.split(",")):
        found = [device for device in devices if _is_named(device, entry)]
        if not found or found[0] in chosen:
            break
        chosen.append(found[0])
    return chosen


def _is_named(device: dict[str, Any], entry: str) -> bool:
    if entry.isdecimal():
        return bool(device["index"] == int(entry))
    return entry.startswith(("GPU-", "MIG-")) and str(device.get("uuid", "")).startswith(entry)
