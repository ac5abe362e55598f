"""Throughput from the record against an outside stopwatch around a bare loop: the same model, batches and optimizer.

    python tests/benchmarks/bare_loop.py [--pairs 7] [KEY=VALUE ...]

Runs of the harness and of the bare loop take turns, each in a process of its own; the ratio is that of their training
tokens per second, to be 1 within 3 %.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paired import Goal, Row, in_turns, main, ratios
from sides import in_fresh_process, record_of

from harness import data
from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.runner.run import prepare_data

SETTINGS = (
    *("hardware=cpu", "encoder=lstm", "data=synthetic_features", "data.sequences=3000", "data.length=100"),
    *("data.width=16", "data.min_length=50", "trainer.epochs=5", "tracking=none", "rerun=true"),
)
QUICK = ("data.sequences=700", "trainer.epochs=2")
KEY = "tokens_per_second"


def bare(job: dict[str, Any], tell: Any) -> None:
    """Train without the harness's trainer and timer; one stopwatch around the steps after the warm-up."""
    import torch

    from harness.backends.pytorch.losses import cross_entropy
    from harness.backends.pytorch.model import build
    from harness.data.batches import Batches

    config, dataset = job["config"], data.open_prepared(Path(job["prepared"]))
    settings, warmup = config.trainer, config.measure.warmup_steps
    torch.set_num_threads(job["threads"])
    torch.manual_seed(config.seed)
    model = build(config, dataset, config.seed).train()
    own = {key: getattr(config.optimizer, key) for key in ("lr", "betas", "eps")}
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], fused=True, **own)
    batches = Batches(dataset.train, settings.batch_size, seed=config.seed, bucket=settings.bucket)
    ready = []
    for epoch in range(settings.epochs):
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
    tell({KEY: tokens / (time.perf_counter() - start)})


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = ()) -> list[Row]:
    """One row: the record's throughput over the stopwatch's."""
    with tempfile.TemporaryDirectory(prefix="bare-loop-") as folder:
        config = compose(*SETTINGS, *(QUICK if quick else ()), *overrides, f"output_dir={folder}")
        threads = resolve_hardware(config).threads
        job = {"config": config, "prepared": str(prepare_data(config)), "threads": threads}
        sides = {
            "record": lambda: {KEY: record_of(config).metrics["speed/train_tokens_per_second"]},
            "stopwatch": lambda: in_fresh_process("bare_loop:bare", job),
        }
        found = in_turns(sides, pairs)
    values = ratios(found, KEY, over="record", under="stopwatch")
    return [Row("tokens per second in the record", "a stopwatch around a bare loop", values, Goal(0.97, 1.03))]


if __name__ == "__main__":
    main(rows, __doc__)
