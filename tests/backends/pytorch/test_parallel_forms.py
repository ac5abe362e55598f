"""Encoders that compute all steps at once give the values of a loop over the steps.

Dimension letters: B batch, L length, D input width, E output width.
"""

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends.pytorch.encoders import S4D, LinearAttention, MinGRU, scan
from harness.backends.pytorch.encoders.linear_attention import CHUNK
from harness.backends.pytorch.encoders.s4d import DiagonalStateSpace
from harness.backends.pytorch.encoders.scan import linear_scan
from harness.backends.pytorch.layers import initialise

B, D, E = 3, 5, 14
LENGTHS = [1, 2, 3, 11, CHUNK, CHUNK + 1, 257]


def random_input(length, width, seed=0):
    return torch.randn(B, length, width, generator=torch.Generator().manual_seed(seed))


def all_real(length):
    return torch.ones(B, length, dtype=torch.bool)


def double(tensor):
    return tensor.detach().double().numpy()


def features(x):
    """elu + 1."""
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def heads_of(encoder, x_LD):
    """Query, key and value of each head."""
    q_LE, k_LE, v_LE = (x_LD @ kernel.T for kernel in double(encoder.query_key_value).reshape(3, E, D))
    width = E // encoder.num_heads
    for head in range(encoder.num_heads):
        part = slice(head * width, (head + 1) * width)
        yield features(q_LE[:, part]), features(k_LE[:, part]), v_LE[:, part]


