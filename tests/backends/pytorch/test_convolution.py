"""Convolution over time, step by step in NumPy.

Dimension letters: B batch, L length, D input width, E output width.
"""

import numpy as np
import pytest
import torch

from harness.backends.pytorch.encoders import CNN
from harness.backends.pytorch.layers import initialise, length_mask

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
