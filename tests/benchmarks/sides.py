"""What is measured: a run of the harness, a whole command, or a function of ours in a fresh process."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paired import REPOSITORY, Found

from harness.config.schema import Config
from harness.records import store
from harness.records.record import Record
from harness.runner import worker
from harness.runner.lifecycle import Request
from harness.runner.run import run

TRAINING_ALONE = (
    *("measure.latency_passes=1", "measure.latency_seconds=0.01"),
    *("measure.inference_batches=1", "measure.inference_seconds=0.01"),
)
"""Overrides for a run of which training's numbers alone are wanted."""


def record_of(config: Config) -> Record:
    """The record of a run.

    Raises:
        RuntimeError: the run failed.
    """
    return _finished(run(Request(config, "benchmark", time.time())))


def command(folder: Path, *overrides: str) -> tuple[float, Record]:
    """Seconds that ``python -m harness`` takes as a command of its own, and the record that it leaves in the folder.

    Raises:
        RuntimeError: the run failed.
    """
    words = [sys.executable, "-m", "harness", "rerun=true", f"output_dir={folder}", *overrides]
    seconds, _ = timed(words, folder)
    return seconds, _finished(list(store.read_all(folder / "runs"))[-1])


def _finished(record: Record) -> Record:
    if record.status != "finished":
        raise RuntimeError(f"the run {record.label} failed: {record.reason}")
    return record


def timed(words: Sequence[str], folder: Path) -> tuple[float, str]:
    """Wall time of a command and what it printed; this checkout is first on its path, whatever else is installed.

    Raises:
        RuntimeError: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    start = time.perf_counter()
    ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if ended.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {ended.stderr[-2000:]}")
    return seconds, ended.stdout


def in_fresh_process(function: str, job: dict[str, Any], backend: str = "pytorch") -> Found:
    """What ``module:function(job, tell)`` tells, in a process that has the backend's libraries loaded already.

    Raises:
        RuntimeError: the process failed.
    """
    found: Found = {}
    end = worker.server_of_backend(backend).run(function, job, found.update)
    if end.reason:
        raise RuntimeError(f"{function}: {end.reason}")
    return found