@pytest.mark.parametrize("length", LENGTHS)
def test_causal_linear_attention_is_its_recurrence(length):
    encoder = LinearAttention(D, E, 2, causal=True)
    initialise(encoder, 1)
    x_BLD = random_input(length, D)
    found = encoder(x_BLD, all_real(length)).detach()
    expected = np.zeros((length, 2, E // 2))
    for head, (q_LS, k_LS, v_LS) in enumerate(heads_of(encoder, double(x_BLD[1]))):
        memory, weight = np.zeros((E // 2, E // 2)), np.zeros(E // 2)
        for step in range(length):
            memory += np.outer(k_LS[step], v_LS[step])
            weight += k_LS[step]
            expected[step, head] = q_LS[step] @ memory / (q_LS[step] @ weight)
    np.testing.assert_allclose(found[1], expected.reshape(length, E), atol=1e-4)


@pytest.mark.parametrize("length", [1, 11])
def test_linear_attention_in_both_directions_weighs_by_the_product_of_the_features(length):
    encoder = LinearAttention(D, E, 2)
    initialise(encoder, 1)
    x_BLD = random_input(length, D)
    expected = []
    for q_LS, k_LS, v_LS in heads_of(encoder, double(x_BLD[1])):
        weight_LL = q_LS @ k_LS.T
        expected.append(weight_LL / weight_LL.sum(1, keepdims=True) @ v_LS)
    np.testing.assert_allclose(encoder(x_BLD, all_real(length))[1].detach(), np.hstack(expected), atol=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_min_gru_is_its_recurrence(length):
    encoder = MinGRU(D, E)
    initialise(encoder, 1)
    x_BLD = 3 * random_input(length, D)
    gate, candidate = (double(part(x_BLD)) for part in (encoder.update, encoder.candidate))
    z_BLE, h_BE = 1 / (1 + np.exp(-gate)), np.zeros((B, E))
    found = encoder(x_BLD, all_real(length)).detach()
    for step in range(length):
        h_BE = (1 - z_BLE[:, step]) * h_BE + z_BLE[:, step] * candidate[:, step]
        np.testing.assert_allclose(found[:, step], h_BE, atol=1e-5)


@pytest.mark.parametrize("wide", [1, 10**9], ids=["step by step", "as a scan"])
@pytest.mark.parametrize("length", [1, 2, 7, 8])
def test_the_scans_gradients_are_those_of_finite_differences(length, wide, monkeypatch):
    monkeypatch.setattr(scan, "WIDE", wide)
    keep_BLE = random_input(length, 2).double().sigmoid().requires_grad_()
    add_BLE = random_input(length, 2, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(linear_scan, (keep_BLE, add_BLE))


@pytest.mark.parametrize("length", LENGTHS)
def test_step_by_step_and_as_a_scan_the_values_and_gradients_are_the_same(length, monkeypatch):
    keep_BLE, add_BLE = random_input(length, E).double().sigmoid(), random_input(length, E, seed=1).double()
    asked_BLE, found = random_input(length, E, seed=2).double(), []
    calls, step_by_step = [], scan._step_by_step
    monkeypatch.setattr(scan, "_step_by_step", lambda *given: calls.append(1) or step_by_step(*given))
    for wide, expected in ((B * E, 2), (B * E + 1, 0)):  # forward and backward
        calls.clear()
        monkeypatch.setattr(scan, "WIDE", wide)
        given = [one.clone().requires_grad_() for one in (keep_BLE, add_BLE)]
        h_BLE = linear_scan(*given)
        found.append([h_BLE, *torch.autograd.grad(h_BLE, given, asked_BLE)])
        assert len(calls) == (expected if length > 1 else 0)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_the_scan_forgets_without_overflow_over_a_long_sequence():
    """Where e^-30 is kept of each of 4099 steps, logarithms would run up to 123000, which leaves 2 digits."""
    length = 4099
    keep_BLE, add_BLE = torch.full((1, length, 1), np.exp(-30.0)), random_input(length, 1)[:1]
    found = linear_scan(keep_BLE, add_BLE)
    torch.testing.assert_close(found[:, 1:], add_BLE[:, 1:] + np.exp(-30.0) * add_BLE[:, :-1])
    torch.testing.assert_close(linear_scan(torch.ones(1, length, 1), torch.ones(1, length, 1))[0, -1, 0].item(), 4099.0)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_diagonal_state_space_is_its_recurrence(length):
    """Discretised by hand: a state turned by exp(s a) a step, with the input held for the step."""
    part = DiagonalStateSpace(E, 10)
    initialise(part, 1)
    x_BLE = random_input(length, E)
    found = part(x_BLE).detach()
    step_E1 = np.exp(double(part.log_step_E))[:, None]
    pole_EN = -np.exp(double(part.log_decay_EN)) + 1j * double(part.frequency_EN)
    turn_EN, held_EN = np.exp(step_E1 * pole_EN), (np.exp(step_E1 * pole_EN) - 1) / pole_EN
    c_EN = double(part.c_2EN)[0] + 1j * double(part.c_2EN)[1]
    state_BEN = np.zeros((B, E, 5), complex)
    for step in range(length):
        x_BE = double(x_BLE[:, step])
        state_BEN = turn_EN * state_BEN + held_EN * x_BE[:, :, None]
        expected = 2 * (c_EN * state_BEN).sum(-1).real + double(part.skip_E) * x_BE
        np.testing.assert_allclose(found[:, step], expected, atol=1e-4)


def test_a_diagonal_state_space_starts_as_s4d_lin():
    part = DiagonalStateSpace(E, 10)
    initialise(part, 1)
    pole_EN = -np.exp(double(part.log_decay_EN)) + 1j * double(part.frequency_EN)
    np.testing.assert_allclose(pole_EN, np.tile(-0.5 + 1j * np.pi * np.arange(5), (E, 1)), rtol=1e-6)
    step_E = double(part.log_step_E.exp())
    assert 0.001 <= step_E.min() < 0.01 < step_E.max() <= 0.1
    wide = DiagonalStateSpace(200, 100)
    initialise(wide, 1)
    c_EN = double(wide.c_2EN)[0] + 1j * double(wide.c_2EN)[1]
    assert (np.abs(c_EN) ** 2).mean() == pytest.approx(1, rel=0.05)  # complex normal numbers of variance 1


def test_s4d_adds_a_gated_mixture_to_what_it_reads():
    encoder = S4D(E, E, state_size=6).eval()
    initialise(encoder, 1)
    x_BLE = random_input(11, E)
    block = encoder.layers[0]
    mixed = block.mixed(nn.functional.gelu(block.states(block.norm(x_BLE))))
    expected = encoder.norm(x_BLE + mixed[..., :E] * mixed[..., E:].sigmoid())
    torch.testing.assert_close(encoder(x_BLE, all_real(11)), expected)


@pytest.mark.parametrize(
    "make", [lambda: LinearAttention(D, E, 2, causal=True), lambda: MinGRU(D, E), lambda: S4D(D, E)],
    ids=["linear_attention", "min_gru", "s4d"],
)  # fmt: skip
def test_no_step_reads_a_later_one(make):
    encoder = make().eval()
    initialise(encoder, 1)
    x_BLD = random_input(97, D)
    changed = x_BLD.clone()
    changed[:, 71:] += 1
    found, other = (encoder(x, all_real(97)) for x in (x_BLD, changed))
    torch.testing.assert_close(found[:, :71], other[:, :71], atol=1e-5, rtol=0)
    assert (found[:, 71:] - other[:, 71:]).abs().max() > 0.01
