"""A profile on a device, whose allocator is known: memory is the device's, less what was allocated before the pass."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness import backends
from harness.config.compose import compose
from harness.records.record import Hardware, Point
from harness.runner import fork_server
from harness.runner.messages import PointJob
from harness.runner.profile import conclusion, exponents
from harness.runner.profile_point import measure_point

MODEL_MIB = 300.0


class Backend:
    """Holds its model on the device; a pass allocates so many MiB for the square of the batch's length."""

    def __init__(self, config, hardware):
        self.allocated = self.peak = 0.0

    def seed(self, seed):
        pass

    def build(self, data, seed):
        self.allocated = self.peak = MODEL_MIB
        return {}

    def flops(self, length):
        return None

    def passes(self, split, rows):
        return self._holding(2**-16), [split.padded(some) for some in rows]

    def training_pass(self):
        return self._holding(2**-14)

    def _holding(self, unit):
        def one_pass(x_BL):
            self.peak = max(self.peak, self.allocated + unit * x_BL.shape[1] ** 2)

        return one_pass

    def sync(self):
        pass

    def device_peak(self):
        return self.peak

    def device_reset(self):
        self.peak = self.allocated


def test_a_quadratic_device_memory_has_exponent_2(monkeypatch, tmp_path):
    monkeypatch.setattr(backends, "load", lambda name: Backend)
    monkeypatch.setattr(fork_server, "prefer_for_out_of_memory_kill", lambda: None)
    config = compose("mode=profile", "profile.passes=1", "profile.seconds=0.000001")
    points = []
    for length in (256, 512, 1024):
        point = Point(length, 8)
        job = PointJob(config, Hardware("gpu"), tmp_path, length, 8)
        measure_point(job, lambda message, point=point: point.numbers.update(message.numbers))
        points.append(point)
    assert [point.numbers["forward_device_peak_mib"] for point in points] == [1, 4, 16]
    assert [point.numbers["training_device_peak_mib"] for point in points] == [4, 16, 64]
    found = exponents(points)
    assert found["profile/forward_memory_exponent"] == pytest.approx(2)
    assert found["profile/training_memory_exponent"] == pytest.approx(2)
    record = SimpleNamespace(profile=points, metrics={}, environment=SimpleNamespace())
    assert conclusion(record).status == "finished"
    assert np.isclose(record.metrics["profile/training_memory_exponent"], 2)
