"""What the TensorFlow backend does before training on a GPU, seen without one."""

import numpy as np
import pytest
from experiments import ready, words

from harness.backends.tensorflow import runtime
from harness.backends.tensorflow.optimizers import make_optimizer
from harness.backends.tensorflow.training import Training
from harness.data import Batches


@pytest.fixture
def backend(in_keras):
    return ready(words(), "encoder=gru", "input.size=8", "trainer.batch_size=7")


def batches_of(backend):
    return Batches(words().train, 7, seed=0, to_device=backend._to_device)


def test_a_gpu_gets_the_largest_batch_before_training_and_a_processor_none(backend):
    batches = batches_of(backend)
    assert backend._first_batches(batches) == []
    backend.on_gpu = True
    (first,) = backend._first_batches(batches)
    assert np.prod(first.x.shape) == max(np.prod(batch.x.shape) for batch in batches)


def test_the_pass_over_it_changes_nothing(backend):
    optimizer = make_optimizer(backend.config.optimizer, backend.model.trainable_variables, 10)
    training = Training(backend.model, backend.loss, optimizer, backend.specs)
    before = [variable.numpy() for variable in training.state]
    training.prepare([batches_of(backend).largest()])
    assert all(np.array_equal(variable.numpy(), kept) for variable, kept in zip(training.state, before, strict=True))


def test_the_device_is_warmed_up_on_a_gpu_only(backend, monkeypatch):
    runtime.warm_up("CPU:0")  # what it runs can be run
    warmed = []
    monkeypatch.setattr(runtime, "warm_up", warmed.append)
    backend.warm_up_device()
    assert warmed == []
    backend.on_gpu, backend.device, backend.sync = True, "GPU:0", lambda: warmed.append("waited")
    backend.warm_up_device()
    assert warmed == ["GPU:0", "waited"]
