"""The Keras layers that published tutorials use, from their formulas, against ours.

Dimension letters: B batch, L length (K the attended side), D input width, E output width, A attention width.
"""

import numpy as np
import pytest

B, L, D, E, A = 2, 11, 5, 7, 3


def softmax(score, axis):
    exponent = np.exp(score - score.max(axis, keepdims=True))
    return exponent / exponent.sum(axis, keepdims=True)


@pytest.fixture
def x_BLD():
    return np.random.default_rng(0).normal(size=(B, L, D)).astype(np.float32)


def test_self_attention_with_one_fused_kernel_and_scores_divided_by_8(backend, x_BLD):
    kernel_3DE = np.random.default_rng(1).normal(size=(3, D, E)).astype(np.float32)
    q_BLE, k_BLE, v_BLE = (x_BLD @ kernel_DE for kernel_DE in kernel_3DE)
    score_BLK = q_BLE @ k_BLE.transpose(0, 2, 1) / 64**0.5
    expected = softmax(score_BLK, -1) @ v_BLE
    layer = backend.new("encoders", "SelfAttention", D, hidden_size=E, scale=0.125)
    backend.assign(layer, {"query_key_value": kernel_3DE.transpose(0, 2, 1).reshape(3 * E, D)})
    found = backend.output(layer, x_BLD, np.ones((B, L), bool))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_attention_that_pools_by_tanh_and_a_context_vector(backend, x_BLD):
    rng = np.random.default_rng(2)
    w_DA, b_A, u_A = (rng.normal(size=shape).astype(np.float32) for shape in ((D, A), A, A))
    a_BL = softmax(np.tanh(x_BLD @ w_DA + b_A) @ u_A, 1)
    expected = (x_BLD * a_BL[:, :, None]).sum(1)
    layer = backend.new("poolings", "AdditiveAttention", D, hidden_size=A)
    backend.assign(layer, {"dense.weight": w_DA.T, "dense.bias": b_A, "u": u_A})
    np.testing.assert_allclose(backend.output(layer, x_BLD, np.ones((B, L), bool)), expected, atol=1e-5)
