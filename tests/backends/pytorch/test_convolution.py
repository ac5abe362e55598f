"""Convolution over time, step by step in NumPy.

Dimension letters: B batch, L length, D input width, E output width.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.backends.pytorch.encoders import CNN, FCN
from harness.backends.pytorch.layers import BatchNorm, initialise, length_mask

B, L, D, E = 3, 11, 5, 7
LENGTH_B = torch.tensor([11, 4, 0])
MASK_BL = length_mask(LENGTH_B, L)
X_BLD = torch.randn(B, L, D, generator=torch.Generator().manual_seed(0))


def convolve(x_LD, layer, offsets):
    """Every step reads the steps at these offsets from it; a missing step counts as 0."""
    weight_EDK, bias_E = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    y_LE = np.tile(bias_E, (len(x_LD), 1))
    for step in range(len(x_LD)):
        for tap, offset in enumerate(offsets):
            if 0 <= step + offset < len(x_LD):
                y_LE[step] += weight_EDK[:, :, tap] @ x_LD[step + offset]
    return np.maximum(y_LE, 0)


OFFSETS = {
    "centred": ({"kernel_size": 3}, [[-1, 0, 1]]),
    "centred of four": ({"kernel_size": 4}, [[-1, 0, 1, 2]]),
    "causal": ({"kernel_size": 3, "causal": True}, [[-2, -1, 0]]),
    "dilated": ({"kernel_size": 3, "dilation": 2}, [[-2, 0, 2]]),
    "causal, dilated": ({"kernel_size": 2, "dilation": 3, "causal": True}, [[-3, 0]]),
    "two layers": ({"kernel_size": 3, "num_layers": 2, "dilation": [1, 2]}, [[-1, 0, 1], [-2, 0, 2]]),
}


@pytest.mark.parametrize("name", OFFSETS)
def test_a_cnn_is_the_sum_over_its_neighbours(name):
    settings, offsets = OFFSETS[name]
    encoder = CNN(D, E, **settings)
    initialise(encoder, 1)
    with torch.no_grad():
        for layer in encoder.layers:
            layer.bias.normal_(generator=torch.Generator().manual_seed(2))
    y_BLE = encoder(X_BLD, MASK_BL).detach()
    for row, length in enumerate(LENGTH_B):
        expected = X_BLD[row, :length].double().numpy()
        for layer, reach in zip(encoder.layers, offsets, strict=True):
            expected = convolve(expected, layer, reach)
        np.testing.assert_allclose(y_BLE[row, :length], expected.reshape(-1, E), atol=1e-5)
        assert (y_BLE[row, length:] == 0).all()


def test_a_kernel_starts_by_glorot_over_all_that_an_output_reads():
    encoder = CNN(D, E, kernel_size=13)
    initialise(encoder, 1)
    limit = np.sqrt(6 / (13 * D + E))
    weight = encoder.layers[0].weight.detach()
    assert 0.9 * limit < weight.abs().max() < limit
    assert (encoder.layers[0].bias == 0).all()


def test_kernels_of_several_widths_stand_side_by_side():
    encoder = CNN(D, E, kernel_size=[2, 5])
    initialise(encoder, 1)
    assert encoder.out_dim == 2 * E
    y_BLE = encoder(X_BLD, MASK_BL).detach()
    for row, length in enumerate(LENGTH_B):
        x_LD = X_BLD[row, :length].double().numpy()
        for number, offsets in enumerate(([0, 1], [-2, -1, 0, 1, 2])):
            expected = convolve(x_LD, encoder.layers[number], offsets)
            found = y_BLE[row, :length, number * E : (number + 1) * E]
            np.testing.assert_allclose(found, expected.reshape(-1, E), atol=1e-5)
    assert encoder.flops(13) == 2 * 13 * D * E * (2 + 5)


def test_a_second_layer_reads_all_kernels_of_the_first():
    encoder = CNN(D, E, num_layers=2, kernel_size=[2, 5])
    assert [tuple(layer.weight.shape) for layer in encoder.layers] == [(E, D, 2), (E, D, 5), (E, 14, 2), (E, 14, 5)]


def test_one_kernel_starts_with_the_values_that_it_had_before_there_could_be_several():
    one, several = CNN(D, E, kernel_size=3), CNN(D, E, kernel_size=[3])
    initialise(one, 1)
    initialise(several, 1)
    assert [name for name, _ in one.named_parameters()] == ["layers.0.weight", "layers.0.bias"]
    assert torch.equal(one.layers[0].weight, several.layers[0].weight)


def real_steps(y_BLE):
    return y_BLE[MASK_BL]


def test_batch_norm_equals_torchs_over_the_real_steps_alone():
    ours, theirs = BatchNorm(D), nn.BatchNorm1d(D)
    for part in (ours, theirs):
        with torch.no_grad():
            part.weight.copy_(torch.linspace(0.5, 1.5, D))
            part.bias.copy_(torch.linspace(-1, 1, D))
    garbage_BLD = torch.where(MASK_BL[:, :, None], X_BLD, 1e4)
    for step in (1.0, 3.0):  # the second step shows that the running statistics move alike
        found = ours(garbage_BLD * step, MASK_BL)
        torch.testing.assert_close(real_steps(found), theirs(real_steps(X_BLD) * step), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.running_variance, theirs.running_var, atol=1e-5, rtol=1e-4)
    ours.eval(), theirs.eval()
    torch.testing.assert_close(real_steps(ours(X_BLD, MASK_BL)), theirs(real_steps(X_BLD)), atol=1e-5, rtol=1e-4)


def test_batch_norm_has_torchs_gradients():
    ours, theirs = BatchNorm(D), nn.BatchNorm1d(D)
    x_BLD, other_BLD = X_BLD.clone().requires_grad_(), X_BLD.clone().requires_grad_()
    real_steps(ours(x_BLD, MASK_BL)).sin().sum().backward()
    theirs(real_steps(other_BLD)).sin().sum().backward()
    torch.testing.assert_close(x_BLD.grad, other_BLD.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, atol=1e-5, rtol=1e-4)


def test_a_batch_without_a_real_step_leaves_the_running_statistics_as_they_are():
    norm = BatchNorm(D)
    y_BLE = norm(X_BLD, torch.zeros_like(MASK_BL))
    assert torch.isfinite(y_BLE).all()
    assert (norm.running_mean == 0).all()
    assert (norm.running_variance == 1).all()


@pytest.mark.parametrize("encoder", [lambda: CNN(D, E, num_layers=2, batch_norm=True), lambda: FCN(D, [11, 13, E])])
def test_in_training_padding_does_not_enter_the_statistics(encoder):
    made = encoder()
    initialise(made, 1)
    made.train()
    expected = made(X_BLD, MASK_BL)
    longer_BLD, longer_BL = F.pad(X_BLD, (0, 0, 0, 4), value=9.0), F.pad(MASK_BL, (0, 4))
    torch.testing.assert_close(made(longer_BLD, longer_BL)[:, :L], expected, atol=1e-5, rtol=1e-4)


def test_an_fcn_has_the_blocks_of_the_paper():
    encoder = FCN(D)
    shapes = [tuple(block.layers[0].weight.shape) for block in encoder.blocks]
    assert shapes == [(128, D, 8), (256, 128, 5), (128, 256, 3)]
    assert encoder.out_dim == 128
    assert [name for name, _ in encoder.named_parameters()][:3] == [
        "blocks.0.layers.0.weight", "blocks.0.norms.0.weight", "blocks.0.norms.0.bias",
    ]  # fmt: skip
