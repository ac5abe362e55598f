"""Attention weights of the parts of a model.

A part has attention weights if it has a method ``attention`` with the arguments of its ``forward``,
``(x_BLD, mask_BL)``, that returns ``a_BHLK`` (steps attend to steps) or ``a_BL`` (a pooling). A custom encoder needs
nothing else.

Dimension letters: B batch, L length (also K for the attended side), D input width, H heads.
"""

import inspect
from collections.abc import Callable

import numpy as np
import torch
from torch import nn


def attention_of(model: nn.Module, forward: Callable[[], object]) -> dict[str, np.ndarray]:
    """The attention weights of each part in one forward pass, by the path of the part; 0 to and from padding.

    The backward direction of a bidirectional encoder is left out: it reads each sequence reversed, so that its steps
    do not match the tokens.
    """
    parts = {
        path: part
        for path, part in model.named_modules()
        if inspect.ismethod(getattr(part, "attention", None)) and "backwards" not in path.split(".")
    }
    inputs: dict[str, tuple] = {}

    def keep_inputs(path: str) -> Callable:
        return lambda _part, arguments: inputs.update({path: arguments})

    hooks = [part.register_forward_pre_hook(keep_inputs(path)) for path, part in parts.items()]
    try:
        forward()
    finally:
        for hook in hooks:
            hook.remove()
    with torch.inference_mode():
        return {path: _cleared(parts[path].attention(*arguments), arguments[1]) for path, arguments in inputs.items()}


def _cleared(weights: torch.Tensor, mask_BL: torch.Tensor) -> np.ndarray:
    if weights.ndim == 4:
        weights = weights * mask_BL[:, None, :, None] * mask_BL[:, None, None]
    return weights.float().cpu().numpy()
