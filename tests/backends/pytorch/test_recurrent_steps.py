"""Our own steps of a recurrence against torch's module with the same weights: values and all gradients."""

import pytest
import torch
from torch import nn

from harness.backends.pytorch.encoders import GRU, LSTM, RNN
from harness.backends.pytorch.encoders.recurrent_steps import ElmanSteps, GRUSteps
from harness.backends.pytorch.layers import length_mask

B, L, D, E = 3, 11, 5, 7
CASES = [(GRU, {}), (GRU, {"num_layers": 2}), (RNN, {}), (RNN, {"nonlinearity": "relu"}), (RNN, {"num_layers": 3})]


def random_encoder(cls, dtype, **settings):
    torch.manual_seed(0)
    encoder = cls(D, E, **settings).to(dtype)
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.5)
    return encoder


@pytest.mark.parametrize(("cls", "settings"), CASES, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_values_and_gradients_are_those_of_torch_s_module(cls, settings, dtype, tolerance):
    encoder = random_encoder(cls, dtype, **settings)
    x_BLD = torch.randn(B, L, D, dtype=dtype, requires_grad=True)
    asked_BLE = torch.randn(B, L, E, dtype=dtype)
    mask_BL = length_mask(torch.tensor([L, 4, 0]), L)
    wanted = [parameter for parameter in encoder.parameters() if parameter.requires_grad]

    y_BLE = encoder(x_BLD, mask_BL)
    assert "Steps" in str(y_BLE.grad_fn.next_functions[0][0].next_functions)  # it is our own that is tested
    found = [y_BLE, *torch.autograd.grad(y_BLE, [x_BLD, *wanted], asked_BLE)]
    theirs = encoder.layers(x_BLD)[0].masked_fill(~mask_BL[..., None], 0)
    expected = [theirs, *torch.autograd.grad(theirs, [x_BLD, *wanted], asked_BLE)]
    for ours, one in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, one, rtol=tolerance, atol=tolerance)


def test_gradients_are_the_slopes_of_the_values():
    torch.manual_seed(1)
    x, weight, bias = torch.randn(4, 2, 9), torch.randn(9, 3), torch.randn(9)
    arguments = [tensor.double().requires_grad_() for tensor in (x, weight, bias)]
    assert torch.autograd.gradcheck(GRUSteps.apply, arguments)
    x, weight = (torch.randn(4, 2, 3, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64))
    assert torch.autograd.gradcheck(ElmanSteps.apply, (x.requires_grad_(), weight.requires_grad_(), False))


def test_a_sequence_of_one_step_gives_the_recurrent_weights_no_gradient():
    encoder = random_encoder(GRU, torch.float32)
    encoder(torch.randn(B, 1, D), torch.ones(B, 1, dtype=torch.bool)).sum().backward()
    assert float(encoder.layers.weight_hh_l0.grad.abs().max()) == 0


def test_between_layers_a_share_is_dropped_only_in_training():
    torch.manual_seed(0)
    encoder, mask_BL = GRU(D, 200, num_layers=2, dropout=0.25), torch.ones(B, L, dtype=torch.bool)
    x_BLD, read = torch.randn(B, L, D), []
    steps = encoder.steps
    encoder.steps = lambda y_LBE, *weights: read.append(y_LBE) or steps(y_LBE, *weights)
    encoder(x_BLD, mask_BL)
    assert float((read[1] == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    encoder.eval()(x_BLD, mask_BL)
    assert float((read[3] == 0).float().mean()) == 0


@pytest.mark.parametrize(
    ("encoder", "grad", "ours"),
    [(GRU(D, E), True, True), (GRU(D, E), False, False), (LSTM(D, E), True, False)],
)
def test_torch_s_kernel_stays_where_it_is_the_quicker_one(encoder, grad, ours):
    with torch.set_grad_enabled(grad):
        assert encoder.uses_own_steps(torch.randn(B, L, D)) == ours
        with torch.autocast("cpu", torch.bfloat16):
            assert not encoder.uses_own_steps(torch.randn(B, L, D))
