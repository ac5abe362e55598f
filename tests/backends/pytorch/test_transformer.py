"""The transformer's block against torch's, and the properties of rotary positions.

Dimension letters: B batch, L length, E width, H heads, S width of a head.
"""

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends.pytorch.encoders import Transformer
from harness.backends.pytorch.encoders.rotary import RotarySelfAttention, rotate
from harness.backends.pytorch.layers import initialise, length_mask

B, L, E, F = 3, 11, 28, 13  # two heads of an even width, as rotary positions need
LENGTH_B = torch.tensor([11, 4, 0])
MASK_BL = length_mask(LENGTH_B, L)
X_BLE = torch.randn(B, L, E, generator=torch.Generator().manual_seed(0))


def made(in_dim, **settings):
    encoder = Transformer(in_dim, E, num_heads=2, feed_forward_size=F, **settings)
    initialise(encoder, 1)
    with torch.no_grad():  # biases of 0 and norms of 1 would hide that they are in the wrong place
        for number, parameter in enumerate(encoder.parameters()):
            if parameter.ndim == 1:
                parameter += torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
    return encoder.eval()


def torchs(block):
    """Torch's own layer with the weights of a block; its bias of query, key and value, which ours has not, is 0."""
    layer = nn.TransformerEncoderLayer(E, 2, F, 0.0, "gelu", batch_first=True, norm_first=True)
    ours = {
        "self_attn.in_proj_weight": block.self_attention.query_key_value, "self_attn.in_proj_bias": torch.zeros(3 * E),
        "self_attn.out_proj.weight": block.mixed.weight, "self_attn.out_proj.bias": block.mixed.bias,
        "linear1.weight": block.inner.weight, "linear1.bias": block.inner.bias,
        "linear2.weight": block.outer.weight, "linear2.bias": block.outer.bias,
        "norm1.weight": block.attention_norm.weight, "norm1.bias": block.attention_norm.bias,
        "norm2.weight": block.feed_forward_norm.weight, "norm2.bias": block.feed_forward_norm.bias,
    }
    layer.load_state_dict(ours)
    return layer


def test_a_transformer_is_torchs_layers_with_a_last_norm():
    encoder = made(E, num_layers=2)
    expected = X_BLE[:2]
    for block in encoder.layers:  # in training mode, without dropout: torch's fast path in evaluation is another code
        expected = torchs(block)(expected, src_key_padding_mask=~MASK_BL[:2])
    expected = encoder.norm(expected)
    y_BLE = encoder(X_BLE, MASK_BL)
    torch.testing.assert_close(y_BLE[:2][MASK_BL[:2]], expected[MASK_BL[:2]], atol=1e-5, rtol=1e-5)


def test_an_input_of_another_width_is_projected_first():
    encoder = made(5)
    x_BLD = X_BLE[:, :, :5].contiguous()
    alone = made(E)
    alone.load_state_dict({n: p for n, p in encoder.state_dict().items() if not n.startswith("project")})
    torch.testing.assert_close(encoder(x_BLD, MASK_BL), alone(encoder.project(x_BLD), MASK_BL))


def test_rotary_by_hand():
    x_BHLS = torch.tensor([[0.0, 0, 0, 0]] * 3 + [[1.0, 2, 3, 4]])[None, None]
    # the pairs are (1, 3), turned by 3, and (2, 4), turned by 3 / 100
    expected = [
        np.cos(3) - 3 * np.sin(3), 2 * np.cos(0.03) - 4 * np.sin(0.03),
        np.sin(3) + 3 * np.cos(3), 2 * np.sin(0.03) + 4 * np.cos(0.03),
    ]  # fmt: skip
    np.testing.assert_allclose(rotate(x_BHLS)[0, 0, 3], expected, atol=1e-6)


def test_rotary_scores_depend_only_on_relative_positions():
    q_S, k_S = torch.randn(2, 6, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    everywhere = (rotate(vector.expand(1, 1, L, 6))[0, 0] for vector in (q_S, k_S))
    q_LS, k_LS = everywhere
    score_LL = q_LS @ k_LS.T
    for offset in range(-L + 1, L):
        diagonal = score_LL.diagonal(offset)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5, rtol=0)
    assert score_LL[0].std() > 0.1
    torch.testing.assert_close(score_LL[0, 0], q_S @ k_S)


def test_rotary_attention_turns_queries_and_keys_and_not_values():
    """By complex numbers: a pair of coordinates is one, and a turn a product."""
    encoder = RotarySelfAttention(5, 8, num_heads=2)
    initialise(encoder, 1)
    x_LD = torch.randn(L, 5, generator=torch.Generator().manual_seed(0), dtype=torch.double).numpy()
    weight = encoder.query_key_value.detach().double().numpy()
    turn_L2 = np.exp(1j * np.arange(L)[:, None] / 10_000 ** (np.arange(0, 4, 2) / 4))
    expected = []
    for head in (slice(0, 4), slice(4, 8)):
        q_LS, k_LS, v_LS = (x_LD @ weight[start : start + 8][head].T for start in (0, 8, 16))
        q_L2, k_L2 = (turn_L2 * (vector[:, :2] + 1j * vector[:, 2:]) for vector in (q_LS, k_LS))
        score_LL = np.exp((q_L2 @ k_L2.conj().T).real / 4**0.5)
        expected.append(score_LL / score_LL.sum(-1, keepdims=True) @ v_LS)
    found = encoder(torch.from_numpy(x_LD).float()[None], MASK_BL[:1])[0].detach()
    np.testing.assert_allclose(found, np.concatenate(expected, -1), atol=1e-5)


@pytest.mark.parametrize("rotary", [False, True])
def test_a_transformer_knows_the_order_only_by_rotary_positions(rotary):
    encoder = made(E, rotary=rotary)
    order = torch.randperm(L, generator=torch.Generator().manual_seed(1))
    whole = MASK_BL[:1]
    shuffled = encoder(X_BLE[:1, order], whole)
    assert torch.allclose(shuffled, encoder(X_BLE[:1], whole)[:, order], atol=1e-5) is not rotary


def test_dropout_acts_only_in_training():
    encoder = made(E, dropout=0.5)
    first, second = (encoder.train()(X_BLE, MASK_BL) for _ in range(2))
    assert not torch.allclose(first, second)
    assert torch.equal(*(encoder.eval()(X_BLE, MASK_BL) for _ in range(2)))
