"""Inference speed: whole batches for throughput, one sequence at a time for latency."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def throughput(
    forward: Callable[[Any], object],
    batches: Sequence[tuple[Any, int]],
    clock: Callable[[], float],
    sync: Callable[[], None],
    seconds: float,
    load: Callable[[Any], Any] = lambda batch: batch,
) -> dict[str, float]:
    """Sequences per second of ``forward`` over batches that are already on the device, and batch times in ms.

    ``batches`` pairs each batch with its number of sequences. ``load`` brings a batch to the device, outside the timed
    part; one batch is there at a time, so that the peak of memory holds one. The first round is a warm-up; then whole
    rounds are timed for at least ``seconds``, so that every batch has the same weight.
    """
    for batch, _ in batches:
        forward(load(batch))
    sequences = 0
    times: list[float] = []
    while sum(times) < seconds:
        for batch, size in batches:
            loaded = load(batch)
            sync()
            start = clock()
            forward(loaded)
            sync()
            times.append(clock() - start)
            sequences += size
            del loaded  # before the next one is loaded
    p50, p95 = np.percentile(np.array(times) * 1000, [50, 95])
    return {
        "speed/inference_sequences_per_second": sequences / sum(times),
        "speed/inference_batch_ms_p50": float(p50),
        "speed/inference_batch_ms_p95": float(p95),
    }


def latency(
    forward: Callable[[], object],
    clock: Callable[[], float],
    sync: Callable[[], None],
    passes: int,
    seconds: float,
    warmup: int = 10,
) -> dict[str, float]:
    """Percentiles of single passes, ms: at least ``passes``, for at least ``seconds``, after ``warmup`` passes."""
    times = pass_seconds(forward, clock, sync, passes, seconds, warmup)
    p50, p95, p99 = np.percentile(np.array(times) * 1000, [50, 95, 99])
    return {"latency/p50_ms": float(p50), "latency/p95_ms": float(p95), "latency/p99_ms": float(p99)}


def pass_seconds(
    one_pass: Callable[[], object],
    clock: Callable[[], float],
    sync: Callable[[], None],
    passes: int,
    seconds: float,
    warmup: int,
) -> list[float]:
    """Seconds of each pass: at least ``passes`` passes, for at least ``seconds`` in total, after ``warmup`` passes.

    The device is idle when a pass begins, and has finished it when it ends.
    """
    for _ in range(warmup):
        one_pass()
    times: list[float] = []
    spent = 0.0
    while len(times) < passes or spent < seconds:
        sync()
        start = clock()
        one_pass()
        sync()
        times.append(clock() - start)
        spent += times[-1]
    return times
