"""Encoders, poolings, positions and the head against hand-computed numbers and independent references.

Every dimension is a prime of its own, so that a swapped axis cannot pass.
"""

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends.pytorch import encoders, poolings, positions
from harness.backends.pytorch.layers import initialise, length_mask
from harness.backends.pytorch.losses import cross_entropy
from harness.backends.pytorch.model import Head
from harness.errors import UserError

B, L, D, E = 3, 7, 5, 22
LENGTH_B = torch.tensor([7, 4, 0])
MASK_BL = length_mask(LENGTH_B, L)
X_BLD = torch.randn(B, L, D, generator=torch.Generator().manual_seed(0))


def made(module, seed=1):
    initialise(module, seed)
    return module.eval()


def softmax(values):
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def attend(encoder, x_LD, weigh):
    """Self-attention of one sequence, head by head and step by step, in NumPy."""
    kernels = encoder.query_key_value.detach().double().numpy().reshape(3, encoder.out_dim, D)
    q_LE, k_LE, v_LE = (x_LD @ kernel.T for kernel in kernels)
    width = encoder.out_dim // encoder.num_heads
    y_LE = np.zeros((len(x_LD), encoder.out_dim))
    for head in range(encoder.num_heads):
        part = slice(head * width, (head + 1) * width)
        for step in range(len(x_LD)):
            weights = weigh(head, q_LE[step, part], k_LE[:, part])
            y_LE[step, part] = weights @ v_LE[:, part]
    return y_LE


def check_attention(encoder, weigh):
    y_BLE = encoder(X_BLD, MASK_BL).detach()
    for row, length in enumerate(LENGTH_B):
        expected = attend(encoder, X_BLD[row, :length].double().numpy(), weigh)
        np.testing.assert_allclose(y_BLE[row, :length], expected, atol=1e-6)
        assert (y_BLE[row, length:] == 0).all()


@pytest.mark.parametrize(("heads", "scale"), [(1, None), (2, None), (11, None), (2, 0.125)])
def test_self_attention_is_the_scaled_dot_product(heads, scale):
    encoder = made(encoders.SelfAttention(D, E, heads, scale=scale))
    factor = scale or 1 / np.sqrt(E / heads)
    check_attention(encoder, lambda head, q_S, k_LS: softmax(factor * k_LS @ q_S))


def test_self_attention_with_an_additive_score():
    encoder = made(encoders.SelfAttention(D, E, 2, score="additive"))
    u_HS = encoder.u.detach().double().numpy()
    check_attention(encoder, lambda head, q_S, k_LS: softmax(np.tanh(q_S + k_LS) @ u_HS[head]))


def test_self_attention_normalised_by_relu_over_the_number_of_real_steps():
    encoder = made(encoders.SelfAttention(D, E, 2, normalize="relu"))
    factor = 1 / np.sqrt(11)
    check_attention(encoder, lambda head, q_S, k_LS: np.maximum(factor * k_LS @ q_S, 0) / len(k_LS))


@pytest.mark.parametrize("score", ["dot", "additive"])
@pytest.mark.parametrize("normalize", ["softmax", "relu"])
def test_the_weights_that_are_shown_are_those_that_are_used(score, normalize):
    encoder = made(encoders.SelfAttention(D, E, 2, score=score, normalize=normalize))
    a_BHLK = encoder.attention(X_BLD, MASK_BL)
    values = torch.nn.functional.linear(X_BLD, encoder.query_key_value[2 * E :]).view(B, L, 2, 11)
    y_BLE = torch.einsum("bhlk,bkhs->blhs", a_BHLK, values).flatten(2)
    torch.testing.assert_close(encoder(X_BLD, MASK_BL)[:2][MASK_BL[:2]], y_BLE[:2][MASK_BL[:2]])


@pytest.mark.parametrize("wrong", [{"num_heads": 3}, {"score": "cosine"}, {"normalize": "max"}])
def test_self_attention_refuses_what_it_does_not_know(wrong):
    with pytest.raises(UserError):
        encoders.SelfAttention(D, E, **wrong)


