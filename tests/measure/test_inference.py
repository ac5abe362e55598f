"""Inference speed under a fake clock."""

import numpy as np
import pytest

from harness.measure import latency, pass_seconds, throughput


def nothing():
    pass


def test_throughput_counts_sequences_over_seconds_after_a_round_of_warm_up(clock):
    calls = []

    def forward(batch):
        calls.append(batch)
        clock.passes(60 if len(calls) <= 2 else {"short": 0.1, "long": 0.3}[batch])

    found = throughput(forward, [("short", 5), ("long", 3)], clock, nothing, seconds=0.5)
    # rounds of 0.4 s and 8 sequences until 0.5 s have passed: two, after one that warmed up
    assert calls == ["short", "long"] * 3
    assert found["speed/inference_sequences_per_second"] == pytest.approx(16 / 0.8)
    assert found["speed/inference_batch_ms_p50"] == pytest.approx(200)  # between 100 and 300
    assert found["speed/inference_batch_ms_p95"] == pytest.approx(300)


def test_throughput_waits_for_the_device_at_both_edges(clock, device):
    device.launch(1000)
    found = throughput(lambda _: device.launch(0.25), [("batch", 7)], clock, device.sync, seconds=1)
    assert found["speed/inference_sequences_per_second"] == pytest.approx(28)


def test_throughput_holds_one_batch_at_a_time_and_times_no_loading(clock):
    class Loaded:
        held = most = 0

        def __init__(self):
            Loaded.held += 1
            Loaded.most = max(Loaded.most, Loaded.held)

        def __del__(self):
            Loaded.held -= 1

    def load(rows):
        clock.passes(7)
        return Loaded()

    found = throughput(lambda _: clock.passes(0.25), [("a", 3), ("b", 5)], clock, nothing, seconds=2, load=load)
    assert found["speed/inference_sequences_per_second"] == pytest.approx(8 / 0.5)
    assert Loaded.most == 1


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, 100), (4.0, 256)])
def test_latency_makes_as_many_passes_as_asked_for_and_as_long(clock, seconds, expected):
    passes = []
    latency(lambda: (passes.append(1), clock.passes(1 / 64)), clock, nothing, 100, seconds)
    assert len(passes) == 10 + expected  # 10 warm up


def test_latency_percentiles_are_numpys_and_leave_the_warm_up_out(clock, device):
    seconds = np.random.default_rng(0).gamma(2, 0.01, 101)
    left = iter([99.0] * 10 + list(seconds))
    found = latency(lambda: device.launch(next(left)), clock, device.sync, 101, 0)
    expected = np.percentile(seconds * 1000, [50, 95, 99])
    assert list(found.values()) == pytest.approx(list(expected))
    assert list(found) == ["latency/p50_ms", "latency/p95_ms", "latency/p99_ms"]


def test_passes_that_each_take_longer_than_the_whole_are_still_made_as_often_as_asked(clock):
    assert pass_seconds(lambda: clock.passes(8), clock, nothing, passes=3, seconds=0.5, warmup=2) == [8, 8, 8]
