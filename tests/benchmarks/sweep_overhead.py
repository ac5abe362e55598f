"""What a sweep costs over its runs: 12 cells x 3 seeds of about 5 seconds each, on one worker.

The wall time of the command over the sum of what its runs took from their first training step to their record; the goal
is at most 1.15. Keep the machine quiet.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WIDTHS = ",".join(str(8 * number) for number in range(1, 13))
SWEEP = (
    "-m", "encoder=self_attention", f"encoder.hidden_size={WIDTHS}", "seed=0,1,2", "trainer.epochs=20",
    "measure.latency_seconds=1", "measure.inference_seconds=1", "tracking.system_metrics_seconds=null",
)  # fmt: skip


def main() -> None:
    """Run the sweep in an empty folder and print the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "harness", *SWEEP], cwd=folder, check=True, capture_output=True)
        wall = time.perf_counter() - start
        records = [json.loads(path.read_text()) for path in Path(folder).glob("outputs/runs/*/*/record.json")]
    metrics = [record["metrics"] for record in records]
    own = sum(one["speed/total_seconds"] - one["speed/startup_seconds"] for one in metrics)
    print(f"{len(records)} runs: {wall:.1f} s for {own:.1f} s of training and measuring: ratio {wall / own:.3f}")


if __name__ == "__main__":
    main()