REFERENCES = [
    (encoders.RNN, nn.RNN, {}),
    (encoders.RNN, nn.RNN, {"nonlinearity": "relu"}),
    (encoders.LSTM, nn.LSTM, {}),
    (encoders.GRU, nn.GRU, {}),
]


@pytest.mark.parametrize(("ours", "torchs", "own"), REFERENCES)
@pytest.mark.parametrize("layers", [1, 2])
def test_recurrent_encoders_give_what_torchs_give_on_packed_sequences(ours, torchs, own, layers):
    """Padding without packing must come to the same at every real step."""
    encoder = made(ours(D, E, layers, **own))
    reference = torchs(D, E, layers, batch_first=True, **own)
    reference.load_state_dict(encoder.layers.state_dict())
    packed = nn.utils.rnn.pack_padded_sequence(X_BLD[:2], LENGTH_B[:2], batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True, total_length=L)
    y_BLE = encoder(X_BLD, MASK_BL)
    torch.testing.assert_close(y_BLE[:2], expected)
    assert (y_BLE[2] == 0).all()


@pytest.mark.parametrize(("ours", "biases"), [(encoders.RNN, 1), (encoders.LSTM, 1), (encoders.GRU, 2)])
def test_recurrent_encoders_train_the_biases_that_they_need(ours, biases):
    encoder = ours(D, E, 2)
    gates = encoder.gates
    expected = gates * E * (D + E + biases) + gates * E * (E + E + biases)
    assert sum(part.numel() for part in encoder.parameters() if part.requires_grad) == expected


def test_lstm_starts_with_a_forget_bias_of_one():
    bias = made(encoders.LSTM(D, E)).layers.bias_ih_l0.detach().view(4, E)
    assert bias.tolist() == [[0.0] * E, [1.0] * E, [0.0] * E, [0.0] * E]


def test_recurrent_weights_start_orthogonal():
    recurrent = made(encoders.GRU(D, E)).layers.weight_hh_l0.detach()
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(E), atol=1e-5, rtol=0)


def test_bidirectional_reads_each_sequence_backwards_within_its_own_length():
    encoder = made(encoders.Bidirectional(D, lambda in_dim: encoders.LSTM(in_dim, E)))
    assert encoder.out_dim == 2 * E
    y_BLE = encoder(X_BLD, MASK_BL)
    for row, length in ((0, 7), (1, 4)):
        alone = X_BLD[row : row + 1, :length]
        everything = torch.ones(1, length, dtype=torch.bool)
        torch.testing.assert_close(y_BLE[row, :length, :E], encoder.forwards(alone, everything)[0])
        torch.testing.assert_close(y_BLE[row, :length, E:], encoder.backwards(alone.flip(1), everything)[0].flip(0))


def test_bidirectional_lstm_is_torchs():
    encoder = made(encoders.Bidirectional(D, lambda in_dim: encoders.LSTM(in_dim, E)))
    reference = nn.LSTM(D, E, batch_first=True, bidirectional=True)
    state = dict(encoder.forwards.layers.state_dict())
    state |= {f"{name}_reverse": value for name, value in encoder.backwards.layers.state_dict().items()}
    reference.load_state_dict(state)
    torch.testing.assert_close(encoder(X_BLD[:1], MASK_BL[:1]), reference(X_BLD[:1])[0])


def test_stack_hands_on_what_each_layer_gives():
    layers = {"first": lambda width: encoders.GRU(width, 13), "second": lambda width: encoders.SelfAttention(width, 6)}
    stack = made(encoders.Stack(D, layers))
    assert stack.out_dim == 6
    expected = stack.layers["second"](stack.layers["first"](X_BLD, MASK_BL), MASK_BL)
    torch.testing.assert_close(stack(X_BLD, MASK_BL), expected)


def test_dropout_between_layers_is_asked_for_where_there_is_a_between():
    with pytest.raises(UserError, match="nothing between"):
        encoders.LSTM(D, E, num_layers=1, dropout=0.5)


POOLED = {
    "Sum": lambda y_LE: y_LE.sum(0),
    "Mean": lambda y_LE: y_LE.mean(0),
    "Max": lambda y_LE: y_LE.max(0),
    "Last": lambda y_LE: y_LE[-1],
}


