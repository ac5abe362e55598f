"""Adam on the rows that a batch reads, against torch's own Adam on the whole table.

In float64 both are compared to a billionth, so that only the factors, which are float32, may differ.

Dimension letters: V rows, D width.
"""

import copy
import math
import time
from itertools import product

import numpy as np
import pytest
import torch
from experiments import HARDWARE, composed, words
from histories import without_seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.backends.pytorch import Backend, row_adam
from harness.backends.pytorch.embedding_table import EmbeddingTable
from harness.backends.pytorch.missed_steps import CAPACITY, DEGREES, TOLERANCE, MissedSteps, can_catch_up
from harness.backends.pytorch.optimizers import clip_gradients, make_optimizer
from harness.backends.pytorch.row_adam import RowAdam
from harness.measure import StepTimer

V, D = 23, 8
LR, EPS = 1e-3, 1e-7


class Pair:
    """The same table under ``RowAdam`` and under torch's Adam, with the same gradients."""

    def __init__(self, dtype=torch.float64, width=D, betas=(0.9, 0.999), **more):
        torch.manual_seed(0)
        self.ours, self.theirs = EmbeddingTable(V, width, padding_idx=0), nn.Embedding(V, width, padding_idx=0)
        nn.init.normal_(self.theirs.weight, std=0.05)
        self.tables = [table.to(dtype) for table in (self.ours, self.theirs)]
        self.ours.load_state_dict(self.theirs.state_dict())
        common = {"lr": LR, "betas": betas, "eps": EPS, **more}
        self.row = RowAdam([self.ours.weight], [self.ours], **common)
        self.dense = torch.optim.Adam([self.theirs.weight], fused=True, **common)

    def step(self, ids, gradient, lr=LR, max_norm=None):
        for table, optimizer in zip(self.tables, (self.row, self.dense), strict=True):
            optimizer.param_groups[0]["lr"] = lr
            optimizer.zero_grad()
            (table(ids) * gradient.to(table.weight)).sum().backward()
            if max_norm is not None:
                clip_gradients(table.parameters(), max_norm)
            optimizer.step()

    def walk(self, steps, seed=0, rate=lambda step: LR, max_norm=None):
        """Steps that read few rows each, most of them seldom; gradients of very different sizes."""
        rng = np.random.default_rng(seed)
        for step in range(steps):
            ids = torch.from_numpy(np.minimum(rng.zipf(1.3, rng.integers(1, 6)), V) - 1)
            size = (len(ids), self.ours.embedding_dim)
            gradient = torch.from_numpy(rng.normal(size=size) * 10 ** rng.uniform(-8, 0))
            self.step(ids, gradient, rate(step), max_norm)

    def check(self, tolerance=4e-9):
        self.ours.eval()
        torch.testing.assert_close(self.ours.weight, self.theirs.weight, rtol=0, atol=tolerance)
        found, expected = self.row.state[self.ours.weight], self.dense.state[self.theirs.weight]
        assert found["step"] == expected["step"]
        for name in ("exp_avg", "exp_avg_sq"):
            torch.testing.assert_close(found[name], expected[name], rtol=1e-9, atol=1e-12)


RATES = {
    "constant": lambda step: LR,
    "cosine": lambda step: LR * 0.5 * (1 + math.cos(math.pi * step / 200)),
    "inverse_time": lambda step: LR / (1 + 0.05 * step),
    "plateau": lambda step: LR * 0.1 ** (step // 90),
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_the_table_is_dense_adams_with_every_schedule_with_decay_and_clipping(rate, decay):
    pair = Pair(weight_decay=decay, decoupled_weight_decay=bool(decay))
    before = pair.ours.weight.detach().clone()
    pair.walk(200, rate=RATES[rate], max_norm=0.3)
    pair.check()
    assert (pair.ours.weight - before).abs().max() > 1e-3
    assert torch.equal(pair.ours.weight[0] == before[0], torch.full((D,), not decay))  # padding


@pytest.mark.parametrize(
    ("begin", "gap"), [*product([1, 2, 150], [1, 2, 13]), (150, 197), (1, 1000)]
)  # fmt: skip
def test_a_row_may_miss_any_number_of_steps(begin, gap):
    pair, gradient = Pair(weight_decay=0.1, decoupled_weight_decay=True), torch.ones(2, D)
    ids = torch.tensor([3, 5])
    for step in range(begin):
        pair.step(ids, gradient * 1e-7 * (step + 1))
    for step in range(gap):
        pair.step(torch.tensor([7, 7]), gradient, LR / (1 + 0.1 * step))
    pair.step(ids, gradient)
    pair.check()


def test_float32_is_as_near_to_the_exact_table_as_torchs_own():
    exact, rounded = Pair(), Pair(torch.float32)
    exact.walk(200)
    rounded.walk(200)
    rounded.ours.eval()
    expected = exact.theirs.weight
    own, torchs = ((table.weight - expected).abs().max().item() for table in (rounded.ours, rounded.theirs))
    assert own <= 1.5 * torchs
    assert torchs < 1e-6


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 99), steps=st.integers(1, 40), width=st.sampled_from([1, 3, 4]),
    betas=st.sampled_from([(0.9, 0.99), (0.5, 0.9), (0.8, 0.95), (0.9, 0.9999)]), decay=st.floats(0.01, 1),
)  # fmt: skip
def test_any_walk_ends_where_dense_adam_ends(seed, steps, width, betas, decay):
    pair = Pair(width=width, betas=betas, weight_decay=decay, decoupled_weight_decay=True)
    pair.walk(steps, seed)
    pair.check()


