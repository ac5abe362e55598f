"""How far above the floor each encoder trains: its matrix products at this machine's own rate, which no step can beat.

    python tests/benchmarks/floor.py [--pairs 5] [KEY=VALUE ...]

The rate is that of float32 products of 2048 x 2048 matrices, measured beside each run. A step's operations are three
times those of a forward pass (the gradients of input and weights cost as much again, each) over batches as they come,
padding included. What is no matrix product (element-wise work, the dense optimizer over all embedding rows, the waits
of a recurrence) is what lies above the floor.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paired import Found, Goal, Row, in_turns, main
from rates import SECONDS
from sides import TRAINING_ALONE, in_fresh_process, record_of

from harness import data
from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.config.schema import Config
from harness.runner.run import prepare_data

ALWAYS = ("hardware=cpu", "tracking=none", "rerun=true", *TRAINING_ALONE)
RECIPE = ("experiment=keras_self_attention_imdb", "trainer.epochs=1", "trainer.report_test_each_epoch=false")
LONGER = ("data=imdb", "data.max_length=256", "data.limit=1600", "trainer.epochs=2")
ENCODERS = (
    *("self_attention", "additive_attention", "transformer", "linear_attention", "cnn"),
    *("rnn", "lstm", "gru", "min_gru", "bidirectional", "bilstm_self_attention"),
)
CASES = (
    ("recipe keras_self_attention_imdb", RECIPE),
    *((f"{encoder}, 256 tokens", (f"encoder={encoder}", *LONGER)) for encoder in ENCODERS),
)
CASE_NAMES = tuple(what for what, _ in CASES)
QUICK = ("data.limit=96", "measure.warmup_steps=1")
NEAR = ("recipe", "lstm", "transformer", "bidirectional")
"""Rows that begin so are products for the most part and have to be within twice the floor; the others three times."""


def operations(job: dict[str, Any], tell: Any) -> None:
    """Matrix-product operations of a training epoch, per sequence: each batch at the length it is padded to."""
    from harness.backends.pytorch.model import build

    config, dataset = job["config"], data.open_prepared(Path(job["prepared"]))
    model, settings = build(config, dataset, config.seed), config.trainer
    batches = data.Batches(dataset.train, settings.batch_size, seed=config.seed, bucket=settings.bucket)
    total = sum(3 * batch.sequences * model.flops(batch.x.shape[1]) for batch in batches)
    tell({"gflop": total / len(dataset.train) / 1e9})


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = (), only: str = "") -> list[Row]:
    """The rate itself, then a row a case: seconds of a training step over those its products would take alone.

    ``only`` takes the cases whose name begins so.
    """
    rates, found = [], []
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        for what, settings in (case for case in CASES if case[0].startswith(only)):
            print(f" {what}", flush=True)
            config = compose(*settings, *ALWAYS, *(QUICK if quick else ()), *overrides, f"output_dir={folder}")
            job = {"config": config, "prepared": str(prepare_data(config))}
            gflop = in_fresh_process("floor:operations", job)["gflop"]
            done = in_turns(_sides(config, 0.05 if quick else SECONDS), pairs)
            rates += [pair["products"]["gflops"] for pair in done]
            values = [pair["products"]["gflops"] / gflop / pair["run"]["sequences_per_second"] for pair in done]
            goal = Goal(most=2 if what.startswith(NEAR) else 3)
            found.append(Row(f"training step, {what}", "its matrix products alone", values, goal))
    if only:  # a partial run leaves the rate of the whole one
        return found
    return [Row("float32 matrix products", "", rates, Goal(), "GFLOP/s"), *found]


def _sides(config: Config, seconds: float) -> dict[str, Any]:
    job = {"threads": resolve_hardware(config).threads, "seconds": seconds}

    def run() -> Found:
        return {"sequences_per_second": record_of(config).metrics["speed/train_sequences_per_second"]}

    return {"run": run, "products": lambda: in_fresh_process("rates:products", job)}


if __name__ == "__main__":
    main(rows, __doc__)
