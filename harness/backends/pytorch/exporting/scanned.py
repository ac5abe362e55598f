"""Encoders that go from step to step, as a scan: one operation of a graph, whatever the number of steps.

A loop in Python would be exported with the steps of the example, and the parallel forms depend on the length too.

Dimension letters: B batch, L length, D input width, E output width, H heads, S and T width of a head, N pairs of
numbers in a state.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops import scan  # as torch's documentation imports it: it has no other name yet

from harness.backends.pytorch.encoders.cell import Cell
from harness.backends.pytorch.encoders.jordan import JordanRNN
from harness.backends.pytorch.encoders.linear_attention import TINY, LinearAttention
from harness.backends.pytorch.encoders.min_gru import MinGRU
from harness.backends.pytorch.encoders.s4d import DiagonalStateSpace
from harness.backends.pytorch.layers import clear_padding

Step = Callable[[Any, Any], tuple[Any, Tensor]]


def over_steps(step: Step, first: Any, *x_BL: Tensor) -> Tensor:
    """``state, y = step(state, x)`` for each step of ``x_BL...``, from the state ``first``: all ``y_BL...``."""
    _, y_LB = scan(step, first, tuple(x.transpose(0, 1) for x in x_BL))
    return y_LB.transpose(0, 1)


class ScannedCell(nn.Module):
    """``encoders.Cell``: ``(x_BLD, mask_BL) -> y_BLE``."""

    def __init__(self, encoder: Cell) -> None:
        super().__init__()
        self.cell = encoder.cell

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        # the first step is apart, because only the cell knows what a state of None means
        state = self.cell(x_BLD[:, 0], None)
        first_BE = state[0] if isinstance(state, tuple) else state
        # a step of zeros after the last, whose output is left out: a scan takes one step at least
        others_BLD = torch.cat([x_BLD[:, 1:], torch.zeros_like(x_BLD[:, :1])], 1)

        def step(before: Any, x: tuple[Tensor]) -> tuple[Any, Tensor]:
            after = self.cell(x[0], before)
            return after, (after[0] if isinstance(after, tuple) else after).clone()

        others_BLE = over_steps(step, state, others_BLD)
        return clear_padding(torch.cat([first_BE[:, None], others_BLE[:, :-1]], 1), mask_BL)


class ScannedJordan(nn.Module):
    """``encoders.JordanRNN``: ``(x_BLD, mask_BL) -> y_BLE``."""

    def __init__(self, encoder: JordanRNN) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        own = self.encoder

        def step(before_BE: Tensor, x: tuple[Tensor]) -> tuple[Tensor, Tensor]:
            y_BE = torch.tanh(own.output(torch.tanh(x[0] + own.feedback(before_BE))))
            return y_BE, y_BE.clone()

        first_BE = x_BLD.new_zeros(x_BLD.shape[0], own.out_dim)
        return clear_padding(over_steps(step, first_BE, own.input(x_BLD)), mask_BL)


class ScannedMinGRU(nn.Module):
    """``encoders.MinGRU``: ``(x_BLD, mask_BL) -> y_BLE``."""

    def __init__(self, encoder: MinGRU) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        gate_BLE, candidate_BLE = self.encoder.update(x_BLD), self.encoder.candidate(x_BLD)

        def step(h_BE: Tensor, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            keep_BE, add_BE = x
            h_BE = keep_BE * h_BE + add_BE
            return h_BE, h_BE.clone()

        first_BE = torch.zeros_like(gate_BLE[:, 0])
        added_BLE = gate_BLE.sigmoid() * candidate_BLE
        return clear_padding(over_steps(step, first_BE, (-gate_BLE).sigmoid(), added_BLE), mask_BL)


class ScannedLinearAttention(nn.Module):
    """``encoders.LinearAttention`` with ``causal``: ``(x_BLD, mask_BL) -> y_BLE``."""

    def __init__(self, encoder: LinearAttention) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        q_BLHS, k_BLHS, v_BLHT = (part.transpose(1, 2) for part in self.encoder.project(x_BLD, mask_BL))

        def step(before: tuple[Tensor, Tensor], x: tuple[Tensor, ...]) -> tuple[tuple[Tensor, Tensor], Tensor]:
            q_BHS, k_BHS, v_BHT = x
            sum_BHST = before[0] + k_BHS[:, :, :, None] * v_BHT[:, :, None]
            weight_BHS = before[1] + k_BHS
            weighted_BHT = (q_BHS[:, :, None] @ sum_BHST)[:, :, 0]
            return (sum_BHST, weight_BHS), weighted_BHT / ((q_BHS * weight_BHS).sum(-1, keepdim=True) + TINY)

        weight_BHS = torch.zeros_like(k_BLHS[:, 0])
        sum_BHST = weight_BHS[:, :, :, None] * torch.zeros_like(v_BLHT[:, 0])[:, :, None]
        return clear_padding(over_steps(step, (sum_BHST, weight_BHS), q_BLHS, k_BLHS, v_BLHT).flatten(2), mask_BL)


class ScannedStateSpace(nn.Module):
    """The linear systems of ``encoders.S4D`` from step to step, instead of by Fourier transforms: ``x_BLE -> y_BLE``.

    ``h_t = exp(s a) h_(t-1) + x_t``, ``y_t = Re(w.h_t) + skip x_t``, with the weights w of the convolution's kernel.
    """

    def __init__(self, states: DiagonalStateSpace) -> None:
        super().__init__()
        with torch.no_grad():
            pole_EN = torch.complex(-states.log_decay_EN.double().exp(), states.frequency_EN.double())
            turn_EN = states.log_step_E.double().exp()[:, None] * pole_EN
            weight_EN = 2 * torch.complex(*states.c_2EN.double()) * torch.expm1(turn_EN) / pole_EN
            self.register_buffer("turn_2EN", torch.view_as_real(turn_EN.exp()).permute(2, 0, 1).float().contiguous())
            self.register_buffer("weight_2EN", torch.view_as_real(weight_EN).permute(2, 0, 1).float().contiguous())
            self.register_buffer("skip_E", states.skip_E.detach().clone())

    def forward(self, x_BLE: Tensor) -> Tensor:
        turn, weight = self.turn_2EN, self.weight_2EN

        def step(before: tuple[Tensor, Tensor], x: tuple[Tensor]) -> tuple[tuple[Tensor, Tensor], Tensor]:
            real_BEN, imaginary_BEN = before
            after = (
                turn[0] * real_BEN - turn[1] * imaginary_BEN + x[0][:, :, None],
                turn[0] * imaginary_BEN + turn[1] * real_BEN,
            )
            return after, (weight[0] * after[0] - weight[1] * after[1]).sum(-1)

        first_BEN = x_BLE.new_zeros(x_BLE.shape[0], *self.turn_2EN.shape[1:])
        return over_steps(step, (first_BEN, first_BEN.clone()), x_BLE) + self.skip_E * x_BLE
