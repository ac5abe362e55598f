"""A table whose gradient reuses one buffer: torch's own values, even while an earlier gradient is still in use.

Dimension letters: V rows, D width.
"""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends.pytorch.embedding_table import EmbeddingTable

V, D = 30, 7


@pytest.fixture
def tables():
    """Ours and torch's own, with the same values; row 4 is padding."""
    torch.manual_seed(0)
    ours, theirs = EmbeddingTable(V, D, padding_idx=4), nn.Embedding(V, D, padding_idx=4)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def ids(seed):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, V, (3, 11)))


def loss(table, seed):
    weight = torch.from_numpy(np.random.default_rng(100 + seed).normal(size=(3, 11, D)).astype(np.float32))
    return (table(ids(seed)) * weight).sum()


def test_values_and_gradients_are_torchs_own_in_the_same_memory_at_every_step(tables):
    ours, theirs = tables
    places = set()
    for step in range(4):
        for table in tables:
            table.zero_grad()
            loss(table, step).backward()
        assert torch.equal(ours(ids(step)), theirs(ids(step)))
        assert torch.equal(ours.weight.grad, theirs.weight.grad)
        assert not ours.weight.grad[4].any()
        assert np.shares_memory(ours.weight.grad.numpy(), ours.gradients.memory)
        places.add(ours.weight.grad.data_ptr())
    assert len(places) == 1


def test_gradients_of_several_batches_add_up(tables):
    ours, theirs = tables
    for step in range(3):
        for table in tables:
            loss(table, step).backward()
    assert torch.equal(ours.weight.grad, theirs.weight.grad)


def test_a_table_may_be_read_twice_in_one_pass(tables):
    ours, theirs = tables
    for step in range(2):
        for table in tables:
            table.zero_grad()
            (loss(table, step) * loss(table, 7 + step) + loss(table, 3)).backward()
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_a_gradient_that_somebody_keeps_stays_as_it_was(tables):
    ours, _ = tables
    loss(ours, 0).backward()
    kept = ours.weight.grad
    before = kept.clone()
    ours.zero_grad()
    loss(ours, 1).backward()
    assert torch.equal(kept, before)
    assert not torch.equal(ours.weight.grad, before)


def test_who_is_evaluated_holds_no_gradient_and_a_copy_its_own(tables):
    ours, _ = tables
    loss(ours, 0).backward()
    copied = copy.deepcopy(ours)
    ours.zero_grad()
    copied.zero_grad()
    loss(ours, 1).backward()
    loss(copied, 1).backward()
    assert ours.weight.grad.data_ptr() != copied.weight.grad.data_ptr()
    assert torch.equal(ours.weight.grad, copied.weight.grad)
    place = ours.gradients
    ours.eval()
    assert ours.gradients is not place


def test_sparse_gradients_stay_sparse(tables):
    ours, _ = tables
    ours.sparse = True
    loss(ours, 0).backward()
    assert ours.weight.grad.is_sparse
