"""An embedding table whose gradient reuses one buffer, for training on a processor.

Most parameters of a small model are its embedding, and autograd allocates the gradient of the whole table at every
step. The C library places each of these large blocks wherever it fits, so that two to four of them exist at a time, a
number that varies by chance. With one buffer the memory peak is the same in every run.

Dimension letters: V rows, D width; ids are of any shape.
"""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from harness.backends.pytorch.table_rows import TableRows


class EmbeddingTable(nn.Embedding):
    """torch's own embedding, with the same values and gradients.

    While an optimizer updates only the rows that a batch reads, ``rows`` keeps account of the others: they are brought
    up to date when they are read next, and all of them before the table is read as a whole. That is in evaluation, in
    ``state_dict`` and in a copy; ``weight`` itself is up to date after ``eval()``.
    """

    def __init__(self, rows: int, width: int, padding_idx: int | None = None) -> None:
        super().__init__(rows, width, padding_idx)
        self.gradients = ReusedBuffer()
        self.rows: TableRows | None = None
        self.register_state_dict_pre_hook(_catch_up)
        self.register_load_state_dict_pre_hook(_catch_up)

    def forward(self, ids: Tensor) -> Tensor:
        is_trained = self.training and self.weight.requires_grad and torch.is_grad_enabled()
        if self.rows is not None:
            if is_trained:
                return self.rows.read(ids)
            self.rows.catch_up_all()
        if not (is_trained and not self.sparse and ids.device.type == "cpu"):
            return super().forward(ids)
        return _Rows.apply(ids, self.weight, self.padding_idx, self.gradients)

    def train(self, mode: bool = True) -> "EmbeddingTable":
        if not mode:
            self.gradients = ReusedBuffer()  # an evaluation needs no memory for gradients
            _catch_up(self)
        return super().train(mode)

    def release(self) -> None:
        """Bring all rows up to date and leave the optimizer, which makes no further step."""
        _catch_up(self)
        self.rows = None

    def __getstate__(self) -> dict[str, Any]:  # a copy has no optimizer
        _catch_up(self)
        return {**self.__dict__, "rows": None}


def _catch_up(table: EmbeddingTable, *_of_hook: Any) -> None:
    if table.rows is not None:
        table.rows.catch_up_all()


class ReusedBuffer:
    """The memory of a gradient. It is reused as soon as no tensor refers to it any more."""

    def __init__(self) -> None:
        self.memory: np.ndarray | None = None
        self.in_use: Callable[[], np.ndarray | None] = lambda: None

    def zeros(self, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """A tensor of zeros: the buffer, or new memory while another gradient still uses the buffer."""
        if self.in_use() is not None:  # by another pass, or by another lookup in the same pass
            return torch.zeros(shape, dtype=dtype)
        if self.memory is None:
            self.memory = torch.empty(shape, dtype=dtype).numpy()
        view_VD = self.memory[:]  # this view lives as long as the memory of the tensor that is built from it
        self.in_use = weakref.ref(view_VD)
        return torch.from_numpy(view_VD).zero_()

    def __reduce__(self) -> tuple:  # a copy gets a buffer of its own
        return ReusedBuffer, ()


class _Rows(Function):
    @staticmethod
    def forward(ctx, ids: Tensor, table_VD: Tensor, padding_idx: int | None, gradients: ReusedBuffer) -> Tensor:
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
