"""What computes a recurrent encoder: ``encoder.kernel``, which ``rnn``, ``lstm`` and ``gru`` have."""

import re
from typing import Any, Final

from harness.config.schema import AUTO, Config
from harness.errors import UserError
from harness.records.record import Hardware
from harness.records.settings import parts

TORCH: Final = "torch"
HARNESS: Final = "harness"
KERAS: Final = "keras"
KERNELS = (AUTO, TORCH, HARNESS)
"""The values of ``encoder.kernel``: torch's own kernel, the harness's own steps, or the faster of the two."""
RECURRENT = ("RNN", "LSTM", "GRU")
"""The classes that have kernels."""


def has_kernel(part: dict[str, Any]) -> bool:
    """Whether these settings are those of one of the harness's recurrent encoders."""
    target = str(part.get("_target_"))
    return target.startswith("harness.") and target.rpartition(".")[2] in RECURRENT


def key_in_config(path: str) -> str:
    """An encoder's key in the config from its path in a model; both directions of ``bidirectional`` are one there."""
    return re.sub(r"\.(forwards|backwards)\b", ".inner", path)


def with_kernels(encoder: dict[str, Any]) -> dict[str, Any]:
    """An encoder's settings, with the kernel of records that were written before there was a choice."""
    inner = {key: with_kernels(value) if isinstance(value, dict) else value for key, value in encoder.items()}
    return {**inner, "kernel": inner.get("kernel", AUTO)} if has_kernel(encoder) else inner


def check_kernel(where: str, part: dict[str, Any], backend: str) -> None:
    """Refuse an unknown kernel, and a choice with a backend that has none; ``where`` is the encoder's key.

    Raises:
        UserError: one sentence with the allowed values.
    """
    kernel = part.get("kernel", AUTO)
    if not has_kernel(part) or kernel == AUTO:
        return
    if kernel not in KERNELS:
        raise UserError(f"{where}.kernel must be {', '.join(KERNELS[:-1])} or {KERNELS[-1]}, and is {kernel!r}")
    if backend != "pytorch":
        raise UserError(
            f"{where}.kernel={kernel} is for backend=pytorch, and backend={backend} has its own layers alone; take "
            f"{where}.kernel={AUTO}"
        )


def check_kernels_on(config: Config, hardware: Hardware) -> None:
    """Refuse to train with the harness's steps on an accelerator, where they are many times slower than its kernels.

    Raises:
        UserError: one sentence that says what to take.
    """
    if hardware.accelerator == "cpu":
        return
    for where, part in parts(config.encoder, "encoder"):
        if has_kernel(part) and part.get("kernel") == HARNESS:
            raise UserError(
                f"{where}.kernel={HARNESS} runs on the processor, and this run is on {hardware.accelerator}; take "
                f"{where}.kernel={AUTO} or hardware=cpu"
            )