def test_whoever_reads_the_whole_table_gets_dense_adams():
    pair = Pair()
    pair.walk(30)
    expected = pair.theirs.weight.detach()
    assert not torch.allclose(pair.ours.weight, expected, rtol=0, atol=1e-7)  # some rows are behind
    readers = {
        "state": lambda table, _: table.state_dict()["weight"],
        "optimizer": lambda table, row: (row.state_dict(), table.weight)[1],
        "copy": lambda table, _: copy.deepcopy(table).weight,
        "inference": lambda table, _: table.eval().weight,
        "no gradient": lambda table, _: read_without_gradient(table),
        "release": lambda table, _: (table.release(), table.weight)[1],
    }
    for name, read in readers.items():
        again = Pair()
        again.walk(30)
        torch.testing.assert_close(read(again.ours, again.row).detach(), expected, rtol=0, atol=4e-9, msg=name)
    assert copy.deepcopy(pair.ours).rows is None
    assert again.ours.rows is None


def test_what_an_evaluation_brings_up_to_date_can_be_written_by_the_next_steps():
    """Lightning evaluates in inference mode, whose tensors torch lets nobody write to later; on a GPU steps do that."""
    pair = Pair()
    pair.walk(30)
    with torch.inference_mode():
        pair.ours.eval()
    pair.ours.train()
    pair.ours.rows.factors_SF[0] = pair.ours.rows.factors_SF[0]
    kept = [value for value in vars(pair.ours.rows).values() if isinstance(value, torch.Tensor)]
    assert len(kept) == 5
    assert not any(tensor.is_inference() for tensor in [*kept, *pair.row.state[pair.ours.weight].values()])
    pair.walk(30, seed=1)
    pair.check()


def read_without_gradient(table):
    with torch.no_grad():
        return table(torch.arange(V))


def test_gradients_of_lookups_and_passes_add_up_and_a_pass_without_a_step_changes_nothing():
    pair, one, two = Pair(), torch.tensor([[1, 2, 2]]), torch.tensor([2, 9])
    pair.walk(5)
    for table, optimizer in zip(pair.tables, (pair.row, pair.dense), strict=True):
        optimizer.zero_grad()
        table(one).square().sum().backward()
        optimizer.zero_grad()
        for _ in range(2):
            (table(one).sum() * table(two).square().sum()).backward()
    torch.testing.assert_close(pair.ours.weight.grad.to_dense(), pair.theirs.weight.grad, rtol=1e-6, atol=1e-9)
    for optimizer in (pair.row, pair.dense):
        optimizer.step()
    pair.walk(3, seed=1)
    pair.check()


@pytest.mark.parametrize(("one", "two"), [([2, 1], [1, 2]), ([5, 3, 4], [4, 3]), ([1, 2, 3], [3])])
def test_gradients_of_two_lookups_add_up_in_any_order_of_the_rows(one, two):
    pair, ids = Pair(), [torch.tensor(one), torch.tensor(two)]
    for table, optimizer in zip(pair.tables, (pair.row, pair.dense), strict=True):
        (table(ids[0]).sum() + 3 * table(ids[1]).sum()).backward()
        optimizer.step()
    pair.check()


def test_a_gradient_of_the_whole_table_is_taken_as_dense_adam_takes_it():
    pair = Pair()
    pair.walk(20)
    for table, optimizer in zip(pair.tables, (pair.row, pair.dense), strict=True):
        optimizer.zero_grad()
        if table is pair.ours:
            table.eval()
        (table.weight * torch.ones(V, D)).sum().backward()
        optimizer.step()
        table.train()
    pair.walk(20, seed=1)
    pair.check()


def test_the_memory_of_steps_is_bounded(monkeypatch):
    pair = Pair()
    pair.walk(3)
    monkeypatch.setattr(MissedSteps, "must_restart", property(lambda self: self.step - self.first >= 10))
    pair.walk(40, seed=1)
    assert pair.ours.rows.missed.first in range(30, 44)
    pair.check()
    assert len(pair.ours.rows.missed.sums_SP) == CAPACITY + 1


