"""The record of a run or a profile from its beginning to its end: found, begun, read back, closed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import tracking
from harness.config import schema as configs
from harness.measure import environment
from harness.records import store
from harness.records.record import SCHEMA, Record, now, utc


def finished_before(
    config: configs.Config, label: str, told: Sequence[str], identity: str, folder: Path
) -> Record | None:
    """The finished run of this fingerprint, which is not run again; MLflow gets of it what it lacks.

    One of another experiment is copied to ``folder``, so that it is found under the name that was asked for.
    """
    output_dir = Path(config["output_dir"]).absolute()
    existing = store.find(output_dir, identity, config["name"])
    if config["rerun"] or not existing or existing.status != "finished":
        return None
    if existing.name != config["name"]:
        asked = {"config": config, "choices": config["choices"], "sweep": config["sweep"], "told": list(told)}
        existing = store.copy(existing, folder, name=config["name"], label=label, **asked)
    tracking.open_tracker(config["tracking"], output_dir).catch_up(existing)
    return {**existing, "skipped": True, "asked": label}


def new_record(
    config: configs.Config, label: str, started: float, folder: Path, hardware: dict[str, Any], told: Sequence[str]
) -> Record:
    """The record of a run that has yet to begin, less its fingerprint, cell and data."""
    return {
        "schema": SCHEMA,
        "status": "failed",
        "reason": None,
        "mode": config["mode"],
        "name": config["name"],
        "label": label,
        "told": list(told),
        "seed": config["seed"],
        "choices": config["choices"],
        "config": config,
        "environment": {**environment.describe(), "hardware": hardware},
        "metrics": {},
        "history": [],
        "run_dir": str(folder),
        "mlflow_run_id": None,
        "sweep": config["sweep"],
        "started": utc(started),
        "ended": None,
    }


def written(record: Record) -> Record | None:
    """What the run's own process has written of it; None where it has not, yet."""
    found = store.read(Path(record.run_dir))
    return found if found and found["started"] == record.started else None


def close(record: Record, tracker: tracking.Tracker, status: str, reason: str) -> None:
    """Give the record of a run that did not finish its status and reason, write it, and tell the tracker."""
    record.update(status=status, reason=reason, ended=now())
    try:
        store.write(record)
    except (OSError, ValueError) as error:  # a full disk must not take the other runs of a sweep with it
        record.reason = f"{reason}; its record could not be written ({error})"
    tracker.finish(record)
