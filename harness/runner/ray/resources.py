"""What the task of a run asks of Ray, from the hardware of the run, and which nodes have that."""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig

from harness.analysis.listed import MOST_NAMED
from harness.config import launchers
from harness.config.libraries import ON_PROCESSOR
from harness.errors import UserError

Resources = Mapping[str, float]
"""Amounts by Ray's names of what is counted: ``CPU``, ``GPU``, ``memory`` in bytes, and what a node names itself."""
REMOTE = "hydra.launcher.ray.remote"
WORDS = {"CPU": ("processor", "processors"), "GPU": ("GPU", "GPUs"), "memory": ("byte", "bytes of memory")}


def options_of(config: DictConfig, remote: Mapping[str, Any], nodes: Sequence[Resources]) -> dict[str, Any]:
    """The options of ``ray.remote`` for the task of a run on a cluster with these nodes.

    ``num_cpus`` and ``num_gpus`` follow the hardware where ``remote`` has null for them.

    Raises:
        UserError: ``remote`` contradicts the hardware, or no node has what the run needs.
    """
    options = {key: value for key, value in remote.items() if value is not None}
    options["num_cpus"] = _processors(config, remote.get("num_cpus"))
    options["num_gpus"] = _gpus(config, options, remote.get("num_gpus"), nodes)
    if not can_run(options, nodes):
        needed = demands(options)
        kinds = list(dict.fromkeys(_words({name: node.get(name, 0) for name in needed}) for node in nodes))
        raise UserError(
            f"hardware={config.choices.hardware}: a run asks for {_words(needed)}, and no node of the Ray "
            f"cluster has that (they have {'; '.join(kinds[:MOST_NAMED]) or 'nothing'}); ask for less by hardware or "
            f"{REMOTE}, or start a node that has it"
        )
    return options


def can_run(options: Mapping[str, Any], nodes: Sequence[Resources]) -> bool:
    """Whether one of the nodes has all that a task with these options asks for."""
    needed = demands(options)
    return any(all(node.get(name, 0) >= amount for name, amount in needed.items()) for node in nodes)


def demands(options: Mapping[str, Any]) -> dict[str, float]:
    """What Ray looks for on a node for a task with these options."""
    asked = {"CPU": options["num_cpus"], "GPU": options["num_gpus"], "memory": options.get("memory", 0)}
    asked |= options.get("resources", {})
    if (kind := options.get("accelerator_type")) is not None:
        asked[f"accelerator_type:{kind}"] = 0.001  # Ray gives such a node one of it
    return {name: amount for name, amount in asked.items() if amount}


def _processors(config: DictConfig, asked: float | None) -> float:
    """The processors of a run: what the command asks for, or one for each thread of each of its processes.

    Raises:
        UserError: the run would use more threads than the command asks processors for.
    """
    processes, threads = launchers.devices_of(config), config.hardware.threads
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:  # the run itself refuses these
        threads = None
    if asked is None:
        return processes * (threads or 1)
    if threads and 0 < asked < processes * threads:
        uses = f"hardware.threads={threads}" + f" in each of {processes} processes" * (processes > 1)
        raise UserError(f"{REMOTE}.num_cpus={asked} is less than {uses}; leave num_cpus out, and it follows")
    return asked


def _gpus(config: DictConfig, options: Mapping[str, Any], asked: float | None, nodes: Sequence[Resources]) -> float:
    """The GPUs of a run: those that its hardware names; with ``hardware=auto``, those that a node of the cluster has.

    Raises:
        UserError: the command asks for another number.
    """
    accelerator = config.hardware.accelerator
    devices = launchers.devices_of(config)
    if not launchers.may_use_accelerator(config):
        needed = 0
    elif accelerator == "auto":
        if asked is None:
            return devices if can_run({**options, "num_gpus": devices}, nodes) else 0
        needed = devices if asked else 0
    else:
        needed = devices if accelerator == "gpu" else 0
    shared = needed == 1 and asked is not None and 0 < asked < 1  # several runs on one GPU, as the command says
    if asked is None or shared or asked == needed:
        return needed if asked is None else asked
    uses = f"uses {needed} of them" if needed else "uses none"
    on_processor = config.backend.name in ON_PROCESSOR
    chosen = f"backend={config.backend.name}" if on_processor else f"hardware={config.choices.hardware}"
    raise UserError(
        f"{REMOTE}.num_gpus={asked} contradicts {chosen}, with which a run {uses}; leave num_gpus out, and it follows"
    )


def _words(amounts: Resources) -> str:
    """Amounts in words, such as ``2 processors and 1 GPU``."""
    parts = []
    for name, amount in amounts.items():
        one, more = WORDS.get(name, (name, name))
        parts.append(f"{amount:.15g} {one if amount == 1 else more}")
    return " and ".join(parts)
