"""What each part says it costs, against torch's own count of matrix products and against numbers computed by hand."""

import contextlib

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from harness.backends.pytorch import encoders, poolings
from harness.backends.pytorch.backend import Backend
from harness.config.compose import compose
from harness.data import Dataset, Split
from harness.records.record import Hardware

HARDWARE = Hardware("cpu")

# torch's switch for oneDNN warns about a setting of its own that concerns Intel's GPUs
pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration")


@contextlib.contextmanager
def counted():
    """Count with kernels that torch can see into: attention unfused, recurrent layers without oneDNN."""
    # a matrix times a vector is the one product that torch leaves out
    products = {torch.ops.aten.mv: lambda matrix, *_, **__: 2 * matrix[0] * matrix[1]}
    counter = FlopCounterMode(display=False, custom_mapping=products)
    with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH), torch.no_grad(), counter:
        yield counter


def torch_count(module, *inputs):
    with counted() as counter:
        module.eval()(*inputs)
    return counter.get_total_flops()


def tokens(length, vocabulary=17):
    x_NL = np.random.default_rng(0).integers(1, vocabulary, (1, length), dtype=np.int32)
    split = Split.from_padded(x_NL, np.array([length]), np.zeros(1, np.int64))
    return Dataset(split, split, split, ["a", "b", "c"], [str(number) for number in range(vocabulary)])


def built(length, *overrides):
    backend = Backend(compose("input.size=13", *overrides), HARDWARE)
    backend.build(tokens(length), 0)
    return backend


ENCODERS = [
    *("additive_attention", "bag_of_embeddings", "bidirectional", "bilstm_self_attention", "gru", "lstm"),
    *("lstm_self_attention", "rnn", "self_attention", "stack"),
    *("cell", "cnn", "fcn", "jordan_rnn", "linear_attention", "min_gru", "s4d", "transformer"),
]
VARIANTS = [
    "encoder.score=additive", "encoder.normalize=relu", "encoder.num_heads=4", "encoder.hidden_size=24",
]  # fmt: skip


