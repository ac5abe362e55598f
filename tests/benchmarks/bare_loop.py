"""Throughput from the record against an outside stopwatch around a bare loop: the same model, batches and optimizer.

    python tests/benchmarks/bare_loop.py [--pairs 7] [KEY=VALUE ...]

Run on a quiet machine. Runs of the harness and of the bare loop take turns, each in a process of its own; printed is
the ratio of their training tokens per second in each pair, and the median of them. The goal is 1 within 3 %.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from harness import data, isolate  # noqa: E402 (the path comes first)
from harness.cli import compose  # noqa: E402
from harness.run import prepare_data, run  # noqa: E402

SETTINGS = (
    *("encoder=lstm", "data=synthetic_features", "data.sequences=3000", "data.length=100", "data.width=16"),
    *("data.min_length=50", "trainer.epochs=5", "tracking=none", "rerun=true"),
)
GOAL = 0.03


def bare(job: dict[str, Any], tell: Any) -> None:
    """Train without the harness's trainer and timer; one stopwatch around the steps after the warm-up."""
    import torch

    from harness.backends.pytorch.model import build, cross_entropy
    from harness.data.batches import Batches

    config, dataset = job["config"], data.open_prepared(Path(job["prepared"]))
    settings, warmup = config["trainer"], config["measure"]["warmup_steps"]
    torch.set_num_threads(job["threads"])
    torch.manual_seed(config["seed"])
    model = build(config, dataset, config["seed"]).train()
    own = {key: config["optimizer"][key] for key in ("lr", "betas", "eps")}
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], fused=True, **own)
    batches = Batches(dataset.train, settings["batch_size"], seed=config["seed"], bucket=settings["bucket"])
    ready = []
    for epoch in range(settings["epochs"]):
        batches.set_epoch(epoch)
        for batch in batches:
            ready.append((*map(torch.from_numpy, (batch.x, batch.length_B, batch.y)), batch.tokens))
    start, tokens = 0.0, 0
    for step, (x, length_B, y, real) in enumerate(ready):
        if step == warmup:
            start = time.perf_counter()
        optimizer.zero_grad()
        cross_entropy(model(x, length_B), y).backward()
        optimizer.step()
        tokens += real if step >= warmup else 0
    tell({"tokens_per_second": tokens / (time.perf_counter() - start)})


def measured_by_harness(config: dict[str, Any]) -> tuple[float, int]:
    """Tokens per second and threads from the record of a run."""
    record = run(config, "bare_loop", time.time())
    if record["status"] != "finished":
        sys.exit(f"the run failed: {record['reason']}")
    return record["metrics"]["speed/train_tokens_per_second"], record["environment"]["hardware"]["threads"]


def measured_by_stopwatch(config: dict[str, Any], threads: int) -> float:
    """Tokens per second of the bare loop, in a fresh process as well."""
    found: dict[str, float] = {}
    job = {"config": config, "prepared": str(prepare_data(config)), "threads": threads}
    end = isolate.server(["harness.run", "harness.backends.pytorch"]).run("bare_loop:bare", job, found.update)
    if end.reason:
        sys.exit(f"the bare loop failed: {end.reason}")
    return found["tokens_per_second"]


def main() -> None:
    """Measure pairs, the one first in every other of them, and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("overrides", nargs="*", help="what to set besides, as for python -m harness")
    arguments = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory(prefix="bare-loop-") as folder:
        config = compose(*SETTINGS, *arguments.overrides, f"output_dir={folder}")
        _, threads = measured_by_harness(config)
        for pair in range(arguments.pairs):
            if pair % 2:
                bare_speed = measured_by_stopwatch(config, threads)
                speed, _ = measured_by_harness(config)
            else:
                speed, _ = measured_by_harness(config)
                bare_speed = measured_by_stopwatch(config, threads)
            ratios.append(speed / bare_speed)
            said = f"record {speed:,.0f}, stopwatch {bare_speed:,.0f}, ratio {ratios[-1]:.4f}"
            print(f"pair {pair + 1}: {said}", flush=True)
    middle = statistics.median(ratios)
    within = abs(middle - 1) <= GOAL
    print(json.dumps({"median_ratio": round(middle, 4), "goal": GOAL, "within": within, "pairs": len(ratios)}))


if __name__ == "__main__":
    main()
