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

import half_precision  # noqa: E402 (found in the folder just added)
from bench import BENCHMARKS, facts_of, page, rows_of  # noqa: E402
from machines import Origin, file_of, keep, kept, side_by_side, write_page  # noqa: E402
from paired import Goal, Row, in_turns, ratios, table  # noqa: E402

SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if "def rows(" in path.read_text(encoding="utf8"))


def test_the_table_holds_every_benchmark():
    assert sorted(BENCHMARKS) == SCRIPTS
    assert all(callable(import_module(name).rows) for name in SCRIPTS)


def test_a_word_that_is_no_case_of_a_benchmark_is_refused():
    with pytest.raises(ValueError, match=r"floor has recipe .*, and none whose name begins with 'lstn'"):
        rows_of("floor", 1, True, "lstn")
    with pytest.raises(ValueError, match="startup has no cases, and none whose name begins with 'lstm'"):
        rows_of("startup", 1, True, "lstm")


def test_sides_take_turns_and_which_is_first_alternates():
    order, seconds = [], {"a": iter((2.0, 3.0, 8.0)), "b": iter((1.0, 2.0, 2.0))}

    def side(name):
        def measure():
            order.append(name)
            return {"seconds": next(seconds[name])}

        return measure

    pairs = in_turns({"a": side("a"), "b": side("b")}, 3)
    assert "".join(order) == "abbaab"
    later = in_turns({"a": lambda: order.append("A") or {}, "b": lambda: order.append("B") or {}}, 2, first=2)
    assert "".join(order) == "abbaabBAAB"
    assert later == [{"a": {}, "b": {}}] * 2
    assert ratios(pairs, "seconds", over="a", under="b") == [2.0, 1.5, 4.0]
    assert ratios(pairs, "seconds", over="b", under="a") == [0.5, 2 / 3, 0.25]


def test_the_verdict_is_that_of_the_median():
    assert Row("", "", [2.0, 1.5, 4.0], Goal(least=2.0)).met
    assert not Row("", "", [2.0, 1.5, 4.0], Goal(most=1.99)).met
    assert Row("", "", [1.0, 2.0], Goal(1.4, 1.6)).median == 1.5
    assert [Row("", "", [2.0] * pairs, Goal(most=1.0)).verdict for pairs in (4, 5)] == ["too few pairs", "NO"]
    assert not Goal(0.97, 1.03).met_by(0.96)
    assert not Goal(0.97, 1.03).met_by(1.04)
    assert Goal(0.97, 1.03).met_by(0.97)


def test_half_precision_has_ratios_of_speed_and_differences_of_accuracy_seed_by_seed():
    pairs = [
        {"cpu": {"epoch_seconds": 3.0, "inference": 10.0, "accuracy": 0.80}, "cpu_bf16": bf16}
        for bf16 in (
            {"epoch_seconds": 2.0, "inference": 20.0, "accuracy": 0.81},
            {"epoch_seconds": 6.0, "inference": 15.0, "accuracy": 0.78},
        )
    ]
    training, inference, accuracy = half_precision.of_case("lstm", pairs)
    assert (training.values, training.met) == ([1.5, 0.5], True)
    assert inference.values == [2.0, 1.5]
    assert accuracy.values == pytest.approx([1, -2])
    assert accuracy.cells[2].split()[1] == "points"


def test_the_table_gives_median_range_and_goal():
    rows = [Row("ours", "theirs", [2.0, 1.5, 4.0], Goal(least=2.5)), Row("wait", "", [0.25], Goal(), "s")]
    assert table(rows).splitlines()[2:] == [
        "| ours | theirs | 2.000 x (1.500 to 4.000) | 3 | at least 2.5 | too few pairs |",
        "| wait |  | 0.250 s (0.250 to 0.250) | 1 | - | - |",
    ]


@pytest.mark.parametrize(("others", "warned"), [(0.04, False), (0.06, True)])
def test_the_page_warns_where_others_took_the_processor(others, warned):
    git = {"commit": "0123456789abcdef"}
    machine = Environment(Hardware("cpu"), processor="X", cores=2, versions={"torch": "9.9"}, git=git)
    facts = facts_of(machine, {"matrix products, float32": "134 GFLOP/s"})
    found = page([], {}, machine, facts, others, quick=False)
    assert ("not quiet" in found) == warned
    assert "X, 2 cores\n- matrix products, float32: 134 GFLOP/s\n" in found
    assert "torch 9.9" in found
    assert "commit 0123456789ab\n" in found
    assert "--quick" not in found
    assert "- **floor failed: why**" in page([], {"floor": "why"}, machine, facts, others, quick=False)


