"""Which parts of a model attend, and how much to what.

A part attends if it has a method ``attention`` that takes what its ``forward`` takes, ``(x_BLD, mask_BL)``, and gives
``a_BHLK`` (steps attend to steps) or ``a_BL`` (a pooling): nothing else has to be done for an encoder of one's own.

Dimension letters: B batch, L length (also K for the attended side), D input width, H heads.
"""

import inspect
from collections.abc import Callable

import numpy as np
import torch
from torch import nn


def attention_of(model: nn.Module, forward: Callable[[], object]) -> dict[str, np.ndarray]:
    """The attention of each part in one forward pass, by the part's path; 0 to and from padding.

    A backward direction reads each sequence reversed, so that its steps are not the tokens': it is left out.
    """
    parts = {
        path: part
        for path, part in model.named_modules()
        if inspect.ismethod(getattr(part, "attention", None)) and "backwards" not in path.split(".")
    }
    given: dict[str, tuple] = {}

    def listen(path: str) -> Callable:
        return lambda _part, arguments: given.__setitem__(path, arguments)

    hooks = [part.register_forward_pre_hook(listen(path)) for path, part in parts.items()]
    try:
        forward()
    finally:
        for hook in hooks:
            hook.remove()
    with torch.inference_mode():
        return {path: _cleared(parts[path].attention(*arguments), arguments[1]) for path, arguments in given.items()}


def _cleared(weights: torch.Tensor, mask_BL: torch.Tensor) -> np.ndarray:
    if weights.ndim == 4:
        weights = weights * mask_BL[:, None, :, None] * mask_BL[:, None, None]
    return weights.float().cpu().numpy()
