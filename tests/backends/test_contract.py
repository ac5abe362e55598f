"""What every encoder, pooling and position keeps to, in both backends.

Dimension letters: B batch, L length, D input width, E output width. Each size is a prime of its own.
"""

from importlib import import_module

import numpy as np
import pytest
from adapters import ENCODERS, REFUSED, TORCH_ENCODERS, TORCH_REFUSED, encoder, scatter
from experiments import composed, words

from harness.errors import UserError

B, L, D = 3, 11, 5
LENGTHS = np.array([11, 4, 0])
POOLINGS = ["Mean", "Max", "Sum", "Last", "AdditiveAttention"]
WIDTH = {
    **dict.fromkeys(ENCODERS | TORCH_ENCODERS, 7),
    **{name: 14 for name in TORCH_ENCODERS if name.startswith("bidirectional")},
    **{"cnn of several widths": 21},
    **{"transformer": 14, "transformer rotary": 12, "linear attention": 14, "linear attention causal": 14},
    **{"stack of all": 6, "identity": 5, "dot heads relu": 14, "additive": 14, "stack": 6},
    **{"bidirectional lstm": 14, "bidirectional gru": 14, "bidirectional attention": 14},
}

BOTH = [(backend, name) for name in ENCODERS for backend in ("pytorch", "tensorflow")]
EVERY = pytest.mark.parametrize(
    ("backend", "name"), [*BOTH, *(("pytorch", name) for name in TORCH_ENCODERS)], indirect=["backend"]
)


@pytest.fixture
def x_BLD():
    return np.random.default_rng(0).normal(size=(B, L, D)).astype(np.float32)


@pytest.fixture
def mask_BL():
    return np.arange(L) < LENGTHS[:, None]


@EVERY
def test_an_encoder_gives_a_row_per_step_and_exactly_0_at_padded_positions(backend, name, x_BLD, mask_BL):
    made = encoder(backend, name, D)
    y_BLE = backend.output(made, x_BLD, mask_BL)
    assert made.out_dim == WIDTH[name]
    assert y_BLE.shape == (B, L, WIDTH[name])
    assert (y_BLE[~mask_BL] == 0).all()
    assert np.abs(y_BLE[0]).max() > 0


@EVERY
def test_an_encoder_does_not_depend_on_padding(backend, name, x_BLD, mask_BL):
    made = encoder(backend, name, D)
    expected = backend.output(made, x_BLD, mask_BL)
    garbage = np.where(mask_BL[:, :, None], x_BLD, np.float32(1e4))
    np.testing.assert_allclose(backend.output(made, garbage, mask_BL), expected, atol=1e-6)
    longer = backend.output(made, np.pad(garbage, [(0, 0), (0, 2), (0, 0)], constant_values=-1e4),
                            np.pad(mask_BL, [(0, 0), (0, 2)]))
    np.testing.assert_allclose(longer[:, :L], expected, atol=1e-6)
    assert (longer[:, L:] == 0).all()
    alone = backend.output(made, x_BLD[1:2, :4], mask_BL[1:2, :4])
    np.testing.assert_allclose(alone[0], expected[1, :4], atol=1e-6)


@EVERY
def test_gradients_are_finite_and_none_reaches_padding_even_with_empty_sequences(backend, name, x_BLD, mask_BL):
    by_x, by_weights = backend.gradients(encoder(backend, name, D), x_BLD, mask_BL)
    assert np.isfinite(by_x).all()
    assert (np.asarray(by_x)[~mask_BL] == 0).all()
    for parameter, gradient in by_weights.items():
        assert np.isfinite(gradient).all(), parameter
        assert np.abs(gradient).sum() > 0, parameter


@pytest.mark.parametrize("name", ENCODERS)
def test_both_backends_count_the_same_operations_and_parameters(in_torch, in_keras, name):
    torch_made, keras_made = encoder(in_torch, name, D), encoder(in_keras, name, D)
    assert torch_made.flops(13) == keras_made.flops(13)
    shapes = {key: value.shape for key, value in in_torch.weights(torch_made).items()}
    assert shapes == {key: value.shape for key, value in in_keras.weights(keras_made).items()}