def test_machines_stand_side_by_side_and_a_row_measured_anew_replaces_the_old_one(tmp_path):
    fast, slow = (file_of(name, cores, tmp_path) for name, cores in (("AMD EPYC", 2), ("Xeon(R) X", 4)))
    assert [file.name for file in (fast, slow)] == ["amd_epyc_2_cores.json", "xeon_r_x_4_cores.json"]
    first, second = Origin("c1", "2026-01-01", 0.01), Origin("c2", "2026-01-02", 0.02, "9 GFLOP/s")
    lstm, gru = (Row(name, "Keras", [2.0, 1.5, 4.0], Goal(least=2.5)) for name in ("lstm", "gru"))
    keep(fast, {"machine": "fast one"}, [kept(lstm, first), kept(gru, first)])
    keep(fast, {"machine": "fast one"}, [kept(Row("gru", "Keras", [3.0], Goal(least=2.5)), second)])
    keep(slow, {"machine": "slow one"}, [kept(gru, first)])
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- written by make bench -->\nold\n<!-- end of what make bench writes -->\nafter\n")
    write_page(page, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert side_by_side(tmp_path) in text
    assert "| machine | fast one | slow one |" in text
    assert "| lstm | Keras | at least 2.5 | 2.000 x (1.500 to 4.000, 3) | too few pairs |  |  |" in text
    assert "| gru | Keras | at least 2.5 | 3.000 x (3.000 to 3.000, 1) | too few pairs | 2.000 x (1.500 to" in text
    assert "- A, 2026-01-02, commit c2, 9 GFLOP/s, 2.0% taken by others: 1 row\n" in text


def test_an_axis_measured_anew_replaces_its_section_and_no_other():
    scaling = import_module("scaling")
    page = f"before\n{scaling.BEGIN}\n{scaling.END}\nafter\n"
    for name, seconds, where in (("report", 3.0, "old"), ("batch", 1.0, "A"), ("rows", 2.0, "B"), ("report", 1e2, "C")):
        costs = [(10**power, scaling.Cost(seconds**power)) for power in range(3)]
        page = scaling.with_section(page, name, scaling.section(scaling.AXES[name], costs, f"Measured on {where}."))
    assert page.startswith(f"before\n{scaling.BEGIN}\n\n**Rows of train**: ")
    grown = "| 100 | 1e+04 |  |  |\n| exponent, of the algorithm 1 | 2.00 |  |  |"
    assert page.endswith(f"{grown}\n\nMeasured on C.\n\n{scaling.END}\nafter\n")
    assert [line for line in page.splitlines() if "Measured" in line] == [f"Measured on {where}." for where in "BAC"]


def test_a_pair_counts_only_where_both_sides_do_the_same_work():
    against = import_module("against_keras")
    ours = {"epoch_seconds": 2.0, "parameters": 10.0, "loss_1": 0.5, "loss_2": 0.3}
    padded, cut = {**ours, "epoch_seconds": 6.0, "loss_2": 0.302}, {**ours, "epoch_seconds": 5.0}
    pair = {"ours": ours, against.PADDED: padded, against.CUT: cut}
    against.check_same_work(pair)
    assert against.speeds([pair]) == [2.5]  # Keras's faster way counts
    assert against.clearly_slower(pair) == set()
    assert against.clearly_slower({**pair, against.CUT: {**cut, "epoch_seconds": 8.0}}) == {against.CUT}
    assert against.speeds([pair, {"ours": ours, against.PADDED: padded}]) == [2.5, 3.0]
    with pytest.raises(RuntimeError, match=r"cut as ours does other work than ours: loss_2 0.304 instead of 0.3$"):
        against.check_same_work({**pair, against.CUT: {**cut, "loss_2": 0.304}})
    with pytest.raises(RuntimeError, match=r"padded as by fit does other work than ours: parameters 11 instead of 10$"):
        against.check_same_work({**pair, against.PADDED: {**padded, "parameters": 11.0}})
    flat = {**ours, "loss_2": 0.5}
    against.check_same_work({"ours": flat, against.CUT: {**flat, "loss_2": 0.50004}})
    slow = {"ours": {**ours, "loss_1": 0.69, "loss_2": 0.65}, against.CUT: {**cut, "loss_1": 0.69, "loss_2": 0.6519}}
    against.check_same_work(slow)
    slow[against.CUT]["loss_2"] = 0.653  # within 1 %, and a thirteenth of the fall
    with pytest.raises(RuntimeError, match=r"loss_2 0.653 instead of 0.65$"):
        against.check_same_work(slow)


def test_keras_gets_the_harness_batches_in_its_order_cut_or_padded(reviews):
    against, batches = import_module("against_keras"), Batches(reviews.train, 7, seed=3)
    cut, padded = (list(against.arrays(batches, 2, width)) for width in (None, 13))
    expected = []
    for epoch in range(2):
        batches.set_epoch(epoch)
        expected += list(batches)
    assert len(expected) == len(cut) == len(padded) == 24
    for batch, (x_BL, y_B), (wide_BL, same_B) in zip(expected, cut, padded, strict=True):
        np.testing.assert_array_equal(x_BL, batch.x)
        np.testing.assert_array_equal(wide_BL[:, : x_BL.shape[1]], batch.x)
        assert wide_BL.shape[1] == 13
        assert not wide_BL[:, x_BL.shape[1] :].any()
        np.testing.assert_array_equal(y_B, batch.y)
        np.testing.assert_array_equal(same_B, batch.y)


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

    settings = ("encoder.scale=0.125",) if encoder == "self_attention" else ()
    config = compose("backend=tensorflow", f"encoder={encoder}", "pooling=mean", *settings)
    test = reviews.test
    ours = build(config, reviews, config.seed)
    theirs = import_module("against_keras").same_model(encoder, config, reviews, test.longest)
    expected = ours(test.padded(), test.length_N).numpy()
    np.testing.assert_allclose(theirs(test.padded()).numpy(), expected, atol=1e-5)
    assert sum(variable.numpy().size for variable in ours.trainable_variables) == theirs.count_params()
