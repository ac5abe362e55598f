"""What type checkers know of ``import harness``. mypy reads this file (pyproject.toml); nobody runs it."""

from pathlib import Path
from typing import assert_type

import harness
from harness.records import store


def first_steps(folder: Path) -> None:
    record = harness.run(["encoder=lstm", "seed=0"])
    assert_type(record, harness.Record)
    assert_type(harness.run("encoder=lstm").metrics, dict[str, int | float])
    assert_type(harness.compare([record, folder], require="latency/p50_ms<5"), harness.Comparison)
    best = harness.compare(folder, margin=0.005).best
    if best is not None:
        assert_type(best.record, harness.Record)
        harness.load(best.record)
    assert_type(harness.load("best:digits", output_dir=folder), harness.Model)
    assert_type(harness.load(folder).record, harness.Record)
    harness.records("outputs").groupby("encoder")
    assert_type(list(store.read_all(folder)), list[harness.Record])
    raise harness.UserError("one sentence")


def refused() -> None:
    harness.run(encoder="lstm")  # type: ignore[call-arg]
    harness.compare([3])  # type: ignore[list-item]
    harness.compare("outputs", margin="1")  # type: ignore[arg-type]
    harness.load(3)  # type: ignore[arg-type]
    harness.records(3)  # type: ignore[arg-type]
    harness.best()  # type: ignore[attr-defined]