@pytest.mark.parametrize("name", ["bidirectional", "stack"])
def test_what_holds_an_encoder_that_does_not_say_its_cost_has_none(backend, name, monkeypatch):
    silent = backend.new("encoders", "Identity", D)
    monkeypatch.delattr(type(silent), "flops")
    made = {
        "bidirectional": lambda: backend.new("encoders", "Bidirectional", D, lambda in_dim: silent),
        "stack": lambda: backend.new("encoders", "Stack", D, {
            "first": lambda in_dim: backend.new("encoders", "GRU", in_dim, 7), "second": lambda in_dim: silent,
        }),
    }[name]()
    assert made.flops(13) is None
    model = import_module(f"harness.backends.{backend.name}.model")
    whole = model.build(composed(f"backend={backend.name}", "encoder=bidirectional", "input.size=5"), words(), 0)
    assert whole.flops(13) > 0
    if backend.name == "pytorch":
        whole.encoder = made
    else:
        whole.parts["encoder"] = made
    assert whole.flops(13) is None


@pytest.mark.parametrize(("name", "settings", "said"), REFUSED)
def test_what_an_encoder_refuses_is_said_in_the_same_words(backend, name, settings, said):
    with pytest.raises(UserError, match=said):
        backend.new("encoders", name, D, **settings)


@pytest.mark.parametrize(("name", "settings", "said"), TORCH_REFUSED)
def test_what_an_encoder_of_only_pytorch_refuses_is_reported(in_torch, name, settings, said):
    with pytest.raises(UserError, match=said):
        in_torch.new("encoders", name, D, **settings)


ONLY_TORCH = ["cell", "cnn", "fcn", "jordan_rnn", "linear_attention", "min_gru", "s4d", "transformer"]


@pytest.mark.parametrize("overrides", [*([f"encoder={name}"] for name in ONLY_TORCH),
                                       ["encoder=bidirectional", "encoder@encoder.inner=cnn"],
                                       ["encoder=stack", "encoder@encoder.layers.second=cnn"]], ids=" ".join)
def test_what_tensorflow_does_not_have_is_refused_with_what_it_has(in_keras, overrides):
    from harness.backends.tensorflow.model import build

    missing = {"jordan_rnn": "JordanRNN", "linear_attention": "LinearAttention", "min_gru": "MinGRU", "cell": "Cell",
               "s4d": "S4D", "fcn": "FCN",
               "transformer": "Transformer"}.get(overrides[0].removeprefix("encoder="), "CNN")
    there = "additive_attention, bag_of_embeddings, bidirectional, bilstm_self_attention, gru, lstm, "
    there += "lstm_self_attention, rnn, self_attention, stack, or another backend"
    with pytest.raises(UserError, match=f"backend=tensorflow has no {missing}; take encoder={there}"):
        build(composed("backend=tensorflow", *overrides), words(), 0)


@pytest.mark.parametrize("name", POOLINGS)
def test_a_pooling_counts_real_steps_only_and_an_empty_sequence_gives_0(backend, name, x_BLD, mask_BL):
    made = backend.new("poolings", name, D, **({"hidden_size": 7} if name == "AdditiveAttention" else {}))
    scatter(backend, made)
    z_BE = backend.output(made, x_BLD, mask_BL)
    assert z_BE.shape == (B, made.out_dim) == (B, D)
    assert (z_BE[2] == 0).all()
    garbage = np.where(mask_BL[:, :, None], x_BLD, np.float32(1e4))
    np.testing.assert_allclose(backend.output(made, garbage, mask_BL), z_BE, atol=1e-6)
    by_x, _ = backend.gradients(made, garbage, mask_BL)
    assert (np.asarray(by_x)[~mask_BL] == 0).all()
    real_LD = x_BLD[1, :4]
    expected = {"Mean": real_LD.mean(0), "Max": real_LD.max(0), "Sum": real_LD.sum(0), "Last": real_LD[-1]}
    if name in expected:
        np.testing.assert_allclose(z_BE[1], expected[name], rtol=1e-6)


def test_sinusoids_are_added_position_by_position(backend, x_BLD):
    y_BLD = backend.output(backend.new("positions", "Sinusoidal", D, max_length=17), x_BLD)
    added = y_BLD - x_BLD
    np.testing.assert_allclose(added[0, 3, :3], [np.sin(3), np.cos(3), np.sin(3 / 10_000**0.4)], atol=1e-6)
    np.testing.assert_allclose(added[0], added[1], atol=1e-6)


def test_learned_positions_are_added_and_no_position_is_nothing(backend, x_BLD):
    made = backend.new("positions", "Learned", D, max_length=17)
    scatter(backend, made)
    table_LD = backend.weights(made)["table_LD"]
    assert table_LD.shape == (17, D)
    np.testing.assert_allclose(backend.output(made, x_BLD), x_BLD + table_LD[:L], rtol=1e-6)
    unchanged = backend.output(backend.new("positions", "NoPosition", D, max_length=17), x_BLD)
    np.testing.assert_array_equal(unchanged, x_BLD)
