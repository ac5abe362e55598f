"""What the variants of Adam that update rows share: the state of a table, and the loss of a closure."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def begin(state: dict[str, Any], table_VD: nn.Parameter) -> None:
    """Fill the state of a table as torch's Adam does before its first step."""
    state["step"] = torch.zeros((), device=table_VD.device)
    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(table_VD), torch.zeros_like(table_VD)


def loss_of(closure: Callable[[], Any] | None) -> Any:
    """The loss of a closure, which computes the gradients; None without one."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
