"""The benchmarks' own arithmetic, and that what they compare is the same model. Nothing is timed here.

Dimension letters: B batch, L length, D input width, E output width.
"""

import sys
from importlib import import_module

import numpy as np
import pytest
from conftest import REPOSITORY

from harness.config.compose import compose
from harness.data import Batches, from_sequences
from harness.data.batches import plan
from harness.records.record import Environment, Hardware
from harness.runner.run import prepare_data

FOLDER = REPOSITORY / "tests" / "benchmarks"
sys.path.extend([str(FOLDER), str(FOLDER.parent / "backends")])  # there also is what in_keras imports

from bench import BENCHMARKS, page  # noqa: E402 (found in the folder just added)
from paired import Goal, Row, in_turns, ratios, table  # noqa: E402

SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if "def rows(" in path.read_text(encoding="utf8"))


def test_the_table_holds_every_benchmark():
    assert sorted(BENCHMARKS) == SCRIPTS
    assert all(callable(import_module(name).rows) for name in SCRIPTS)


def test_sides_take_turns_and_which_is_first_alternates():
    order, seconds = [], {"a": iter((2.0, 3.0, 8.0)), "b": iter((1.0, 2.0, 2.0))}

    def side(name):
        def measure():
            order.append(name)
            return {"seconds": next(seconds[name])}

        return measure

    pairs = in_turns({"a": side("a"), "b": side("b")}, 3)
    assert "".join(order) == "abbaab"
    assert ratios(pairs, "seconds", over="a", under="b") == [2.0, 1.5, 4.0]
    assert ratios(pairs, "seconds", over="b", under="a") == [0.5, 2 / 3, 0.25]


def test_the_verdict_is_that_of_the_median():
    assert Row("", "", [2.0, 1.5, 4.0], Goal(least=2.0)).met
    assert not Row("", "", [2.0, 1.5, 4.0], Goal(most=1.99)).met
    assert Row("", "", [1.0, 2.0], Goal(1.4, 1.6)).median == 1.5
    assert not Goal(0.97, 1.03).met_by(0.96)
    assert not Goal(0.97, 1.03).met_by(1.04)
    assert Goal(0.97, 1.03).met_by(0.97)


def test_the_table_gives_median_range_and_goal():
    rows = [Row("ours", "theirs", [2.0, 1.5, 4.0], Goal(least=2.5)), Row("wait", "", [0.25], Goal(), "s")]
    assert table(rows).splitlines()[2:] == [
        "| ours | theirs | 2.000 x (1.500 to 4.000) | 3 | at least 2.5 | NO |",
        "| wait |  | 0.250 s (0.250 to 0.250) | 1 | - | - |",
    ]


@pytest.mark.parametrize(("others", "warned"), [(0.04, False), (0.06, True)])
def test_the_page_warns_where_others_took_the_processor(others, warned):
    git = {"commit": "0123456789abcdef"}
    machine = Environment(Hardware("cpu"), processor="X", cores=2, versions={"torch": "9.9"}, git=git)
    found = page([], {}, machine, others, quick=False)
    assert ("not quiet" in found) == warned
    assert "X, 2 cores" in found
    assert "torch 9.9" in found
    assert "commit 0123456789ab\n" in found
    assert "--quick" not in found
    assert "- **floor failed: why**" in page([], {"floor": "why"}, machine, others, quick=False)


def test_operations_count_thrice_a_forward_pass_at_the_padded_length(tmp_path):
    """An epoch's mean per sequence; D 5, E 11, L 7, C 3: 3 * (2 * 7 * (5 + 11) * 11 + 2 * 11 * 3) = 7590."""
    settings = ("data.sequences=53", "data.length=7", "data.width=5", "data.classes=3", "encoder.hidden_size=11")
    config = compose("data=synthetic_features", "encoder=rnn", "input.size=null", *settings, f"output_dir={tmp_path}")
    told = {}
    import_module("floor").operations({"config": config, "prepared": str(prepare_data(config))}, told.update)
    assert told["gflop"] == pytest.approx(7590e-9)


@pytest.fixture(scope="module")
def reviews():
    """Sequences of 1 to 13 token ids of a vocabulary of 29, 2 classes."""
    rng = np.random.default_rng(0)
    x = [rng.integers(2, 29, length) for length in rng.integers(1, 14, 83)]
    part = x, [len(row) % 2 for row in x]
    return from_sequences(part, part, part, classes=[0, 1], vocabulary=[str(number) for number in range(29)])


def test_the_loop_by_hand_has_the_recipes_model(reviews):
    import torch

    from harness.backends.pytorch.model import build

    loop = import_module("loop")
    ours, by_hand = build(compose("experiment=keras_self_attention_imdb"), reviews, 0).eval(), loop.Model(29, 2).eval()
    copied = zip(by_hand.parameters(), ours.parameters(), strict=True)
    with torch.no_grad():
        for theirs, weights in copied:
            theirs.copy_(weights)
        batch = torch.from_numpy(reviews.test.padded()), torch.from_numpy(reviews.test.length_N)
        torch.testing.assert_close(by_hand(*batch), ours(*batch), atol=1e-6, rtol=0)


def test_the_loop_by_hand_has_the_same_batches(reviews):
    loop, length_N = import_module("loop"), reviews.train.length_N
    for epoch in (0, 3):
        found = loop.plan(length_N, 4, 5, epoch)
        for rows, expected in zip(found, plan(length_N, 4, seed=5, epoch=epoch, bucket=True), strict=True):
            np.testing.assert_array_equal(rows, expected)
    evaluated = loop.cut(np.argsort(length_N, kind="stable"), 7)[::-1]
    for rows, expected in zip(evaluated, Batches(reviews.train, 7).rows(), strict=True):
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("encoder", ["self_attention", "lstm", "gru", "rnn", "bidirectional"])
def test_keras_own_layers_make_the_same_model(in_keras, reviews, encoder):
    from harness.backends.tensorflow.model import build

    keras_model = import_module("keras_model")
    config = compose("backend=tensorflow", f"encoder={encoder}", "pooling=mean")
    if encoder == "self_attention":
        config.encoder["scale"] = 0.125
    test = reviews.test
    ours, theirs = build(config, reviews, 0), keras_model.build(encoder, 29, test.longest, 2, 128, 0.5)
    weights = [variable.numpy() for variable in ours.trainable_variables]
    if encoder == "self_attention":  # (D, 3E) in one, (3, D, E) in the other
        weights[1] = np.stack(np.split(weights[1], 3, 1))
    theirs.set_weights([*weights, *theirs.get_weights()[len(weights) :]])  # dropout's state comes last
    expected = ours(test.padded(), test.length_N).numpy()
    np.testing.assert_allclose(theirs(test.padded()).numpy(), expected, atol=1e-5)
    assert sum(array.size for array in weights) == theirs.count_params()
