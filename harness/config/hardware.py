"""Whether this machine has what a config asks for: libraries, devices, a writable output folder."""

import tempfile
from importlib.util import find_spec
from pathlib import Path

from harness.config.libraries import LIBRARY
from harness.config.schema import Config
from harness.errors import UserError
from harness.measure import processors
from harness.measure.accelerators import accelerators
from harness.measure.processors import Limit
from harness.records.record import Hardware

KINDS = {"gpu": "cuda", "mps": "mps"}


def check_machine(config: Config) -> None:
    """Refuse a config that this machine cannot run, before the run begins.

    Raises:
        UserError: one sentence that names what is missing and what to do.
    """
    module = LIBRARY.get(config.backend.name)
    if module and find_spec(module) is None:
        name = config.backend.name
        raise UserError(f"backend={name} needs {module}: in the harness's folder, pip install '.[{name}]'")
    resolve_hardware(config)
    check_writable(Path(config.output_dir))


def check_writable(output_dir: Path) -> None:
    """Create the output folder, and refuse one that cannot be written to.

    Raises:
        UserError: the folder cannot be written to; the sentence has the system's reason.
    """
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output_dir):
            pass
    except OSError as error:
        raise UserError(
            f"output_dir={output_dir} cannot be written to ({error.strerror}); set output_dir to another folder"
        ) from None


def resolve_hardware(config: Config) -> Hardware:
    """The hardware that a run uses on this machine: devices, precision and the threads of each process.

    Raises:
        UserError: the machine lacks the devices that the config asks for.
    """
    wanted, accelerator = config.hardware, config.hardware.accelerator
    installed = accelerators()
    if accelerator == "auto":
        accelerator = "cpu"
        for name, kind in KINDS.items():
            if installed and installed[0]["kind"] == kind:
                accelerator = name  # type: ignore[assignment]
    present = [device["name"] for device in installed if device["kind"] == KINDS.get(accelerator)]
    if accelerator in KINDS and len(present) < wanted.devices:
        there = f"{len(present)} of them" if present else "none"
        raise UserError(
            f"hardware={config.choices.hardware} needs {wanted.devices} {accelerator.upper()} device(s), and this "
            f"machine has {there}; take hardware=cpu or hardware=auto"
        )
    return Hardware(
        accelerator=accelerator,
        devices=wanted.devices,
        nodes=wanted.nodes,
        precision=wanted.precision,
        threads=threads_of(config).processors,
        device_names=present[: wanted.devices],
    )


def threads_of(config: Config) -> Limit:
    """The threads of each process of a run, and what decides their number."""
    if config.hardware.threads:
        return Limit(config.hardware.threads, "hardware.threads")
    return processors.threads(processes=config.hardware.devices)
