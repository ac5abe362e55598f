"""A table of vectors whose gradient stays in one place in memory, for training on a processor.

Most of a small model is its embedding, and autograd makes the whole table's gradient anew at every step. The C library
then finds room for it in one place or another, between what else is there, and a training holds two to four of them at
a time: which of that, is chance.

Dimension letters: V rows, D width; ids are of any shape.
"""

import weakref
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Table(nn.Embedding):
    """torch's own embedding, with the same values and gradients."""

    def __init__(self, rows: int, width: int, padding_idx: int | None = None) -> None:
        super().__init__(rows, width, padding_idx)
        self.gradients = OnePlace()

    def forward(self, ids: Tensor) -> Tensor:
        here = self.training and not self.sparse and ids.device.type == "cpu" and torch.is_grad_enabled()
        if not here:
            return super().forward(ids)
        return _Rows.apply(ids, self.weight, self.padding_idx, self.gradients)

    def train(self, mode: bool = True) -> "Table":
        if not mode:
            self.gradients = OnePlace()  # what is evaluated needs no room for gradients
        return super().train(mode)


class OnePlace:
    """The memory of a gradient, which is lent again once nobody holds the last one."""

    def __init__(self) -> None:
        self._memory: np.ndarray | None = None
        self._lent: Callable[[], np.ndarray | None] = lambda: None

    def zeros(self, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        if self._lent() is not None:  # to another pass, or to another reading in the same one
            return torch.zeros(shape, dtype=dtype)
        if self._memory is None:
            self._memory = torch.empty(shape, dtype=dtype).numpy()
        lent_VD = self._memory[:]  # lives as long as the memory of the tensor that is made of it
        self._lent = weakref.ref(lent_VD)
        return torch.from_numpy(lent_VD).zero_()

    def __reduce__(self) -> tuple:  # a copy has a place of its own
        return OnePlace, ()


class _Rows(Function):
    @staticmethod
    def forward(ctx, ids: Tensor, table_VD: Tensor, padding_idx: int | None, gradients: OnePlace) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.shape, ctx.dtype = table_VD.shape, table_VD.dtype
        ctx.padding_idx, ctx.gradients = padding_idx, gradients
        return nn.functional.embedding(ids, table_VD)

    @staticmethod
    @once_differentiable
    def backward(ctx, given: Tensor) -> tuple[None, Tensor, None, None]:
        (ids,) = ctx.saved_tensors
        gradient_VD = ctx.gradients.zeros(ctx.shape, ctx.dtype)
        gradient_VD.index_add_(0, ids.flatten(), given.flatten(0, -2))
        if ctx.padding_idx is not None:
            gradient_VD[ctx.padding_idx] = 0
        return None, gradient_VD, None, None
