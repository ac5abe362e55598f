"""The pass that a profile times: forward, loss and backward, as a training step does them, and nothing else."""

from dataclasses import replace

import numpy as np
import torch

from harness.backends.pytorch.backend import Backend
from harness.backends.pytorch.losses import cross_entropy
from harness.config.compose import compose
from harness.records.record import Hardware
from harness.runner.profile_point import random_tokens

HARDWARE = Hardware("cpu")


def built(*overrides, precision="32"):
    config = compose("mode=profile", "encoder=gru", "encoder.hidden_size=5", "input.size=7", *overrides)
    backend = Backend(config, replace(HARDWARE, precision=precision))
    backend.seed(0)
    data = random_tokens(3, 11, config)
    backend.build(data, 0)
    return backend, data


def test_gradients_are_those_of_the_loss_and_do_not_add_up_over_passes():
    backend, data = built()
    _, (batch,) = backend.passes(data.train, [np.arange(3)])
    training_pass = backend.training_pass()
    for _ in range(3):
        training_pass(batch)
    trained = {name: one for name, one in backend.model.named_parameters() if one.requires_grad}
    found = {name: parameter.grad.clone() for name, parameter in trained.items()}
    backend.model.zero_grad()
    cross_entropy(backend.model(batch.x, batch.length_B), batch.y).backward()
    assert found.keys() >= {"input.weight", "encoder.layers.weight_ih_l0", "head.layers.0.weight"}
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, backend.model.get_parameter(name).grad)
        assert gradient.abs().sum() > 0


def test_no_weight_changes():
    backend, data = built()
    before = {name: value.clone() for name, value in backend.model.state_dict().items()}
    _, (batch,) = backend.passes(data.train, [np.arange(3)])
    backend.training_pass()(batch)
    for name, value in backend.model.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_model_is_in_training_mode_and_dropout_acts():
    backend, data = built("input.dropout=0.5")
    forward, (batch,) = backend.passes(data.train, [np.arange(3)])
    assert torch.equal(forward(batch), forward(batch))
    backend.training_pass()
    assert backend.model.training


def test_no_product_of_float32_is_made_in_tf32(monkeypatch):
    """What it comes to on an accelerator is in test_torch_gpu.py."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    built()
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_low_precision_is_that_of_training():
    backend, data = built(precision="bf16")
    forward, (batch,) = backend.passes(data.train, [np.arange(3)])
    assert forward(batch).dtype == torch.bfloat16
    backend.training_pass()(batch)
    assert backend.model.get_parameter("head.layers.0.weight").grad.dtype == torch.float32
