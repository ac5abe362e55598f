"""Many processes that track runs through the harness's own tracker, as the jobs of a sweep do: a script.

    python writers.py FOLDER URI RUNS

Each process has one run of ``EPOCHS`` epochs. They go on as the gates open: files in ``FOLDER/gates`` that the test
makes. They count what they have done in ``FOLDER/done``, one byte for each epoch.
"""

import os
import sys
import time
from pathlib import Path

from made_records import made

from harness.config.schema import TrackingConfig
from harness.records import store
from harness.records.record import Record
from harness.tracking import open_tracker, tracker
from harness.tracking.quiet import silence

EPOCHS, SWEEP = 9, "sfeed"
GATES = {4: "down", 7: "back"}
"""The gates by the number of the epoch before which they stand."""


def record_of(folder: Path, number: int, uri: str) -> Record:
    """The record of a run, whose numbers are all its own."""
    history = [
        {"epoch": epoch, "train/loss": number + 1 / epoch, "val/accuracy": number / 64 + epoch / 100}
        for epoch in range(1, EPOCHS + 1)
    ]
    settings = {"tracking": {"uri": uri, "system_metrics_seconds": None, "log_model": False}, "rerun": False}
    metrics = {name: history[-2][name] for name in ("train/loss", "val/accuracy")}  # the last epoch but one is the best
    run = f"runs/digits/{number}"
    record = made(
        "lstm", number, number / 32, config=settings, run_dir=run, history=history, metrics=metrics, tracked_in=uri,
        sweep=SWEEP,
    )  # fmt: skip
    record.folder = folder / run
    return record


def write(folder: Path, number: int, uri: str) -> None:
    """Track one run. An odd one ends whether the server answers or not; an even one waits for that."""
    record = record_of(folder, number, uri)
    record.folder.mkdir(parents=True)
    follower = open_tracker(TrackingConfig(**record.config["tracking"]), folder, SWEEP)
    ended, record.ended = record.ended, None
    record.mlflow_run_id = follower.start(record)
    for step in record.history:
        wait_for(folder, GATES.get(int(step["epoch"])))
        follower.epoch(step)
        with open(folder / "done", "ab") as done:
            done.write(b".")
    if number % 2 == 0:
        wait_for(folder, "end")
    record.ended = ended
    store.write(record)
    follower.sync(record)


def wait_for(folder: Path, gate: str | None) -> None:
    """Wait until a gate is open."""
    while gate and not (folder / "gates" / gate).exists():
        time.sleep(0.1)


def main(folder: Path, uri: str, runs: int) -> int:
    """Fork a process for each run, and wait for all; returns how many of them failed."""
    silence()  # loads MLflow once for all
    tracker.ASKED_AGAIN_AFTER = 1.0
    children = []
    for number in range(runs):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                write(folder, number, uri)
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        children.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
