"""The devices of a run: what the driver shows, as far as the backend's framework can use it.

A driver beside a CPU build of a framework, or one too old for it, shows cards that no run can use. So where a card is
visible and may be taken, the framework is asked in a short process of the fork server, once per command.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

from harness.config.hardware import KINDS, Usable, hidden_cards, resolve_hardware
from harness.config.kernels import check_kernels_on
from harness.config.schema import Config
from harness.measure import accelerators
from harness.notices import notify
from harness.records.record import Environment, Hardware
from harness.runner import worker

SECONDS = 120.0
"""How long a framework may take to answer; the first use of a driver lasts seconds."""

_answers: dict[tuple[str | None, ...], Usable] = {}
_said: set[str] = set()


def of_run(server: worker.Server, config: Config) -> tuple[Hardware, Usable | None]:
    """The hardware of a run, and what the framework said of its devices (None where the run uses the processor).

    Where ``hardware=auto`` leaves a card unused, one line on standard error says why.

    Raises:
        UserError: the config asks for devices that the framework cannot use, or for a kernel that is not for these;
            or a library cannot be loaded.
    """
    hardware, usable = _of_run(server, config)
    check_kernels_on(config, hardware)
    return hardware, usable


def _of_run(server: worker.Server, config: Config) -> tuple[Hardware, Usable | None]:
    hardware = resolve_hardware(config)
    automatic = config.hardware.accelerator == "auto"
    if hardware.accelerator not in KINDS:
        if automatic and (hidden := hidden_cards()):
            say_once(f"hardware=auto: {accelerators.VISIBLE} hides {', '.join(hidden)}, so the run is on the CPU")
        return hardware, None
    usable = ask(server, config.backend.name)
    checked = resolve_hardware(config, usable)
    if checked.accelerator in KINDS:
        return checked, usable
    shown = ", ".join(hardware.device_names)
    say_once(f"hardware=auto: backend={config.backend.name} cannot use {shown} ({usable.reason}), "
             "so the run is on the CPU")  # fmt: skip
    return checked, None


def ask(server: worker.Server, backend: str) -> Usable:
    """What the framework of a backend can use, asked in a process of its own."""
    key = (backend, *(os.environ.get(name) for name in (accelerators.VISIBLE, *accelerators.ORDER)))
    if key not in _answers:
        told: list[Usable] = []
        end = server.run("harness.runner.devices:answer", backend, told.append, SECONDS)
        _answers[key] = told[0] if told else Usable([], end.reason or "it did not answer")
    return _answers[key]


def answer(backend: str, tell: Callable[[Usable], None]) -> None:
    """The child's part of ``ask``."""
    tell(import_module(f"harness.backends.{backend}.usable_devices").usable())


def describe(environment: Environment, usable: Usable | None) -> list[dict[str, Any]]:
    """Put the devices that the run uses, and the versions of the libraries that drive them, into its environment.

    Returns the devices; none where the run uses the processor.
    """
    if usable is None:
        return []
    environment.accelerators = usable.shown_by(accelerators.accelerators())[: environment.hardware.devices]
    environment.versions |= usable.versions
    return environment.accelerators


def say_once(sentence: str) -> None:
    """Print a sentence on standard error, once per process."""
    if sentence not in _said:
        _said.add(sentence)
        notify(sentence)
