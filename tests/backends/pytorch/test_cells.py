"""Encoders that loop over the steps: Jordan's network in NumPy, cells against torch's kernels.

Dimension letters: B batch, L length, D input width, E output width.
"""

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends.pytorch import encoders
from harness.backends.pytorch.layers import initialise, length_mask

B, L, D, E = 3, 11, 5, 7
LENGTH_B = torch.tensor([11, 4, 0])
MASK_BL = length_mask(LENGTH_B, L)
X_BLD = torch.randn(B, L, D, generator=torch.Generator().manual_seed(0))


def test_jordans_network_feeds_its_output_back():
    encoder = encoders.JordanRNN(D, 13, E)
    initialise(encoder, 1)
    with torch.no_grad():
        encoder.input.bias.normal_(generator=torch.Generator().manual_seed(2))
        encoder.output.bias.normal_(generator=torch.Generator().manual_seed(3))
    w, b, u, v, c = (part.detach().double().numpy() for part in encoder.parameters())
    assert (w.shape, u.shape, v.shape) == ((13, D), (13, E), (E, 13))
    found, y_BE = encoder(X_BLD, MASK_BL).detach(), np.zeros((B, E))
    for step in range(L):
        y_BE = np.tanh(np.tanh(X_BLD[:, step].double().numpy() @ w.T + y_BE @ u.T + b) @ v.T + c)
        real = MASK_BL[:, step]
        np.testing.assert_allclose(found[real, step], y_BE[real], atol=1e-6)


CELLS = [(nn.RNNCell, nn.RNN), (nn.LSTMCell, nn.LSTM), (nn.GRUCell, nn.GRU)]


@pytest.mark.parametrize(("cell", "kernel"), CELLS)
def test_a_cell_unrolled_is_torchs_own_kernel(cell, kernel):
    encoder = encoders.Cell(D, cell, E)
    initialise(encoder, 1)
    reference = kernel(D, E, batch_first=True)
    reference.load_state_dict({f"{name}_l0": value for name, value in encoder.cell.state_dict().items()})
    y_BLE = encoder(X_BLD, MASK_BL)
    torch.testing.assert_close(y_BLE[MASK_BL], reference(X_BLD)[0][MASK_BL])


@pytest.mark.parametrize("pair", [(nn.RNNCell, encoders.RNN), (nn.LSTMCell, encoders.LSTM), (nn.GRUCell, encoders.GRU)])
def test_torchs_cells_start_as_the_encoder_of_the_same_name(pair):
    cell, encoder = encoders.Cell(D, pair[0], E), pair[1](D, E)
    for module in (cell, encoder):
        initialise(module, 1)
    torch.testing.assert_close(cell(X_BLD, MASK_BL), encoder(X_BLD, MASK_BL))
    assert cell.flops(13) == encoder.flops(13)


class Counter(nn.Module):
    """A custom cell that counts the steps, and reports the cost of a step."""

    def __init__(self, in_dim, hidden_size, by):
        super().__init__()
        self.width, self.by = hidden_size, by

    def initial_values(self, rng):
        return {}

    def forward(self, x_BD, state):
        return (torch.zeros(len(x_BD), self.width) if state is None else state) + self.by

    def flops(self, length):
        return 17 * length


def test_a_cell_of_ones_own_is_given_none_first_and_says_its_cost():
    encoder = encoders.Cell(D, lambda in_dim, width: Counter(in_dim, width, by=2.0), E)
    initialise(encoder, 0)
    y_BLE = encoder(X_BLD, MASK_BL)
    assert y_BLE[1, :, 0].tolist() == [2, 4, 6, 8, 0, 0, 0, 0, 0, 0, 0]
    assert encoder.flops(3) == 51


def test_the_cost_of_a_cell_that_does_not_say_it_is_unknown(monkeypatch):
    monkeypatch.delattr(Counter, "flops")
    assert encoders.Cell(D, lambda in_dim, width: Counter(in_dim, width, by=2.0), E).flops(3) is None