@pytest.mark.parametrize(
    "overrides",
    [
        *([f"encoder={name}"] for name in ENCODERS),
        *(["encoder=self_attention", variant] for variant in VARIANTS),
        *([f"encoder={name}", "encoder.num_layers=3", "encoder.hidden_size=11"] for name in ("rnn", "lstm", "gru")),
        ["encoder=bidirectional", "encoder@encoder.inner=gru"],
        ["encoder=cnn", "encoder.num_layers=3", "encoder.kernel_size=4", "encoder.dilation=[1,2,5]"],
        ["encoder=transformer", "encoder.num_layers=2", "encoder.feed_forward_size=11", "encoder.rotary=true"],
        ["encoder=linear_attention", "encoder.causal=true", "encoder.num_heads=2"],
        ["encoder=s4d", "encoder.num_layers=2", "encoder.state_size=6", "encoder.hidden_size=11"],
        ["encoder=cell", "encoder.cell._target_=torch.nn.LSTMCell"],
        ["encoder=bidirectional", "encoder@encoder.inner=cell", "encoder.inner.cell._target_=torch.nn.GRUCell"],
        ["encoder=stack", "encoder@encoder.layers.first=jordan_rnn", "encoder@encoder.layers.second=s4d"],
        *(["encoder=rnn", f"pooling={name}"] for name in ("max", "sum", "last", "additive_attention")),
        ["encoder=rnn", "head.hidden_sizes=[19,5]"],
        *(["encoder=rnn", f"position={name}"] for name in ("sinusoidal", "learned")),
    ],
    ids=" ".join,
)
def test_a_models_operations_are_those_that_torch_counts(overrides):
    backend = built(31, *overrides)
    for length in (2, 7, 31):  # of a single step torch makes an element-wise product
        forward, (batch,) = backend.passes(tokens(length).train, [[0]])
        with counted() as counter:
            forward(batch)
        assert backend.flops(length) == counter.get_total_flops() > 0


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        # 7 steps, 5 wide in, 3 wide out: every gate multiplies 5 x 3 and 3 x 3, a multiply-add counts 2
        (encoders.RNN(5, 3), 7 * 2 * (15 + 9)),
        (encoders.GRU(5, 3), 7 * 2 * (15 + 9) * 3),
        (encoders.LSTM(5, 3), 7 * 2 * (15 + 9) * 4),
        # the second layer reads 3 wide
        (encoders.LSTM(5, 3, num_layers=2), 7 * 2 * (15 + 9) * 4 + 7 * 2 * (9 + 9) * 4),
        # both directions
        (encoders.Bidirectional(5, lambda width: encoders.GRU(width, 3)), 2 * 7 * 2 * (15 + 9) * 3),
        # three projections 5 x 6; 7 x 7 scores of 6, and as many weighted sums
        (encoders.SelfAttention(5, 6, 2), 3 * 7 * 2 * 30 + 2 * 7 * 7 * 2 * 6),
        (encoders.SelfAttention(5, 6, 2, score="additive"), 3 * 7 * 2 * 30 + 2 * 7 * 7 * 2 * 6),
        (encoders.Identity(5), 0),
        # each step multiplies 3 neighbours of 5 with 3; the second layer's of 3
        (encoders.CNN(5, 3, num_layers=2), 7 * 2 * (3 * 15 + 3 * 9)),
        # a projection 5 x 6; attention as above but 6 wide in; an output projection; feed-forward by way of 11
        (encoders.Transformer(5, 6, 1, 2, 11), 7 * 2 * (30 + 3 * 36 + 36 + 2 * 66) + 2 * 7 * 7 * 2 * 6),
        # projections; a matrix 3 x 3 for each of 2 heads is summed up and read
        (encoders.LinearAttention(5, 6, 2), 7 * 2 * (3 * 30 + 2 * 2 * 9)),
        # besides, within the one chunk of 7 steps, 7 x 7 weights of 6, and as many weighted sums
        (encoders.LinearAttention(5, 6, 2, causal=True), 7 * 2 * (3 * 30 + 2 * 2 * 9) + 2 * 7 * 7 * 2 * 6),
        (encoders.MinGRU(5, 3), 7 * 2 * 2 * 15),
        # a projection 5 x 3; a kernel of 3 x 3 places, each from 4 numbers, for 3 features; a dense layer 3 x 6
        (encoders.S4D(5, 3, state_size=4), 7 * 2 * 15 + 2 * 3 * 9 * 4 + 7 * 2 * 18),
        # input to hidden, output to hidden, hidden to output
        (encoders.JordanRNN(5, 3, 11), 7 * 2 * (15 + 33 + 33)),
        (encoders.Cell(5, torch.nn.GRUCell, 3), 7 * 2 * (15 + 9) * 3),
    ],
    ids=[
        *("rnn", "gru", "lstm", "lstm of two layers", "bidirectional gru", "dot", "additive", "identity"),
        *("cnn", "transformer", "linear", "linear causal", "min_gru", "s4d", "jordan_rnn", "cell"),
    ],
)
def test_encoders_by_hand(encoder, expected):
    assert encoder.flops(7) == expected
    x_BLD, mask_BL = torch.zeros(1, 7, 5), torch.ones(1, 7, dtype=torch.bool)
    assert torch_count(encoder, x_BLD, mask_BL) == expected


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        (poolings.Mean(5), 0),
        (poolings.Max(5), 0),
        (poolings.Sum(5), 0),
        (poolings.Last(5), 0),
        # 7 steps: a dense layer 5 x 3, a score of 3, a weighted sum of 5
        (poolings.AdditiveAttention(5, 3), 7 * 2 * (15 + 3 + 5)),
    ],
)
def test_poolings_by_hand(pooling, expected):
    assert pooling.flops(7) == expected
    with torch.no_grad():
        assert torch_count(pooling, torch.zeros(1, 7, 5), torch.ones(1, 7, dtype=torch.bool)) == expected


def test_causal_linear_attention_pays_for_whole_chunks():
    encoder = encoders.LinearAttention(5, 6, 2, causal=True)
    for length in (65, 130):
        x_BLD, mask_BL = torch.zeros(1, length, 5), torch.ones(1, length, dtype=torch.bool)
        assert torch_count(encoder, x_BLD, mask_BL) == encoder.flops(length)
    # two chunks of 64 for 65 steps, whose projections alone are 65
    assert encoder.flops(65) == 65 * 2 * 3 * 30 + 128 * 2 * 2 * 2 * 9 + 2 * 2 * 128 * 64 * 6


LINEAR = ["rnn", "lstm", "gru", "bidirectional", "bag_of_embeddings", "additive_attention"]


@pytest.mark.parametrize("name", [*LINEAR, "cell", "cnn", "jordan_rnn", "linear_attention", "min_gru"])
def test_cost_is_linear_in_length_without_self_attention(name):
    backend = built(1000, f"encoder={name}")
    costs = [backend.flops(length) for length in (100, 200, 300)]
    assert costs[2] - costs[1] == costs[1] - costs[0]


@pytest.mark.parametrize("name", ["self_attention", "lstm_self_attention", "bilstm_self_attention", "transformer"])
def test_the_quadratic_part_of_self_attention_is_4_e_l_squared(name):
    backend = built(1000, f"encoder={name}")
    costs = [backend.flops(length) for length in (100, 200, 300)]
    # the second difference of a * L**2 over steps of 100 is 2 * a * 100**2; a = 2 * 2 * 128
    assert costs[2] - 2 * costs[1] + costs[0] == 2 * 4 * 128 * 100**2


def test_an_encoder_that_does_not_say_its_cost_leaves_the_number_absent(monkeypatch):
    monkeypatch.delattr(encoders.Identity, "flops")
    assert built(7, "encoder=bag_of_embeddings").flops(7) is None
