"""What a second worker saves: a sweep of 24 runs of about 14 seconds by one command, and by the same one given twice.

    python tests/benchmarks/shared_sweep.py [--pairs 5] [KEY=VALUE ...]

Each run computes with one thread on both sides, so that two workers have a core each.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from paired import Found, Goal, Row, in_turns, main, ratios
from sides import timed

from harness.records import store

WIDTHS = ",".join(str(8 * number) for number in range(1, 9))
SWEEP = (
    "-m", "hardware=cpu", "hardware.threads=1", "encoder=self_attention", f"encoder.hidden_size={WIDTHS}",
    "seed=0,1,2", "trainer.epochs=60", "measure.latency_seconds=1", "measure.inference_seconds=1",
    "tracking.system_metrics_seconds=null",
)  # fmt: skip
QUICK = ("encoder.hidden_size=8,16", "seed=0", "trainer.epochs=2")


def sweep(workers: int, overrides: Sequence[str]) -> Found:
    """Run the sweep in an empty folder by so many workers; seconds until the last has ended.

    Raises:
        RuntimeError: a worker failed, or a run did not finish, or was trained twice.
    """
    with tempfile.TemporaryDirectory(prefix="sweep-") as folder:
        words = [sys.executable, "-m", "harness", *SWEEP, *overrides]
        began = time.perf_counter()
        with ThreadPoolExecutor(workers) as threads:
            list(threads.map(lambda _: timed(words, Path(folder)), range(workers)))
        wall = time.perf_counter() - began
        records = list(store.read_all(Path(folder, "outputs", "runs")))
    wrong = [one.label for one in records if one.status != "finished" or one.resumed_epochs]
    if wrong:
        raise RuntimeError(f"not trained once and to the end: {', '.join(wrong)}")
    return {"runs": len(records), "wall_seconds": wall}


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = ()) -> list[Row]:
    """One row: the wall time of two workers over that of one."""
    given = [*(QUICK if quick else ()), *overrides]
    found = in_turns({"one": lambda: sweep(1, given), "two": lambda: sweep(2, given)}, pairs)
    values = ratios(found, "wall_seconds", "two", "one")
    return [Row("a sweep of 24 runs of about 14 seconds by two workers", "by one", values, Goal(most=0.6))]


if __name__ == "__main__":
    main(rows, __doc__)
