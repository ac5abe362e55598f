"""Behaviour that only an accelerator shows: work that continues after its call returned, and the allocator's peak."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends.pytorch.backend import Backend
from harness.backends.pytorch.layers import clear_padding
from harness.config.compose import compose
from harness.data.synthetic.features import synthetic_features
from harness.measure import PhaseMemory, StepTimer, pass_seconds
from harness.records.record import Hardware
from harness.runner.profile_point import random_tokens

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]

HARDWARE = Hardware("gpu")
WIDTH = 8192
TIMES = 20


class Heavy(nn.Module):
    """Twenty products of large matrices, launched in microseconds and done in milliseconds."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim
        self.register_buffer("large", torch.randn(WIDTH, WIDTH) / WIDTH**0.5, persistent=False)

    def forward(self, x_BLD, mask_BL):
        product = self.large
        for _ in range(TIMES):
            product = product @ self.large
        return clear_padding(x_BLD + product[0, 0] * 0, mask_BL)


class Holds(nn.Module):
    """Holds 512 MiB of the accelerator in training and 64 in evaluation."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim

    def forward(self, x_BLD, mask_BL):
        held = torch.ones((512 if self.training else 64) * 2**20, dtype=torch.uint8, device=x_BLD.device)
        return clear_padding(x_BLD * held[0], mask_BL)


def fitted(tmp_path, encoder):
    config = compose(
        "encoder=custom", f"encoder._target_={__name__}.{encoder}", "input.size=8", "trainer.epochs=1",
        "trainer.batch_size=10",
    )  # fmt: skip
    data = synthetic_features(sequences=100, length=4, width=8, classes=3)
    backend = Backend(config, HARDWARE)
    backend.seed(0)
    memory = PhaseMemory(backend.device_peak, backend.device_reset)
    backend.build(data, 0)
    timer = StepTimer(time.perf_counter, backend.sync, warmup_steps=2)
    memory.phase_begins()
    backend.fit(data, timer, tmp_path, lambda _: None)
    memory.phase_ends("train")
    memory.phase_begins()
    backend.predict(data.test)
    memory.phase_ends("inference")
    return timer, memory.metrics()


def test_a_steps_time_holds_the_work_that_it_launched(tmp_path):
    timer, _ = fitted(tmp_path, "Heavy")
    large = torch.randn(WIDTH, WIDTH, device="cuda")
    torch.cuda.synchronize()
    begins, ends = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begins.record()
    product = large
    for _ in range(TIMES):
        product = product @ large
    ends.record()
    torch.cuda.synchronize()
    alone = begins.elapsed_time(ends)
    assert timer.metrics()["speed/train_step_ms_p50"] > 0.8 * alone


def test_device_peaks_are_those_of_their_phase(tmp_path):
    _, found = fitted(tmp_path, "Holds")
    assert found["memory/device_train_peak_mib"] == pytest.approx(512, rel=0.1)
    assert found["memory/device_inference_peak_mib"] == pytest.approx(64, rel=0.1, abs=8)


def test_recurrent_layers_multiply_float32_in_float32():
    config = compose("encoder=lstm", "encoder.hidden_size=256")
    data = synthetic_features(sequences=100, length=50, width=64, classes=3)
    backend = Backend(config, HARDWARE)
    backend.build(data, 0)
    encoder = backend.model.encoder.cuda().eval()
    x_BLD = torch.randn(17, 50, encoder.in_dim, generator=torch.Generator().manual_seed(0))
    mask_BL = torch.ones(17, 50, dtype=torch.bool)
    with torch.no_grad():
        found = encoder(x_BLD.cuda(), mask_BL.cuda()).cpu()
        expected = encoder.cpu().double()(x_BLD.double(), mask_BL)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)


def test_a_profiles_passes_are_waited_for_and_weighed():
    config = compose("mode=profile", "encoder=self_attention", "encoder.score=additive", "encoder.hidden_size=16")
    backend = Backend(config, HARDWARE)
    data = random_tokens(1, 1024, config)
    backend.build(data, 0)
    forward, (batch,) = backend.passes(data.train, [np.arange(1)])
    backend.device_reset()
    pass_seconds(lambda: forward(batch), time.perf_counter, backend.sync, 3, 0, 1)
    weighed = backend.device_peak()
    # L x L x 16 floats, at least the sum and its tanh at once
    assert weighed > 2 * 1024 * 1024 * 16 * 4 / 2**20
    backend.training_pass()(batch)
    backend.sync()
    assert backend.device_peak() > weighed
