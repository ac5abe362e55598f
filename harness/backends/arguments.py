"""Checks of the arguments of encoders and optimizers that both backends share, with the same messages.

Every check raises ``UserError``: one sentence that names the argument and its allowed values. ``harness.config.rules``
defines the checks that a config must pass before a run begins; they are called here for parts that code builds itself.
"""

from collections.abc import Mapping
from typing import Any

from harness.config.kernels import KERNELS
from harness.config.rules import check_count, check_heads
from harness.errors import UserError


def check_attention(hidden_size: int, num_heads: int, score: str, normalize: str) -> None:
    """Refuse a number of heads that does not divide the width, and an unknown score or normalization."""
    check_heads(hidden_size, num_heads)
    if score not in ("dot", "additive") or normalize not in ("softmax", "relu"):
        raise UserError(f"encoder: score is dot or additive, normalize softmax or relu, not {score}, {normalize}")


def check_recurrent(num_layers: int, dropout: float) -> None:
    """Refuse dropout between layers if there is only one layer."""
    if dropout and num_layers == 1:
        raise UserError(
            "encoder: dropout acts between layers, and num_layers=1 has nothing between; set dropout=0 or more layers"
        )


def check_kernel(kernel: str) -> None:
    """Refuse a kernel that recurrent encoders do not have."""
    if kernel not in KERNELS:
        raise UserError(f"encoder: kernel is {', '.join(KERNELS[:-1])} or {KERNELS[-1]}, not {kernel!r}")


def check_nonlinearity(nonlinearity: str) -> None:
    """Refuse a nonlinearity that an Elman network does not have."""
    if nonlinearity not in ("tanh", "relu"):
        raise UserError(f"encoder: nonlinearity is tanh or relu, not {nonlinearity!r}")


def check_counts(**counts: int) -> None:
    """Refuse anything but a whole number of 1 or more."""
    for name, count in counts.items():
        check_count(f"encoder.{name}", count)


def check_settings(name: str, given: Mapping[str, Any], known: Mapping[str, Any], backend: str) -> None:
    """Refuse settings that an optimizer does not have; ``known`` are those that it has, with their defaults."""
    for key, value in given.items():
        if key not in known:
            raise UserError(f"optimizer.{key}: {name} with backend={backend} has {', '.join(known)}, and no {key}")
        if isinstance(known[key], bool) and not isinstance(value, bool):
            raise UserError(f"optimizer.{key} must be true or false, and is {value!r}")