@pytest.mark.parametrize("name", POOLED)
def test_poolings_count_only_real_steps(name):
    pooling = getattr(poolings, name)(D)
    z_BE = pooling(X_BLD, MASK_BL)
    for row in range(2):
        expected = POOLED[name](X_BLD[row, : LENGTH_B[row]].numpy())
        np.testing.assert_allclose(z_BE[row], expected, atol=1e-6)
    assert (z_BE[2] == 0).all()
    spoilt = X_BLD.masked_fill(~MASK_BL[:, :, None], 1e4)
    torch.testing.assert_close(pooling(spoilt, MASK_BL), z_BE, rtol=0, atol=0)


def test_additive_attention_pooling_by_its_formula():
    pooling = made(poolings.AdditiveAttention(D, 11))
    w_DA, b_A = pooling.dense.weight.detach().double().numpy().T, pooling.dense.bias.detach().double().numpy()
    u_A = pooling.u.detach().double().numpy()
    z_BE = pooling(X_BLD, MASK_BL).detach()
    for row in range(2):
        x_LD = X_BLD[row, : LENGTH_B[row]].double().numpy()
        expected = softmax(np.tanh(x_LD @ w_DA + b_A) @ u_A) @ x_LD
        np.testing.assert_allclose(z_BE[row], expected, atol=1e-6)
    assert (z_BE[2] == 0).all()


def test_sinusoidal_positions_by_hand():
    position = positions.Sinusoidal(4, 10)
    x_BLD = torch.zeros(1, 3, 4)
    expected = [[np.sin(p), np.cos(p), np.sin(p / 100), np.cos(p / 100)] for p in range(3)]
    np.testing.assert_allclose(position(x_BLD)[0], expected, atol=1e-6)


def test_learned_positions_add_one_vector_a_step():
    position = made(positions.Learned(D, 11))
    torch.testing.assert_close(position(X_BLD) - X_BLD, position.table_LD[:L].detach().expand(B, L, D))


def test_the_head_against_a_forward_and_backward_pass_in_numpy():
    head = made(Head(E, 3, hidden_sizes=[13], dropout=0.0))
    z_BE = torch.randn(B, E, generator=torch.Generator().manual_seed(2), requires_grad=True)
    y_B = torch.tensor([2, 0, 1])
    loss = cross_entropy(head(z_BE), y_B)
    loss.backward()

    z, y = z_BE.detach().double().numpy(), y_B.numpy()
    w1, b1, w2, b2 = (part.detach().double().numpy() for part in head.parameters())
    before = z @ w1.T + b1
    hidden = np.maximum(before, 0)
    logits = hidden @ w2.T + b2
    share = np.stack([softmax(row) for row in logits])
    assert loss.item() == pytest.approx(-np.log(share[np.arange(B), y]).mean(), abs=1e-6)
    d_logits = (share - np.eye(3)[y]) / B
    d_hidden = (d_logits @ w2) * (before > 0)
    gradients = [d_hidden.T @ z, d_hidden.sum(0), d_logits.T @ hidden, d_logits.sum(0)]
    for part, expected in zip(head.parameters(), gradients, strict=True):
        np.testing.assert_allclose(part.grad, expected, atol=1e-6)
    np.testing.assert_allclose(z_BE.grad, d_hidden @ w1, atol=1e-6)


def test_initial_values_depend_only_on_seed_and_path():
    alone = made(encoders.Stack(D, {"first": lambda in_dim: encoders.LSTM(in_dim, E)}), seed=3)
    layers = {"first": lambda in_dim: encoders.LSTM(in_dim, E), "second": lambda in_dim: encoders.GRU(in_dim, E)}
    torch.manual_seed(99)
    stacked = made(encoders.Stack(D, layers), seed=3)
    other = made(encoders.Stack(D, layers), seed=4)
    for name, value in alone.state_dict().items():
        assert torch.equal(stacked.state_dict()[name], value)
    assert not torch.equal(other.layers["first"].layers.weight_ih_l0, stacked.layers["first"].layers.weight_ih_l0)
