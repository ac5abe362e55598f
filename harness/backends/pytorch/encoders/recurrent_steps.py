"""Recurrent layers with hand-written gradients, for processors.

Autograd runs a dozen small operations per step in the backward pass, and one product per step for the gradient of the
recurrent weights. Here everything that does not depend on the next step is computed for all steps at once, so that
two or three operations per step remain, and the gradient of the weights is one product. The sums are the same, in
another order.

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
        h_LBH, weight_t = torch.empty_like(x_LBH), weight_HH.t()
        before = x_LBH.new_zeros(x_LBH.shape[1:])
        for x_BH, h_BH in zip(x_LBH.unbind(), h_LBH.unbind(), strict=True):
            torch.addmm(x_BH, before, weight_t, out=h_BH)
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
        dx_LBH, dh = torch.empty_like(h_LBH), dh_LBH[-1]
        given = dh_LBH.unbind()
        for step in range(len(h_LBH) - 1, -1, -1):
            dx_BH = torch.mul(dh, slope_LBH[step], out=dx_LBH[step])
            if step:
                dh = torch.addmm(given[step - 1], dx_BH, weight_HH)
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
        a_LBG, gates_LBG = torch.empty_like(x_LBG), x_LBG.new_empty(length, batch, 2 * width)
        r, z = gates_LBG.split(width, 2)
        x_gates, x_n = x_LBG.split([2 * width, width], 2)
        a_gates, a_n = a_LBG.split([2 * width, width], 2)
        before = x_LBG.new_zeros(batch, width)
        sequences = (x_gates, x_n, a_LBG, a_gates, a_n, gates_LBG, r, z, n_LBH, h_LBH)
        steps = zip(*(each.unbind() for each in sequences), strict=True)
        for x_rz, x_n_BH, a_BG, a_rz, a_n_BH, rz, r_BH, z_BH, n_BH, h_BH in steps:
            torch.addmm(bias_G, before, weight_t, out=a_BG)
            torch.add(x_rz, a_rz, out=rz).sigmoid_()
            torch.addcmul(x_n_BH, r_BH, a_n_BH, out=n_BH).tanh_()
            before = torch.lerp(n_BH, before, z_BH, out=h_BH)
        ctx.save_for_backward(h_LBH, n_LBH, gates_LBG, a_n, weight_GH)
        return h_LBH

    @staticmethod
    @without_autocast
    @once_differentiable
    def backward(ctx, dh_LBH: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h_LBH, n_LBH, gates_LBG, a_n, weight_GH = ctx.saved_tensors
        length, batch, width = h_LBH.shape
        r, z = gates_LBG.split(width, 2)
        before_LBH = torch.cat([h_LBH.new_zeros(1, batch, width), h_LBH[:-1]])
        through_n = (1 - z) * (1 - n_LBH * n_LBH)
        # the gradient of each gate's sum per unit of the state's gradient
        slope_LBG = torch.cat([through_n * a_n * r * (1 - r), (before_LBH - n_LBH) * z * (1 - z), through_n * r], 2)
        slope_LB3H = slope_LBG.view(length, batch, 3, width)
        da_LBG, all_dh = torch.empty_like(slope_LBG), torch.empty_like(h_LBH)
        da_LB3H, dh = da_LBG.view(length, batch, 3, width), all_dh[-1].copy_(dh_LBH[-1])
        for step in range(length - 1, -1, -1):
            torch.mul(dh[:, None], slope_LB3H[step], out=da_LB3H[step])
            if step:
                kept = torch.addcmul(dh_LBH[step - 1], dh, z[step])
                dh = torch.addmm(kept, da_LBG[step], weight_GH, out=all_dh[step - 1])
        dx_LBG = torch.cat([da_LBG[..., : 2 * width], all_dh * through_n], 2)
        return dx_LBG, _weight_gradient(da_LBG, h_LBH), da_LBG.sum((0, 1))


class LSTMSteps(Function):
    """Long short-term memory, ``h_0 = c_0 = 0``: ``(x_LBG, U_GH) -> h_LBH``.

    With gates i, f, the candidate g and the gate o, in this order: ``a = x + h_(t-1) U'``, ``i, f, o = sigmoid(a)``,
    ``g = tanh(a)``, ``c_t = f c_(t-1) + i g``, ``h_t = o tanh(c_t)``.
    """

    @staticmethod
    @in_float32
    def forward(ctx, x_LBG: Tensor, weight_GH: Tensor) -> Tensor:
        length, batch, _ = x_LBG.shape
        width, weight_t = weight_GH.shape[1], weight_GH.t()
        gates_LBG = torch.empty_like(x_LBG)
        h_LBH, c_LBH, squashed_LBH = (x_LBG.new_empty(length, batch, width) for _ in range(3))
        i, f, g, o = gates_LBG.split(width, 2)
        h = c = x_LBG.new_zeros(batch, width)
        sequences = (x_LBG, gates_LBG, gates_LBG[..., : 2 * width], i, f, g, o, c_LBH, squashed_LBH, h_LBH)
        steps = zip(*(each.unbind() for each in sequences), strict=True)
        for x_BG, gates_BG, i_and_f, i_BH, f_BH, g_BH, o_BH, c_BH, squashed_BH, h_BH in steps:
            torch.addmm(x_BG, h, weight_t, out=gates_BG)
            i_and_f.sigmoid_()
            g_BH.tanh_()
            o_BH.sigmoid_()
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
        i, f, g, o = gates_LBG.split(width, 2)
        before_LBH = torch.cat([c_LBH.new_zeros(1, batch, width), c_LBH[:-1]])
        # the gradients of the sums of i, f and g per unit of the cell's gradient; of o's per unit of the state's
        slope_LB3H = torch.stack([g * i * (1 - i), before_LBH * f * (1 - f), i * (1 - g * g)], 2)
        slope_o = squashed_LBH * o * (1 - o)
        through_LBH = o * (1 - squashed_LBH * squashed_LBH)
        da_LBG = torch.empty_like(gates_LBG)
        da_LB3H, da_o = da_LBG[..., : 3 * width].view(length, batch, 3, width), da_LBG[..., 3 * width :]
        dh, kept = dh_LBH[-1], torch.zeros_like(dh_LBH[-1])
        for step in range(length - 1, -1, -1):
            dc = torch.addcmul(kept, dh, through_LBH[step])
            torch.mul(dc[:, None], slope_LB3H[step], out=da_LB3H[step])
            torch.mul(dh, slope_o[step], out=da_o[step])
            if step:
                kept = dc * f[step]
                dh = torch.addmm(dh_LBH[step - 1], da_LBG[step], weight_GH)
        return da_LBG, _weight_gradient(da_LBG, h_LBH)


def _weight_gradient(da_LBG: Tensor, h_LBH: Tensor) -> Tensor:
    """Gradient of the recurrent weights, ``dU_GH``: over all steps but the first, whose previous state is 0."""
    return da_LBG[1:].flatten(0, 1).t() @ h_LBH[:-1].flatten(0, 1)
