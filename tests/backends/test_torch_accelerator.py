"""What the PyTorch backend asks of a GPU, seen without one: which device, which copies, and what a warm-up leaves."""

import numpy as np
import pytest
import torch
from experiments import features, words

from harness.backends.pytorch import accelerator
from harness.backends.pytorch import backend as backends
from harness.backends.pytorch.backend import Backend
from harness.config.compose import compose
from harness.data import Batches
from harness.data.batches import gather
from harness.records.record import Hardware


@pytest.fixture
def copies(monkeypatch):
    """What is copied to a device, in order: whether it was pinned, the device, and whether the call waits."""
    made = []

    class Pinned:
        def to(self, device, non_blocking=False):
            made.append(("pinned", device, non_blocking))
            return self

    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: Pinned())
    return made


def on(local_rank, monkeypatch, *overrides):
    monkeypatch.setenv("LOCAL_RANK", str(local_rank))
    return Backend(compose("encoder=gru", *overrides), Hardware("gpu", devices=2))


def test_batches_go_to_a_gpu_through_pinned_memory_without_waiting(copies, monkeypatch):
    backend = on(1, monkeypatch)
    backend._to_device(gather(words().train, np.arange(3)))
    assert copies == [("pinned", torch.device("cuda", 1), True)] * 3


def test_on_a_processor_nothing_is_pinned_or_copied(copies):
    x_BL = np.zeros((3, 5), np.int32)
    tensor = accelerator.on_device(x_BL, torch.device("cpu"))
    assert copies == []
    assert np.shares_memory(tensor.numpy(), x_BL)


def test_waiting_and_peaks_name_the_device_of_the_process(monkeypatch):
    asked = []
    for name in ("synchronize", "max_memory_allocated", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda device, name=name: asked.append((name, device)) or 3 * 2**20)
    backend = on(1, monkeypatch)
    backend.sync()
    assert backend.device_peak() == 3
    backend.device_reset()
    device = torch.device("cuda", 1)
    assert asked == [("synchronize", device), ("max_memory_allocated", device), ("reset_peak_memory_stats", device)]


def test_the_device_is_warmed_up_on_an_accelerator_only(monkeypatch):
    warmed = []
    monkeypatch.setattr(backends, "warm_up", warmed.append)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: warmed.append("waited"))
    Backend(compose("encoder=gru"), Hardware("cpu")).warm_up_device()
    assert warmed == []
    on(1, monkeypatch).warm_up_device()
    assert warmed == [torch.device("cuda", 1), "waited"]
    accelerator.warm_up(torch.device("cpu"))  # what it runs can be run


def count(model, inputs, outputs):
    """As the running mean of a normalization: a forward pass in training changes the model."""
    model.seen += 1


@pytest.mark.parametrize("data", [words(), features()], ids=["words", "features"])
def test_a_pass_over_the_largest_batch_leaves_the_model_as_it_was(data):
    backend = Backend(compose("encoder=gru", "input.size=8"), Hardware("cpu"))
    backend.build(data, 0)
    backend.model.register_buffer("seen", torch.zeros(()))
    backend.model.register_forward_hook(count)
    before = {name: value.clone() for name, value in backend.model.state_dict().items()}
    backend._run_once(Batches(data.train, 7, seed=0, to_device=backend._to_device).largest())
    after = backend.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(parameter.grad is None for parameter in backend.model.parameters())
