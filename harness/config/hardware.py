"""Whether this machine has what a config asks for: libraries, devices, a writable output folder."""

import os
import tempfile
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from harness.config.compose import conf_dir
from harness.config.libraries import LIBRARY
from harness.config.pretrained import is_pretrained
from harness.config.schema import Config, HardwareConfig
from harness.errors import UserError
from harness.measure import processors, slots
from harness.measure.accelerators import VISIBLE, accelerators, driver_devices
from harness.measure.processors import Limit
from harness.notices import notify
from harness.records.record import Hardware

KINDS = {"gpu": "cuda", "mps": "mps"}


@dataclass(frozen=True)
class Usable:
    """What a framework can use: its devices in its order (kind, name, UUID), or the reason why there is none.

    ``versions`` are those of the libraries that drive the devices, such as cuDNN.
    """

    devices: list[dict[str, str]]
    reason: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def shown_by(self, driver: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the driver says of these devices, in the framework's order; the framework's word where it says nothing.

        A device is known by its UUID, which frameworks give without ``GPU-`` or ``MIG-``, or else by its place.
        """
        found = []
        for place, device in enumerate(self.devices):
            uuid = device.get("uuid")
            same = [one for one in driver if uuid and str(one.get("uuid", "")).endswith(uuid)]
            if not uuid:
                same = [one for one in driver[place : place + 1] if one["kind"] == device["kind"]]
            found += same[:1] or [device]
        return found


def check_machine(config: Config) -> None:
    """Refuse a config that this machine cannot run, before the run begins.

    Raises:
        UserError: one sentence that names what is missing and what to do.
    """
    module = LIBRARY.get(config.backend.name)
    if module and find_spec(module) is None:
        name = config.backend.name
        raise UserError(f"backend={name} needs {module}: in the harness's folder, pip install '.[{name}]'")
    if is_pretrained(config.encoder) and find_spec("transformers") is None:
        raise UserError("encoder=pretrained needs transformers: in the harness's folder, pip install '.[pretrained]'")
    if slow_in_half(resolve_hardware(config)):
        say_slow_in_half(config.choices.hardware)
    check_writable(Path(config.output_dir))


def slow_in_half(hardware: Hardware) -> bool:
    """Whether a run computes in bfloat16 on a processor that is known to have no instructions for it."""
    return hardware.accelerator == "cpu" and hardware.precision == "bf16" and processors.has_bfloat16() is False


@cache
def say_slow_in_half(choice: str) -> None:
    """Say that bfloat16 is slow here; once a command, whatever the number of its runs."""
    notify(
        f"hardware={choice}: this processor has no instructions for bfloat16 and emulates it, which is slower than "
        "float32; hardware.precision=32 is faster"
    )


def check_writable(output_dir: Path) -> None:
    """Create the output folder, and refuse one that cannot be written to.

    Raises:
        UserError: the folder cannot be written to; the sentence has the system's reason. Or the name of a folder above
            it is not UTF-8, which nothing that keeps paths as text takes.
    """
    try:
        str(output_dir.absolute()).encode("utf8")
    except UnicodeEncodeError:
        shown = os.fsencode(output_dir.absolute()).decode("utf8", "replace")
        raise UserError(f"output_dir: {shown} is not UTF-8; set output_dir to another folder") from None
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output_dir):
            pass
    except OSError as error:
        raise UserError(
            f"output_dir={output_dir} cannot be written to ({error.strerror}); set output_dir to another folder"
        ) from None


def hidden_cards() -> list[str]:
    """The names of the cards of this machine, where ``CUDA_VISIBLE_DEVICES`` hides all of them."""
    if VISIBLE not in os.environ or accelerators():
        return []
    return [str(device["name"]) for device in driver_devices()]


def resolve_hardware(config: Config, usable: Usable | None = None) -> Hardware:
    """The hardware that a run uses on this machine: devices, precision and the threads of each process.

    ``usable`` is what the backend's framework can use of the devices that the driver shows; None: all of them.

    Raises:
        UserError: the machine lacks the devices that the config asks for.
    """
    wanted, accelerator = config.hardware, config.hardware.accelerator
    installed = accelerators() if usable is None else usable.shown_by(accelerators())
    if accelerator == "auto":
        accelerator = "cpu"
        for name, kind in KINDS.items():
            if installed and installed[0]["kind"] == kind:
                accelerator = name  # type: ignore[assignment]
    present = [device for device in installed if device["kind"] == KINDS.get(accelerator)]
    if accelerator in KINDS and len(present) < wanted.devices:
        there = f"{len(present)} of them" if present else "none"
        who = "this machine has" if usable is None else f"backend={config.backend.name} can use"
        why = f" ({usable.reason})" if usable is not None and usable.reason else ""
        raise UserError(
            f"hardware={config.choices.hardware} needs {wanted.devices} {accelerator.upper()} device(s), and {who} "
            f"{there}{why}; take hardware=cpu or hardware=auto"
        )
    used = present[: wanted.devices]
    return Hardware(
        accelerator=accelerator,
        devices=wanted.devices,
        nodes=wanted.nodes,
        precision=wanted.precision,
        threads=threads_of(config).processors,
        device_names=[device["name"] for device in used],
        device_parts=[device["mig"] for device in used if "mig" in device],
        device_power_limits_w=[device["power_limit_w"] for device in used if "power_limit_w" in device],
        runs_at_a_time=slots.runs_at_a_time(),
    )


def hardware_choice(name: str) -> HardwareConfig:
    """The settings of a choice of ``conf/hardware``.

    Raises:
        UserError: there is no such choice.
    """
    folder = conf_dir() / "hardware"
    file = folder / f"{name}.yaml"
    if name not in (names := sorted(file.stem for file in folder.glob("*.yaml"))):
        raise UserError(f"there is no hardware={name}; take one of {', '.join(names)}")
    settings = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(settings, dict)
    above = [one for one in settings.pop("defaults", []) if one != "_self_"]
    inherited = {key: value for one in above for key, value in hardware_choice(one).model_dump().items()}
    return HardwareConfig(**{**inherited, **settings})


def threads_of(config: Config) -> Limit:
    """The threads of each process of a run, and what decides their number."""
    if config.hardware.threads:
        return Limit(config.hardware.threads, "hardware.threads")
    return processors.threads(processes=config.hardware.devices)
