"""How fast this machine is by itself: what no benchmark of it can exceed.

    python tests/benchmarks/rates.py
"""

import time
from collections.abc import Callable
from typing import Any

SIDE, COPIED, SECONDS = 2048, 2**26, 2.0


def products(job: dict[str, Any], tell: Any) -> None:
    """Operations per second of matrix products of 2048 x 2048, a multiply-add counted as 2: ``gflops``."""
    import torch

    torch.set_num_threads(job["threads"])
    a, b = torch.randn(2, SIDE, SIDE, dtype=getattr(torch, job.get("dtype", "float32")))
    tell({"gflops": _per_second(lambda: a @ b, job["seconds"]) * 2 * SIDE**3 / 1e9})


def copies(job: dict[str, Any], tell: Any) -> None:
    """Bytes per second that a copy of 256 MiB reads and writes, beyond any cache: ``gigabytes``."""
    import torch

    torch.set_num_threads(job["threads"])
    source, target = torch.zeros(2, COPIED)
    tell({"gigabytes": _per_second(lambda: target.copy_(source), job["seconds"]) * 2 * 4 * COPIED / 1e9})


def _per_second(work: Callable[[], object], seconds: float) -> float:
    work()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - start)


def in_words(threads: int, seconds: float = SECONDS) -> dict[str, str]:
    """The rates in words, by name."""
    from sides import in_fresh_process

    found, job = {}, {"threads": threads, "seconds": seconds}
    for dtype in ("float32", "bfloat16"):
        rate = in_fresh_process("rates:products", {**job, "dtype": dtype})["gflops"]
        found[f"matrix products, {dtype}"] = f"{rate:.3g} GFLOP/s in {dtype}"
    rate = in_fresh_process("rates:copies", job)["gigabytes"]
    return {**found, "memory, read and written": f"{rate:.1f} GB/s"}


if __name__ == "__main__":
    from harness.measure.processors import cores

    for name, rate in in_words(cores()).items():
        print(f"{name}: {rate}")
