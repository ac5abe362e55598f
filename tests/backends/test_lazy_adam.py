"""Adam on the rows of an embedding that a batch reads, against arithmetic by hand and against torch's Adam."""

import time

import numpy as np
import pytest
import torch
from conftest import refused
from experiments import HARDWARE, composed, features, words
from histories import without_seconds
from torch import nn

from harness.backends.pytorch import Backend
from harness.backends.pytorch.layers import Embedding
from harness.backends.pytorch.optimizers import LazyAdam, clip_gradients, make_optimizer
from harness.config.compose import compose
from harness.config.schema import OptimizerConfig
from harness.errors import UserError
from harness.measure import StepTimer

V, D, STEPS = 7, 5, 11
LR, BETAS, EPS = 0.03, (0.8, 0.95), 1e-3
ALWAYS, NEVER = 2, 6
"""Row 2 is in every batch, several times in most; row 6 is in none, and the others are in some."""


def batches() -> list[list[int]]:
    rng = np.random.default_rng(0)
    return [[ALWAYS, ALWAYS, *rng.integers(0, NEVER, 3)] for _ in range(STEPS)]


class Bag(nn.Module):
    """A table and a dense layer: of a batch's tokens, the sum through the layer."""

    def __init__(self, sparse: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.layer = Embedding(V, D), nn.Linear(D, 3)
        nn.init.uniform_(self.table.weight, -1, 1)
        self.table.sparse = sparse

    def forward(self, tokens: list[int]) -> torch.Tensor:
        return self.layer(self.table(torch.tensor(tokens)).tanh().sum(0)).square().sum()


def trained(model: Bag, optimizer: torch.optim.Optimizer, tokens: list[int], max_norm: float | None = None) -> None:
    optimizer.zero_grad()
    model(tokens).backward()
    if max_norm is not None:
        clip_gradients(model.parameters(), max_norm)
    optimizer.step()


def lazy(model: nn.Module, **settings) -> LazyAdam:
    return LazyAdam(model.parameters(), lr=LR, betas=BETAS, eps=EPS, **settings)


def by_hand(rates: list[float], gradients: list[np.ndarray], table: np.ndarray) -> np.ndarray:
    """Adam in NumPy, row by row: rows that a batch does not read are left out of every line."""
    w, m, v = table.astype(np.float64), np.zeros((V, D)), np.zeros((V, D))
    for number, (rate, gradient, tokens) in enumerate(zip(rates, gradients, batches(), strict=True), start=1):
        for row in set(tokens):
            m[row] = BETAS[0] * m[row] + (1 - BETAS[0]) * gradient[row]
            v[row] = BETAS[1] * v[row] + (1 - BETAS[1]) * gradient[row] ** 2
            right = m[row] / (1 - BETAS[0] ** number) / (np.sqrt(v[row] / (1 - BETAS[1] ** number)) + EPS)
            w[row] -= rate * right
    return w


@pytest.mark.parametrize("fused", [True, False])
def test_every_row_is_what_the_formula_gives_for_the_batches_that_touch_it(fused):
    model = Bag(sparse=True)
    optimizer, before, gradients = lazy(model, fused=fused), model.table.weight.detach().numpy().copy(), []
    factor = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    for tokens in batches():
        (gradient,) = torch.autograd.grad(model(tokens), model.table.weight)
        gradients.append(gradient.to_dense().numpy())
        trained(model, optimizer, tokens)
        factor.step()
    expected = by_hand([LR / (1 + step) for step in range(STEPS)], gradients, before)
    np.testing.assert_allclose(model.table.weight.detach().numpy(), expected, atol=1e-6, rtol=0)
    assert len({tuple(sorted(set(tokens))) for tokens in batches()}) > 3  # the rows do differ


@pytest.mark.parametrize("max_norm", [None, 0.7])
def test_a_row_in_every_batch_and_the_dense_layers_get_the_values_of_torchs_adam(max_norm):
    """As long as every row of the table is in every batch, all is; duplicates are summed before their norm is."""
    ours, theirs = Bag(sparse=True), Bag(sparse=False)
    optimizers = lazy(ours), torch.optim.Adam(theirs.parameters(), lr=LR, betas=BETAS, eps=EPS)
    for tokens in batches():
        whole = [*range(V), *tokens]
        trained(ours, optimizers[0], whole, max_norm)
        theirs.zero_grad()
        theirs(whole).backward()
        if max_norm is not None:
            assert nn.utils.clip_grad_norm_(theirs.parameters(), max_norm) > max_norm
        optimizers[1].step()
    for found, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_gradients_below_the_norm_stay_as_they_are():
    model = Bag(sparse=True)
    model([1, 1, 3]).backward()
    dense = model.table.weight.grad.to_dense()
    clip_gradients(model.parameters(), 1e6)
    assert torch.equal(model.table.weight.grad.to_dense(), dense)


def test_a_row_that_is_not_touched_neither_moves_nor_loses_its_moments():
    model = Bag(sparse=True)
    optimizer = lazy(model)
    for number, tokens in enumerate(batches()):
        table, state = model.table.weight, optimizer.state[model.table.weight]
        before = [
            part.detach().clone() for part in (table, *(state[key] for key in ("exp_avg", "exp_avg_sq") if state))
        ]
        trained(model, optimizer, tokens)
        after = [table, state["exp_avg"], state["exp_avg_sq"]]
        left = [row for row in range(V) if row not in tokens]
        for old, new in zip(before, after, strict=number > 0):
            assert torch.equal(old[left], new[left])
            assert (old[ALWAYS] != new[ALWAYS]).all()
    assert (state["exp_avg_sq"][[row for row in range(V) if row != NEVER]] > 0).all()
    assert (state["exp_avg_sq"][NEVER] == 0).all()


def test_adam_moves_a_row_that_is_not_touched_so_that_results_differ():
    model = Bag(sparse=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    trained(model, optimizer, [1, 2])
    before = model.table.weight.detach().clone()
    trained(model, optimizer, [2, 3])
    assert (model.table.weight[1] != before[1]).all()


SMALL = (
    *("optimizer=lazy_adam", "optimizer.lr=0.03", "optimizer.schedule=cosine", "encoder=gru", "encoder.hidden_size=3"),
    *("input.size=5", "input.dropout=0.2", "trainer.batch_size=7", "trainer.epochs=5", "trainer.clip_norm=0.05"),
)


def fitted(data, folder, epoch_done=lambda numbers: None, *overrides):
    made = Backend(composed(*SMALL, *overrides), HARDWARE)
    made.seed(0)
    made.build(data, 0)
    timer = StepTimer(time.perf_counter, made.sync, warmup_steps=0)
    return made, made.fit(data, timer, folder, epoch_done), timer


@pytest.mark.parametrize("stopped_after", [1, 3])
def test_a_resumed_training_equals_one_that_was_never_interrupted(tmp_path, stopped_after):
    class Interrupted(Exception):
        pass

    def stop(numbers):
        if numbers["epoch"] == stopped_after + 1:  # the epoch before it is kept
            raise Interrupted

    data = words()
    (tmp_path / "whole").mkdir()
    whole, (expected, best), _ = fitted(data, tmp_path / "whole")
    with pytest.raises(Interrupted):
        fitted(data, tmp_path, stop)
    assert (tmp_path / "last.ckpt").exists()
    resumed, (found, best_again), timer = fitted(data, tmp_path)
    assert 0 < len(timer.epochs) < 5
    assert (without_seconds(found), best_again) == (without_seconds(expected), best)
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_word_that_no_training_text_has_keeps_its_first_value(tmp_path):
    data = words()
    made = Backend(composed(*SMALL), HARDWARE)
    made.build(data, 0)
    first = made.model.input.weight.detach().clone()
    made, _, _ = fitted(data, tmp_path)
    moved = (made.model.input.weight != first).any(1)
    there = torch.zeros(29, dtype=torch.bool)
    for row, length in zip(data.train.padded(), data.train.length_N, strict=True):
        there[row[:length].astype(int)] = True
    assert not moved[~there].any()
    assert moved[there].all()
    assert (~there).any()


def test_the_buckets_of_word_pairs_are_updated_lazily_too():
    data = words()
    made = Backend(compose("optimizer=lazy_adam", "input=word_bigram", "hardware=cpu"), HARDWARE)
    made.build(data, 0)
    optimizer, _ = make_optimizer(made.config.optimizer, made.model, 3)
    batch = made.passes(data.train, [np.arange(3)])[1][0]
    made.model(batch.x, batch.length_B).sum().backward()
    tables = [module.weight for module in made.model.modules() if isinstance(module, nn.Embedding)]
    assert len(tables) == 2
    assert all(table.grad.is_sparse for table in tables)
    optimizer.step()


def test_what_has_no_embedding_is_refused():
    made = Backend(composed("optimizer=lazy_adam"), HARDWARE)
    made.build(features(), 0)
    with pytest.raises(UserError, match=r"feature vectors, or input.one_hot or input.frozen is set; take"):
        make_optimizer(made.config.optimizer, made.model, 3)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("backend=tensorflow", "optimizer=lazy_adam is for backend=pytorch"),
        ("hardware=ddp_cpu", "trains in one process only: set hardware.devices=1"),
        ("hardware.nodes=2", "trains in one process only: set hardware.nodes=1"),
        ("+optimizer.weight_decay=0.1", "lazy_adam would decay touched rows only; take optimizer=adamw"),
    ],
)
def test_what_it_lacks_is_refused_in_a_sentence(override, said):
    assert said in refused(compose, "optimizer=lazy_adam", override)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "lazy_adam"])
def test_a_setting_that_an_optimizer_does_not_have_is_one_sentence(name):
    unused = {"factor": None, "patience": None, "min_lr": None}
    settings = OptimizerConfig(name=name, lr=0.1, schedule="constant", decay=0.0, **unused, foo=1)
    with pytest.raises(UserError, match=rf"optimizer.foo: {name} with backend=pytorch has lr, .*, and no foo"):
        make_optimizer(settings, nn.Linear(2, 2), 3)
