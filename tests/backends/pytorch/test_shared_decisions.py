"""What the processes of one training decide together: the first one decides, whatever scores the others have."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from harness.backends.pytorch.checkpoints import EpochEnds
from harness.backends.pytorch.training import Training
from harness.config.compose import compose
from harness.tasks.task import Classification


def trainer(**of_the_first):
    """A trainer in the second of two processes; the first one has decided otherwise."""
    (decided,) = of_the_first.values()
    strategy = SimpleNamespace(broadcast=lambda own: decided)
    return SimpleNamespace(strategy=strategy, current_epoch=3, global_rank=1, should_stop=False)


def test_a_plateau_lowers_the_rate_of_all_processes_at_the_same_epoch(monkeypatch):
    model, timer = nn.Linear(3, 2), SimpleNamespace(epoch_begins=lambda: None)
    module = Training(
        model, Classification(["a", "b"]), None, compose().optimizer, None, 0, 10, timer, rate_of=lambda history: 0.5
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    monkeypatch.setattr(module, "optimizers", lambda: optimizer)
    module.trainer = trainer(rate=0.25)
    module.on_train_epoch_start()
    assert optimizer.param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize("first", [True, False])
def test_the_patience_of_the_first_process_ends_the_training(tmp_path, first):
    ends, losses = EpochEnds(tmp_path, "val/loss", 1, print), [0.5, 0.4] if first else [0.5, 0.6]
    made, history = trainer(is_out=first), [{"val/loss": loss} for loss in losses]
    ends.on_train_start(made, SimpleNamespace(history=history))
    assert made.should_stop is first
