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
) -> dict[str, float]:
    """Sequences per second of ``forward`` over batches that are on the device already.

    ``batches`` pairs each batch with its number of sequences. One round warms up; whole rounds are timed until they
    took ``seconds``, so that every batch counts alike.
    """
    for batch, _ in batches:
        forward(batch)
    sequences, spent = 0, 0.0
    while spent < seconds:
        for batch, size in batches:
            sync()
            start = clock()
            forward(batch)
            sync()
            spent += clock() - start
            sequences += size
    return {"speed/inference_sequences_per_second": sequences / spent}


def latency(
    forward: Callable[[], object],
    clock: Callable[[], float],
    sync: Callable[[], None],
    passes: int,
    seconds: float,
    warmup: int = 10,
) -> dict[str, float]:
    """Percentiles in milliseconds of single passes: at least so many, and for at least so long, after a warm-up."""
    for _ in range(warmup):
        forward()
    times: list[float] = []
    spent = 0.0
    while len(times) < passes or spent < seconds:
        sync()
        start = clock()
        forward()
        sync()
        times.append(clock() - start)
        spent += times[-1]
    p50, p95, p99 = np.percentile(np.array(times) * 1000, [50, 95, 99])
    return {"latency/p50_ms": float(p50), "latency/p95_ms": float(p95), "latency/p99_ms": float(p99)}
