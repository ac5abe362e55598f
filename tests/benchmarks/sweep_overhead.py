"""What a sweep costs over its runs: 12 variants x 3 seeds of about 5 seconds each, on one worker.

    python tests/benchmarks/sweep_overhead.py [--pairs 5] [KEY=VALUE ...]

The wall time of the command over the sum of what its runs took from their first training step to their record; a sweep
is both sides of its pair.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from paired import Found, Goal, Row, in_turns, main
from sides import timed

from harness.records import store

WIDTHS = ",".join(str(8 * number) for number in range(1, 13))
SWEEP = (
    "-m", "hardware=cpu", "encoder=self_attention", f"encoder.hidden_size={WIDTHS}", "seed=0,1,2", "trainer.epochs=40",
    "measure.latency_seconds=1", "measure.inference_seconds=1", "tracking.system_metrics_seconds=null",
)  # fmt: skip
QUICK = ("encoder.hidden_size=8,16", "seed=0", "trainer.epochs=2")


def sweep(overrides: Sequence[str]) -> Found:
    """Run the sweep in an empty folder; seconds of the command and of its runs."""
    with tempfile.TemporaryDirectory(prefix="sweep-") as folder:
        wall, _ = timed([sys.executable, "-m", "harness", *SWEEP, *overrides], Path(folder))
        metrics = [record.metrics for record in store.read_all(Path(folder, "outputs", "runs"))]
    own = sum(one["speed/total_seconds"] - one["speed/startup_seconds"] for one in metrics)
    return {"runs": len(metrics), "wall_seconds": wall, "own_seconds": own}


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = ()) -> list[Row]:
    """One row: the sweep's wall time over its runs' own."""
    found = in_turns({"sweep": lambda: sweep([*(QUICK if quick else ()), *overrides])}, pairs)
    values = [pair["sweep"]["wall_seconds"] / pair["sweep"]["own_seconds"] for pair in found]
    return [Row("a sweep of 12 variants x 3 seeds", "its runs' training and measuring", values, Goal(most=1.12))]


if __name__ == "__main__":
    main(rows, __doc__)