def test_the_state_is_torchs_own_and_either_goes_on_from_the_others():
    pair, swapped = Pair(), Pair()
    pair.walk(30)
    swapped.ours.load_state_dict(pair.theirs.state_dict())
    swapped.theirs.load_state_dict(pair.ours.state_dict())
    swapped.row.load_state_dict(copy.deepcopy(pair.dense.state_dict()))  # torch would share the moments
    swapped.dense.load_state_dict(copy.deepcopy(pair.row.state_dict()))
    for one in (pair, swapped):
        one.walk(30, seed=1)
        one.check()
    torch.testing.assert_close(swapped.ours.weight, pair.theirs.weight, rtol=0, atol=4e-9)


def test_polynomials_are_exact_to_the_tolerance_and_where_none_is_the_table_is_updated_as_a_whole():
    missed = MissedSteps((0.9, 0.999), EPS)
    for first in (0, 128, 1000, 100_000):
        missed.restart(first)
        assert missed.error(first, missed.degree) <= TOLERANCE
    assert missed.degree == DEGREES[0]
    assert can_catch_up((0.9, 0.999), EPS, 1e-5)
    for betas, eps, decay in [((0.9, 0.95), EPS, 0), ((0.99, 0.9), EPS, 0), ((0.0, 0.9), EPS, 0),
                              ((0.9, 0.0), EPS, 0), ((0.9, 0.999), 0.0, 0), ((0.9, 0.999), EPS, 0.5)]:  # fmt: skip
        assert not can_catch_up(betas, eps, decay)


def built(*overrides):
    made = Backend(composed("encoder=bag_of_embeddings", *overrides), HARDWARE)
    made.build(words(), 0)
    return made


@pytest.mark.parametrize(
    ("overrides", "processes", "by_rows"),
    [
        ([], 1, True), (["optimizer=adamw"], 1, True), (["input=word_bigram"], 1, True), ([], 2, False),
        (["+optimizer.weight_decay=0.1"], 1, False), (["+optimizer.amsgrad=true"], 1, False),
        (["optimizer=sgd"], 1, False), (["optimizer=lazy_adam"], 1, False), (["input=one_hot"], 1, False),
    ],
)  # fmt: skip
def test_which_tables_are_updated_by_rows(monkeypatch, overrides, processes, by_rows):
    monkeypatch.setitem(row_adam.SMALLEST, "cpu", 0)
    made = built(*overrides)
    optimizer, _ = make_optimizer(made.config.optimizer, made.model, 3, processes)
    assert isinstance(optimizer, RowAdam) == by_rows
    tables = [module for module in made.model.modules() if isinstance(module, EmbeddingTable)]
    assert all((table.rows is not None) == by_rows for table in tables)


def test_a_small_table_is_updated_as_a_whole():
    made = built()
    assert not isinstance(make_optimizer(made.config.optimizer, made.model, 3)[0], RowAdam)


SMALL = (
    *("optimizer.lr=0.01", "optimizer.schedule=cosine", "encoder=gru", "encoder.hidden_size=3", "input=word_bigram"),
    *("input.bigrams.buckets=50", "input.size=8", "trainer.batch_size=3", "trainer.epochs=4", "trainer.clip_norm=0.5"),
)


def fitted(folder, *overrides, epoch_done=lambda numbers: None):
    folder.mkdir(exist_ok=True)
    made = Backend(composed(*SMALL, *overrides), HARDWARE)
    made.seed(0)
    made.build(words(), 0)
    return made, made.fit(words(), StepTimer(time.perf_counter, made.sync, warmup_steps=0), folder, epoch_done)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_a_training_has_dense_adams_losses_and_weights_and_resumes(tmp_path, monkeypatch, name):
    class Interrupted(Exception):
        pass

    def stop(numbers):
        if numbers["epoch"] == 2:
            raise Interrupted

    dense, (expected, _) = fitted(tmp_path / "dense", f"optimizer={name}")
    monkeypatch.setitem(row_adam.SMALLEST, "cpu", 0)
    made, (found, _) = fitted(tmp_path / "rows", f"optimizer={name}")
    for ours, theirs in zip(without_seconds(found), without_seconds(expected), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)
    for ours, theirs in zip(made.model.parameters(), dense.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    with pytest.raises(Interrupted):
        fitted(tmp_path / "again", f"optimizer={name}", epoch_done=stop)
    resumed, (again, _) = fitted(tmp_path / "again", f"optimizer={name}")
    assert without_seconds(again) == without_seconds(found)
    for ours, theirs in zip(resumed.model.parameters(), made.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    ended, (last, _) = fitted(tmp_path / "again", f"optimizer={name}")  # interrupted while it was measured
    assert without_seconds(last) == without_seconds(found)
    for one in (made, resumed, ended):
        tables = [module for module in one.model.modules() if isinstance(module, EmbeddingTable)]
        assert [table.rows for table in tables] == [None, None]
