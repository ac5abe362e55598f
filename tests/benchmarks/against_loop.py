"""What the harness costs over a script by hand (``loop.py``): the recipe keras_self_attention_imdb, one epoch.

    python tests/benchmarks/against_loop.py [--pairs 5] [KEY=VALUE ...]

Each side is a command of its own, imports included, on data prepared beforehand; the same batches, evaluated on
validation and test once each, and inference timed for a second. The harness also measures latency, writes its record
and tracks the run, and its whole command says so. Inference is compared in one process besides, in turns of seconds.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import loop
from paired import REPOSITORY, Found, Goal, Pair, Row, in_turns, main, ratios
from sides import command, timed

from harness import backends, data
from harness.config.validation import validate
from harness.records.record import Record
from harness.runner.train import measure_inference

EPOCHS = 1
SETTINGS = (
    *("experiment=keras_self_attention_imdb", "hardware=cpu", f"trainer.epochs={EPOCHS}"),
    "trainer.report_test_each_epoch=false",
)
QUICK = ("data.limit=320", "measure.latency_seconds=0.1")
LOOP = REPOSITORY / "tests" / "benchmarks" / "loop.py"
AGAINST = "a PyTorch script by hand"
INFERENCE, SECONDS = "speed/inference_sequences_per_second", 1.0
NUMBERS = {
    "epoch_seconds": "speed/epoch_seconds",
    "train_peak_mib": "memory/host_train_peak_mib",
    "test_accuracy": "test/accuracy",
}
"""What both sides tell, and what it is called in a record."""


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = ()) -> list[Row]:
    """Epoch, whole command, peak memory and inference; above 1 the harness costs more."""
    settings = (*SETTINGS, *(QUICK if quick else ()), *overrides)
    with tempfile.TemporaryDirectory(prefix="against-loop-") as name:
        folder = Path(name)
        _, first = command(folder, *settings)  # prepares the data and makes the store
        threads = str(first.environment.hardware.threads)
        (meta,) = folder.glob("cache/*/meta.json")
        by_hand = [sys.executable, str(LOOP), str(meta.parent), "--threads", threads, "--epochs", str(EPOCHS)]

        def harness() -> Found:
            seconds, record = command(folder, *settings)
            return {"command_seconds": seconds, **{key: record.metrics[name] for key, name in NUMBERS.items()}}

        def script() -> Found:
            seconds, printed = timed(by_hand, folder)
            return {"command_seconds": seconds, **json.loads(printed)}

        found = in_turns({"harness": harness, "loop": script}, pairs)
        compared = inference(first, meta.parent, pairs, 0.1 if quick else SECONDS)
    more = {"over": "harness", "under": "loop"}
    slower = ratios(compared, INFERENCE, over="loop", under="harness")
    return [
        Row("epoch seconds of a run", AGAINST, ratios(found, "epoch_seconds", **more), Goal(most=1.0)),
        Row("whole command, 1 epoch", AGAINST, ratios(found, "command_seconds", **more), Goal(most=1.10)),
        Row("peak memory of training", AGAINST, ratios(found, "train_peak_mib", **more), Goal(most=1.1)),
        Row("seconds a sequence in inference, in one process", AGAINST, slower, Goal(most=1.03)),
    ]


def inference(record: Record, prepared: Path, pairs: int, seconds: float) -> list[Pair]:
    """Both in turns in this process: what a run measures of its model, and the script of its own."""
    config = validate({**record.config, "measure": {**record.config["measure"], "inference_seconds": seconds}})
    dataset = data.open_prepared(prepared)
    backend = backends.load("pytorch")(config, record.environment.hardware)
    backend.build(dataset, config.seed)
    model, split = loop.Model(dataset.width, len(dataset.classes)), loop.Split(prepared, "validation")
    sides = {
        "harness": lambda: {INFERENCE: measure_inference(backend, dataset, config, time.perf_counter)[INFERENCE]},
        "loop": lambda: {INFERENCE: loop.inference(model, split, seconds)},
    }
    in_turns(sides, 1)  # warms up
    return in_turns(sides, 4 * pairs)


if __name__ == "__main__":
    main(rows, __doc__)
