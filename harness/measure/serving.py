"""What it takes to serve a model: the time from rows to answers at several batch sizes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.measure.inference import pass_seconds

BATCH_SIZES = tuple(2**power for power in range(9))
"""1, 2, 4, ..., 256."""
LEAST_PASSES, WARM_UP = 3, 10


def serving_curve(
    answer: Callable[[Sequence[Any]], object],
    rows: Sequence[Any],
    clock: Callable[[], float],
    passes: int,
    seconds: float,
    sizes: Sequence[int] = BATCH_SIZES,
) -> list[dict[str, float]]:
    """For each batch size: the median and 95th percentile of the time of a batch, ms, and sequences per second.

    ``answer`` takes rows and returns when their answers are there. The batches take the rows in turn, in their order,
    and begin again at the first one, so that all are full. At batch size 1 there are ``passes`` passes at least, at
    larger ones as many as make so many rows, but three at least; they last ``seconds`` at least. Before, passes of ten
    rows or more warm up.
    """
    return [_point(answer, rows, clock, passes, seconds, size) for size in sizes]


def _point(
    answer: Callable[[Sequence[Any]], object], rows: Sequence[Any], clock: Callable[[], float], passes: int,
    seconds: float, size: int,
) -> dict[str, float]:  # fmt: skip
    start = 0

    def one_pass() -> None:
        nonlocal start
        batch = [rows[(start + number) % len(rows)] for number in range(size)]
        start += size
        answer(batch)

    least, warm_up = max(LEAST_PASSES, -(-passes // size)), -(-WARM_UP // size)
    times = np.array(pass_seconds(one_pass, clock, lambda: None, least, seconds, warm_up))
    p50, p95 = np.percentile(times * 1000, [50, 95])
    return {
        "batch_size": size,
        "latency_p50_ms": float(p50),
        "latency_p95_ms": float(p95),
        "sequences_per_second": float(size * len(times) / times.sum()),
    }


def serving_numbers(curve: Sequence[dict[str, float]]) -> dict[str, float]:
    """The latency at batch size 1, and the best throughput with its batch size; of two equal ones the smaller."""
    one = next(point for point in curve if point["batch_size"] == 1)
    best = max(curve, key=lambda point: (point["sequences_per_second"], -point["batch_size"]))
    return {
        "latency_p50_ms": one["latency_p50_ms"],
        "latency_p95_ms": one["latency_p95_ms"],
        "sequences_per_second": best["sequences_per_second"],
        "best_batch_size": best["batch_size"],
    }
