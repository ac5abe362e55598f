"""A set of vectors is a sequence whose order means nothing: which models do not see the order, in both backends."""

import numpy as np
import pytest
from adapters import scatter
from experiments import composed, features

SETS = [("self_attention", "mean"), ("self_attention", "max"), ("bag_of_embeddings", "sum"),
        ("additive_attention", "additive_attention")]  # fmt: skip


def outputs(backend, *overrides):
    """The logits of sequences as they are, and with their real steps in another order."""
    from importlib import import_module

    data = features()
    build = import_module(f"harness.backends.{backend.name}.model").build
    model = build(composed(f"backend={backend.name}", "input.size=7", *overrides), data, seed=0)
    scatter(backend, model)
    x_NLD, length_N = data.validation.padded(), data.validation.length_N
    rng = np.random.default_rng(1)
    other_NLD = x_NLD.copy()
    for row, length in enumerate(length_N):
        other_NLD[row, :length] = x_NLD[row, rng.permutation(length)]
    assert not np.array_equal(other_NLD, x_NLD)
    return [backend.output(model, x, length_N) for x in (x_NLD, other_NLD)]


@pytest.mark.parametrize(("encoder", "pooling"), SETS)
def test_a_set_gives_the_same_in_every_order(backend, encoder, pooling):
    found, other = outputs(backend, f"encoder={encoder}", f"pooling={pooling}", "position=none")
    np.testing.assert_allclose(other, found, atol=1e-5)


@pytest.mark.parametrize("overrides", [
    ("encoder=self_attention", "position=sinusoidal"), ("encoder=self_attention", "pooling=last"), ("encoder=gru",),
])  # fmt: skip
def test_a_sequence_gives_something_else_in_another_order(backend, overrides):
    found, other = outputs(backend, *overrides)
    assert np.abs(found - other).max() > 1e-2
