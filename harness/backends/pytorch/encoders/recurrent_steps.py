"""Recurrent layers with hand-written gradients, for processors.

Autograd runs a dozen small operations per step in the backward pass, and one product per step for the gradient of the
recurrent weights. Here everything that does not depend on the next step is computed for all steps at once, so that
two to four operations per step remain in the backward pass, and the gradient of the weights is one product. The sums
are the same, in another order.

Under autocast the states and the products with them stay in float32; only the products with the input, which are
computed before, are in half precision.

Dimension letters: L length, B batch, H state, G gates times H.
"""

from functools import partial

import torch
from torch import Tensor
from torch.amp import custom_bwd, custom_fwd
from torch.autograd import Function
from torch.autograd.function import once_differentiable

in_float32 = partial(custom_fwd, device_type="cpu", cast_inputs=torch.float32)
without_autocast = partial(custom_bwd, device_type="cpu")


class ElmanSteps(Function):
    """``h_t = nonlinearity(x_t + h_(t-1) U')``, ``h_0 = 0``: ``(x_LBH, U_HH, relu) -> h_LBH``."""

    @staticmethod
    @in_float32
    def forward(ctx, x_LBH: Tensor, weight_HH: Tensor, relu: bool) -> Tensor:
        h_LBH, weight_t = x_LBH.clone(), weight_HH.t()
        before = x_LBH.new_zeros(x_LBH.shape[1:])
        for h_BH in h_LBH.unbind():
            h_BH.addmm_(before, weight_t)
            before = h_BH.relu_() if relu else h_BH.tanh_()
        ctx.save_for_backward(h_LBH, weight_HH)
        ctx.relu = relu
        return h_LBH

    @staticmethod
    @without_autocast
    @once_differentiable
    def backward(ctx, dh_LBH: Tensor) -> tuple[Tensor, Tensor, None]:
        h_LBH, weight_HH = ctx.saved_tensors
        slope_LBH = (h_LBH > 0).to(h_LBH.dtype) if ctx.relu else 1 - h_LBH * h_LBH
        dx_LBH = dh_LBH.clone(memory_format=torch.contiguous_format)
        after = torch.zeros_like(dx_LBH[-1])
        for dx_BH, slope_BH in reversed(list(zip(dx_LBH.unbind(), slope_LBH.unbind(), strict=True))):
            after = dx_BH.addmm_(after, weight_HH).mul_(slope_BH)
        return dx_LBH, _weight_gradient(dx_LBH, h_LBH), None


