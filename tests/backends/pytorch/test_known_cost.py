"""The encoder of known cost that the self-check runs, on a pretended device: its work, its memory, and no waiting."""

import pytest
import torch

from harness.backends.pytorch import known_cost
from harness.backends.pytorch.known_cost import CALIBRATION, DeviceWork, KnownCost

CPU = torch.device("cpu")


@pytest.fixture
def device(monkeypatch):
    """A device that needs a quarter of a millisecond for a pass over its buffer, which is small here."""
    monkeypatch.setattr(known_cost, "WORK_MIB", 1)

    def pretended(work, device):
        work()
        return 0.25 * CALIBRATION

    monkeypatch.setattr(known_cost, "device_ms", pretended)
    return DeviceWork(CPU)


def test_work_is_given_in_passes_of_the_measured_time_and_a_part_of_one(device):
    assert device.pass_ms == 0.25
    assert device.buffer.unique().tolist() == [2 * CALIBRATION]  # to warm up, and measured
    device.begin(1.85)  # seven passes, and two fifths of another
    more = device.buffer - 2 * CALIBRATION
    assert more.unique(return_counts=True)[0].tolist() == [7, 8]
    assert (more == 8).double().mean() == pytest.approx(0.4, abs=1e-4)
    assert more[0] == 8


def test_training_and_inference_work_on_the_same_buffer(device):
    with torch.inference_mode():
        made_here = DeviceWork(CPU)
        made_here.begin(0.25)
    made_here.begin(0.25)
    assert made_here.buffer.unique().tolist() == [2 * CALIBRATION + 2]


@pytest.mark.parametrize(("train_ms", "inference_ms"), [(1.5, 0.5), (0.5, 1.5)])
def test_on_a_device_each_phase_has_its_own_work_and_nothing_waits(monkeypatch, train_ms, inference_ms):
    given = []
    monkeypatch.setattr(DeviceWork, "begin", lambda work, milliseconds: given.append(milliseconds))
    monkeypatch.setattr(known_cost.time, "perf_counter", lambda: 0.0)  # a busy loop would never end
    encoder = KnownCost(5, train_ms, inference_ms)
    x_BLD, mask_BL = torch.ones(2, 3, 5), torch.ones(2, 3, dtype=torch.bool)

    class OnDevice:
        device = torch.device("meta")

        def __init__(self, x_BLD):
            self.x_BLD = x_BLD

    monkeypatch.setattr(known_cost, "clear_padding", lambda x, mask: x)
    monkeypatch.setattr(known_cost, "DeviceWork", lambda device: DeviceWork.__new__(DeviceWork))
    for training in (True, False, True):
        encoder.train(training)(OnDevice(x_BLD), mask_BL)
    assert given == [train_ms, inference_ms, train_ms]


def test_the_time_of_work_is_read_from_the_devices_own_clock(monkeypatch):
    told = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            told.append("mark")

        def synchronize(self):
            told.append("wait")

        def elapsed_time(self, other):
            return 12.5

    monkeypatch.setattr(torch.cuda, "Event", Event)
    assert known_cost.device_ms(lambda: told.append("work"), torch.device("cuda", 0)) == 12.5
    assert told == ["mark", "work", "mark", "wait"]
