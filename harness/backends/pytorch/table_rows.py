"""The rows of an embedding table under Adam: a step reads and writes those of its batch alone.

Dimension letters: V rows of the table, D width, N ids of a batch, U distinct ones.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.optim.adam import adam

from harness.backends.pytorch.missed_steps import MissedSteps

CHUNK = 4096
"""Rows that are brought up to date at a time; what is computed for them stays in the cache."""
WIDE = torch.complex128
LEAST = 1e-36
"""Far below the square of any epsilon: a root of 0 then has an inverse."""
AT_REST = -1
"""In place of the step of the last update: the row has no moments, and moves only with its next gradient."""


class Rows(NamedTuple):
    """Rows of the table and of its moments, up to date."""

    number_U: Tensor
    weight_UD: Tensor
    m_UD: Tensor
    v_UD: Tensor


class TableRows:
    """A table and its moments, of which each row is as of the step of its last update, ``last_V``.

    ``read`` brings the rows of a batch up to date and looks them up, ``update`` is Adam's step on them, and
    ``catch_up_all`` makes the table what dense Adam would have made it. See ``missed_steps.py`` for the arithmetic.
    """

    def __init__(
        self, table_VD: nn.Parameter, padding_idx: int | None, state: dict[str, Any], missed: MissedSteps
    ) -> None:
        self.table_VD, self.padding_idx, self.missed = table_VD, padding_idx, missed
        self.numbers_V = torch.zeros(len(table_VD), dtype=torch.int64, device=table_VD.device)
        self.last_V = torch.full_like(self.numbers_V, 0 if missed.decay else AT_REST)
        self.is_wide = table_VD.shape[1] * table_VD.element_size() % WIDE.itemsize == 0
        decays = torch.stack([torch.from_numpy(self.missed.beta1_J), torch.from_numpy(self.missed.beta2_J)], 1)
        self.decays_J2 = decays.to(table_VD)
        self.held: Rows | None = None
        self.reload(state)

    @torch.no_grad()
    def reload(self, state: dict[str, Any]) -> None:
        """Go on from a state in which every row is up to date."""
        self.state, self.held = state, None
        self._restart(int(state["step"]))
        if self.missed.step:
            self.last_V.fill_(self.missed.step)
            if not self.missed.decay:
                self.last_V[~(state["exp_avg"].any(1) | state["exp_avg_sq"].any(1))] = AT_REST

    def read(self, ids: Tensor) -> Tensor:
        """The vectors of the ids. The gradient of the table is sparse: one value per distinct id, each once."""
        with torch.no_grad():
            self._put_back()
            number_U, place_N, ready = self._distinct(ids.flatten().long())
            self.held = self._up_to_date(number_U, ready)
        weight_UD = self.held.weight_UD.detach().requires_grad_()
        weight_UD.register_post_accumulate_grad_hook(lambda leaf: self._add_gradient(number_U, leaf))
        return _Lookup.apply(weight_UD, place_N).unflatten(0, ids.shape)

    @torch.no_grad()
    def update(self, settings: dict[str, Any]) -> None:
        """Adam's step, with the settings of a group, on the rows of the table's gradient, which is dropped."""
        gradient = self.table_VD.grad.coalesce()
        (number_U,) = gradient.indices()
        if self.held is None or self.held.number_U.data_ptr() != number_U.data_ptr():
            self._put_back()
            self.held = self._up_to_date(number_U)
        beta1, beta2 = settings["betas"]
        adam(
            [self.held.weight_UD], [gradient.values()], [self.held.m_UD], [self.held.v_UD], [], [self.state["step"]],
            fused=settings["fused"], amsgrad=False, beta1=beta1, beta2=beta2, lr=settings["lr"],
            weight_decay=settings["weight_decay"], eps=settings["eps"], maximize=False,
            decoupled_weight_decay=settings["decoupled_weight_decay"],
        )  # fmt: skip
        self.table_VD.grad = None
        self.missed.advance(settings["lr"])
        self._put_back()
        if self.missed.must_restart:
            self.catch_up_all()

    @torch.no_grad()
    def catch_up_all(self) -> None:
        """Bring every row up to date."""
        self._put_back()
        if self.missed.step == self.missed.first:
            return
        for number_U in self._are_behind(self.last_V).nonzero().flatten().split(CHUNK):
            self.held = self._up_to_date(number_U)
            self._put_back()
        self._restart(self.missed.step)

    def _restart(self, step: int) -> None:
        self.missed.restart(step)
        with torch.inference_mode(False):  # an evaluation restarts too, and torch would refuse later writes to a tensor
            self.factors_SF = torch.from_numpy(self.missed.factors_SF).to(self.table_VD.device)

    def _distinct(self, ids_N: Tensor) -> tuple[Tensor, Tensor, int]:
        """The distinct ids, the place of each id among them, and how many of them are up to date: they come first.

        Faster than to sort the ids as ``torch.unique`` does.
        """
        order_N = torch.arange(len(ids_N), device=ids_N.device)
        self.numbers_V.index_copy_(0, ids_N, order_N)  # of equal ids, one is kept
        number_U = ids_N.masked_select(self.numbers_V.index_select(0, ids_N) == order_N)
        behind_U = self._are_behind(self.last_V.index_select(0, number_U))
        ready_U = number_U.masked_select(~behind_U)
        number_U = torch.cat([ready_U, number_U.masked_select(behind_U)])
        self.numbers_V.index_copy_(0, number_U, order_N[: len(number_U)])
        return number_U, self.numbers_V.index_select(0, ids_N), len(ready_U)

    def _are_behind(self, last: Tensor) -> Tensor:
        return (last != AT_REST) & (last != self.missed.step)

    def _up_to_date(self, number_U: Tensor, ready: int = 0) -> Rows:
        """Copies of these rows, as of the present step; the first ones, ``ready``, are so already."""
        read = [wide.index_select(0, number_U).view(self.table_VD.dtype) for wide in self._tables()]
        if self.missed.step > self.missed.first and ready < len(number_U):
            self._catch_up(self.last_V.index_select(0, number_U[ready:]), *(rows_UD[ready:] for rows_UD in read))
        return Rows(number_U, *read)

    def _tables(self) -> list[Tensor]:
        """The table and its moments, as wider numbers where their width allows: rows of fewer numbers copy faster."""
        tables = (self.table_VD.detach(), self.state["exp_avg"], self.state["exp_avg_sq"])
        return [table.view(WIDE) if self.is_wide else table for table in tables]

    def _catch_up(self, last_U: Tensor, weight_UD: Tensor, m_UD: Tensor, v_UD: Tensor) -> None:
        """Take the steps that these rows have missed, in place; rows at rest have no moments and stay."""
        missed, changed = self.missed, self.missed.refresh()
        if self.factors_SF.device.type != "cpu":  # there it is the same memory
            self.factors_SF[changed] = torch.from_numpy(missed.factors_SF[changed]).to(self.factors_SF.device)
        place_U = (last_U - missed.first).clamp_(min=0)
        *coefficients, scale_U1 = self.factors_SF.index_select(0, place_U).split(1, 1)
        inverse_UD = v_UD.add(LEAST).rsqrt_()  # twice as fast as sqrt
        y_UD = inverse_UD + scale_U1
        torch.div(inverse_UD, y_UD, out=y_UD)
        move_UD = torch.mul(y_UD, coefficients.pop(), out=inverse_UD)
        while coefficients:
            move_UD.add_(coefficients.pop()).mul_(y_UD)
        if missed.decay:
            before_U = torch.from_numpy(missed.remaining_S).to(place_U.device).index_select(0, place_U)
            weight_UD.mul_((missed.remaining / before_U)[:, None].to(weight_UD))
            move_UD.mul_(missed.remaining)
        weight_UD.addcmul_(move_UD, m_UD, value=-1)
        left1_U1, left2_U1 = self.decays_J2.index_select(0, missed.step - missed.first - place_U).split(1, 1)
        m_UD.mul_(left1_U1)
        v_UD.mul_(left2_U1)

    def _put_back(self) -> None:
        """Write the rows that are held into the table."""
        if self.held is None:
            return
        number_U, *values = self.held
        for table, rows_UD in zip(self._tables(), values, strict=True):
            table.index_copy_(0, number_U, rows_UD.view(table.dtype))
        self.last_V.index_fill_(0, number_U, self.missed.step)
        self.held = None

    def _add_gradient(self, number_U: Tensor, rows_UD: Tensor) -> None:
        gradient_UD, rows_UD.grad = rows_UD.grad, None
        if self.padding_idx is not None:
            gradient_UD.index_fill_(0, (number_U == self.padding_idx).nonzero().flatten(), 0)
        given = self.table_VD.grad  # of an earlier pass, or of another lookup in this one
        # each row is there once, but the rows are in no order: torch adds up two coalesced tensors as if they were
        gradient = torch.sparse_coo_tensor(
            number_U[None], gradient_UD, self.table_VD.shape, is_coalesced=given is None, check_invariants=False
        )
        self.table_VD.grad = gradient if given is None else given + gradient


class _Lookup(Function):
    """``embedding`` whose backward pass takes half the time of torch's own."""

    @staticmethod
    def forward(ctx, weight_UD: Tensor, place_N: Tensor) -> Tensor:
        ctx.save_for_backward(place_N)
        ctx.shape = weight_UD.shape
        return weight_UD.index_select(0, place_N)

    @staticmethod
    @once_differentiable
    def backward(ctx, given_ND: Tensor) -> tuple[Tensor, None]:
        (place_N,) = ctx.saved_tensors
        return given_ND.new_zeros(ctx.shape).index_add_(0, place_N, given_ND), None