class GRUSteps(Function):
    """The gated recurrent unit that resets after the product, ``h_0 = 0``: ``(x_LBG, U_GH, b_G) -> h_LBH``.

    With gates r, z and the candidate n, in this order: ``a = h_(t-1) U' + b``, ``r, z = sigmoid(x + a)``,
    ``n = tanh(x + r a)``, ``h_t = (1 - z) n + z h_(t-1)``.
    """

    @staticmethod
    @in_float32
    def forward(ctx, x_LBG: Tensor, weight_GH: Tensor, bias_G: Tensor) -> Tensor:
        length, batch, _ = x_LBG.shape
        width, weight_t = weight_GH.shape[1], weight_GH.t()
        h_LBH, n_LBH = x_LBG.new_empty(length, batch, width), x_LBG.new_empty(length, batch, width)
        # what the product is added to: r and z use the sum alone, n needs its own part of the product
        sums_LBG = bias_G.repeat(length, batch, 1)
        gates, a_n = sums_LBG.split([2 * width, width], 2)
        x_gates, x_n = x_LBG.split([2 * width, width], 2)
        gates += x_gates
        r, z = gates.split(width, 2)
        before = x_LBG.new_zeros(batch, width)
        steps = zip(*(each.unbind() for each in (sums_LBG, gates, r, z, a_n, x_n, n_LBH, h_LBH)), strict=True)
        for sums_BG, gates_BG, r_BH, z_BH, a_n_BH, x_n_BH, n_BH, h_BH in steps:
            sums_BG.addmm_(before, weight_t)
            gates_BG.sigmoid_()
            torch.addcmul(x_n_BH, r_BH, a_n_BH, out=n_BH).tanh_()
            before = torch.lerp(n_BH, before, z_BH, out=h_BH)
        ctx.save_for_backward(h_LBH, n_LBH, sums_LBG, weight_GH)
        return h_LBH

    @staticmethod
    @without_autocast
    @once_differentiable
    def backward(ctx, dh_LBH: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h_LBH, n_LBH, sums_LBG, weight_GH = ctx.saved_tensors
        length, batch, width = h_LBH.shape
        r, z, a_n = sums_LBG.split(width, 2)
        before_LBH = torch.cat([h_LBH.new_zeros(1, batch, width), h_LBH[:-1]])
        # the gradient of each sum per unit of the state's gradient: of a_n, of r's and z's, and of n's, so that the
        # first three are the gradients of the product, and the last three those of x
        slope_LB4H = h_LBH.new_empty(length, batch, 4, width)
        slope_a_n, slope_r, slope_z, slope_n = slope_LB4H.unbind(2)
        rest_LBH = 1 - z
        torch.mul(rest_LBH, 1 - n_LBH * n_LBH, out=slope_n)
        torch.mul(slope_n, r, out=slope_a_n)
        torch.mul(slope_a_n, a_n, out=slope_r).mul_(1 - r)
        torch.sub(before_LBH, n_LBH, out=slope_z).mul_(z).mul_(rest_LBH)
        d_LB4H = torch.empty_like(slope_LB4H)
        da_LBG, dx_LBG = d_LB4H.flatten(2)[..., : 3 * width], d_LB4H.flatten(2)[..., width:]
        weight_nrz = weight_GH.roll(width, 0)
        dh = dh_LBH[-1]
        given = (None, *dh_LBH[:-1].unbind())
        steps = zip(given, *(each.unbind() for each in (slope_LB4H, d_LB4H, da_LBG, z)), strict=True)
        for given_BH, slope_B4H, d_B4H, da_BG, z_BH in reversed(list(steps)):
            torch.mul(dh[:, None], slope_B4H, out=d_B4H)
            if given_BH is not None:
                dh = torch.addcmul(given_BH, dh, z_BH).addmm_(da_BG, weight_nrz)
        weight_gradient_nrz, bias_gradient_nrz = _weight_gradient(da_LBG, h_LBH), da_LBG.sum((0, 1))
        return dx_LBG, weight_gradient_nrz.roll(-width, 0), bias_gradient_nrz.roll(-width)


class LSTMSteps(Function):
    """Long short-term memory, ``h_0 = c_0 = 0``: ``(x_LBG, U_GH) -> h_LBH``.

    With gates o, i, f and the candidate g, in this order: ``a = x + h_(t-1) U'``, ``o, i, f = sigmoid(a)``,
    ``g = tanh(a)``, ``c_t = f c_(t-1) + i g``, ``h_t = o tanh(c_t)``.
    """

    @staticmethod
    @in_float32
    def forward(ctx, x_LBG: Tensor, weight_GH: Tensor) -> Tensor:
        length, batch, _ = x_LBG.shape
        width, weight_t = weight_GH.shape[1], weight_GH.t()
        gates_LBG = x_LBG.clone()
        h_LBH, c_LBH, squashed_LBH = (x_LBG.new_empty(length, batch, width) for _ in range(3))
        o, i, f, g = gates_LBG.split(width, 2)
        h = c = x_LBG.new_zeros(batch, width)
        sequences = (gates_LBG, gates_LBG[..., : 3 * width], o, i, f, g, c_LBH, squashed_LBH, h_LBH)
        steps = zip(*(each.unbind() for each in sequences), strict=True)
        for gates_BG, o_i_f, o_BH, i_BH, f_BH, g_BH, c_BH, squashed_BH, h_BH in steps:
            gates_BG.addmm_(h, weight_t)
            o_i_f.sigmoid_()
            g_BH.tanh_()
            c = torch.mul(f_BH, c, out=c_BH).addcmul_(i_BH, g_BH)
            h = torch.mul(o_BH, torch.tanh(c, out=squashed_BH), out=h_BH)
        ctx.save_for_backward(h_LBH, c_LBH, squashed_LBH, gates_LBG, weight_GH)
        return h_LBH

    @staticmethod
    @without_autocast
    @once_differentiable
    def backward(ctx, dh_LBH: Tensor) -> tuple[Tensor, Tensor]:
        h_LBH, c_LBH, squashed_LBH, gates_LBG, weight_GH = ctx.saved_tensors
        length, batch, width = h_LBH.shape
        o, i, f, g = gates_LBG.split(width, 2)
        before_LBH = torch.cat([c_LBH.new_zeros(1, batch, width), c_LBH[:-1]])
        # the gradients of o's sum and of the cell per unit of the state's; of the sums of i, f and g, and of the cell
        # one step before, per unit of the cell's
        slope_o, through_LBH = squashed_LBH * o * (1 - o), o * (1 - squashed_LBH * squashed_LBH)
        slope_LB4H = torch.stack([g * i * (1 - i), before_LBH * f * (1 - f), i * (1 - g * g), f], 2)
        d_LB5H = h_LBH.new_empty(length, batch, 5, width)
        da_LBG = d_LB5H.flatten(2)[..., : 4 * width]
        dh, kept = dh_LBH[-1], torch.zeros_like(dh_LBH[-1])
        parts = (d_LB5H[:, :, 0], d_LB5H[:, :, 1:], d_LB5H[:, :, 4], da_LBG, slope_o, through_LBH, slope_LB4H)
        steps = zip((None, *dh_LBH[:-1].unbind()), *(each.unbind() for each in parts), strict=True)
        for given_BH, do_BH, d_B4H, dc_before, da_BG, slope_o_BH, through_BH, slope_B4H in reversed(list(steps)):
            dc = torch.addcmul(kept, dh, through_BH)
            torch.mul(dh, slope_o_BH, out=do_BH)
            torch.mul(dc[:, None], slope_B4H, out=d_B4H)
            kept = dc_before
            if given_BH is not None:
                dh = torch.addmm(given_BH, da_BG, weight_GH)
        return da_LBG, _weight_gradient(da_LBG, h_LBH)


def _weight_gradient(da_LBG: Tensor, h_LBH: Tensor) -> Tensor:
    """Gradient of the recurrent weights, ``dU_GH``: over all steps but the first, whose previous state is 0."""
    return da_LBG[1:].flatten(0, 1).t() @ h_LBH[:-1].flatten(0, 1)
