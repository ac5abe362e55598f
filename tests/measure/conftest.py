"""A clock that only moves when told to, and a device that does nothing until it is waited for."""

import pytest


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


class Device:
    """Takes work at once and does it only when waited for, as an accelerator does."""

    def __init__(self, clock):
        self.clock, self.queued = clock, 0.0

    def launch(self, seconds):
        self.queued += seconds

    def sync(self):
        self.clock.passes(self.queued)
        self.queued = 0.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def device(clock):
    return Device(clock)
