"""What this machine has of what a config asks for: libraries, devices, nodes, a folder to write to."""

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.backends.distributed import node_rank
from harness.checks import LIBRARY
from harness.measure import environment
from harness.errors import UserError

Config = dict[str, Any]


def check(config: Config) -> None:
    """Refuse what this machine cannot do, before a run begins.

    Raises:
        UserError: one sentence that names what is lacking, and what to do.
    """
    _check_backend(config["backend"]["name"])
    hardware(config)
    _check_nodes(config)
    check_writable(Path(config["output_dir"]))


def _check_backend(name: str) -> None:
    module = LIBRARY.get(name)
    if module and find_spec(module) is None:
        raise UserError(f"backend={name} needs {module}: in the harness's folder, pip install '.[{name}]'")


def _check_nodes(config: Config) -> None:
    nodes = config["hardware"]["nodes"]
    if nodes > 1 and config["sweep"]:
        raise UserError(f"hardware.nodes={nodes} is for one run at a time: leave -m away and give each seed a command")
    node_rank(nodes)


def check_writable(output_dir: Path) -> None:
    """Make the output folder, and refuse one that cannot be written to.

    Raises:
        UserError: with the system's own word for why.
    """
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output_dir):
            pass
    except OSError as error:
        raise UserError(
            f"output_dir={output_dir} cannot be written to ({error.strerror}); set output_dir to a folder that can"
        ) from None


def hardware(config: Config) -> Config:
    """What the hardware settings come to on this machine: accelerator, devices, precision, threads, device names.

    Raises:
        UserError: the machine lacks what was asked for.
    """
    wanted = config["hardware"]
    found = environment.accelerators()
    kinds = {"gpu": "cuda", "mps": "mps"}
    accelerator = wanted["accelerator"]
    if accelerator == "auto":
        accelerator = next((name for name, kind in kinds.items() if found and found[0]["kind"] == kind), "cpu")
    present = [device["name"] for device in found if device["kind"] == kinds.get(accelerator)]
    chosen = config["choices"]["hardware"]
    if accelerator in kinds and len(present) < wanted["devices"]:
        there = f"{len(present)} of them" if present else "none"
        raise UserError(
            f"hardware={chosen} needs {wanted['devices']} {accelerator.upper()} device(s), and this machine has "
            f"{there}; take hardware=cpu or hardware=auto"
        )
    share = environment.cores() // (wanted["devices"] if accelerator == "cpu" else 1)
    return {
        "accelerator": accelerator,
        "devices": wanted["devices"],
        "nodes": wanted["nodes"],
        "precision": str(wanted["precision"]),
        "threads": wanted["threads"] or max(1, min(share, environment.threads())),
        "device_names": present[: wanted["devices"]],
    }
