"""Follows a run: in MLflow, or not at all.

The harness owns the run: it starts it, sets its status and ends it. MLflow gets the epochs live; everything else comes
from the record by one idempotent ``sync``. A tracking server that does not answer costs only a warning, because the
record is written to disk first.
"""

import sys
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

from harness.config.schema import TrackingConfig
from harness.errors import UserError
from harness.records import store as records
from harness.records.record import Record
from harness.records.secrets import masked
from harness.tracking.address import OFF, store_of, store_uri
from harness.tracking.store import reason
from harness.tracking.tracked_run import TrackedRun


class Tracker(Protocol):
    """Follows a run. No method raises because a tracking server does not answer."""

    def start(self, record: Record) -> str | None:
        """Open the run; returns its id, None if it could not be opened."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """Take the numbers of an epoch, ``epoch`` among them, or of a profile's point."""

    def sync(self, record: Record) -> None:
        """Bring the tracker up to date with an ended record; a second call changes nothing."""

    def discard(self) -> None:
        """Undo ``start``: nothing was run."""


def open_tracker(settings: TrackingConfig, output_dir: Path) -> Tracker:
    """The tracker that the settings name."""
    return NoTracker() if settings.uri == OFF else MlflowTracker(settings, output_dir)


class NoTracker:
    """Does nothing."""

    def start(self, record: Record) -> None:
        return None

    def epoch(self, metrics: dict[str, float]) -> None:
        pass

    def sync(self, record: Record) -> None:
        pass

    def discard(self) -> None:
        pass


def _survives(method: Callable[..., Any]) -> Callable[..., Any]:
    """Keep a store's failure away from the run: warn once, and do not call the store again."""

    @wraps(method)
    def guarded(self: "MlflowTracker", *arguments: Any) -> Any:
        if self.lost:
            return None
        try:
            return method(self, *arguments)
        except UserError:  # a file of the user's stands in MLflow's place
            raise
        except Exception as error:
            self._lose(error)
            return None

    return guarded


class MlflowTracker:
    """Follows a run in MLflow."""

    def __init__(self, settings: TrackingConfig, output_dir: Path) -> None:
        self.uri = store_uri(settings.uri, output_dir)
        self.lost = False
        self._interval = settings.system_metrics_seconds
        self._run = TrackedRun(self.uri, output_dir, settings.log_model)
        self._monitor: Any = None

    @_survives
    def start(self, record: Record) -> str:
        try:
            run_id = self._run.open(record)
        except KeyboardInterrupt:
            # no run was begun; and MLflow, of which maybe a part was imported, must not be asked again
            self.lost = self._run.run_id == ""
            raise
        self._watch_system(run_id)
        return run_id

    @_survives
    def epoch(self, metrics: dict[str, float]) -> None:
        self._run.log_step(metrics)

    @_survives
    def sync(self, record: Record) -> None:
        self._stop_watching()
        self._run.sync(record)

    @_survives
    def discard(self) -> None:
        self._stop_watching()
        self._run.discard()

    def _watch_system(self, run_id: str) -> None:
        if self._interval is None:
            return
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        self._monitor = SystemMetricsMonitor(run_id, self._interval, samples_before_logging=1, tracking_uri=self.uri)
        self._monitor.monitors = [one for one in self._monitor.monitors if _works(one)]
        self._monitor.start()

    def _stop_watching(self) -> None:
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None

    def _lose(self, error: Exception) -> None:
        self.lost = True
        if self._monitor is not None:
            # in a thread: the monitor waits for its last request, which may last until the time-out
            threading.Thread(target=self._stop_watching, daemon=True).start()
        print(
            f"MLflow at {masked(self.uri)} failed ({reason(self.uri, error)}); "
            "the run continues and its record is kept; "
            "run `python -m harness report --sync` later to bring MLflow up to date",
            file=sys.stderr,
        )


def _works(monitor: Any) -> bool:
    """Whether one of MLflow's monitors can read its numbers here: a driver that cannot answer costs only its own."""
    try:
        monitor.collect_metrics()
        monitor.clear_metrics()
        return True
    except Exception:
        return False


def sync(ended: list[Record]) -> int:
    """Bring MLflow up to date with records; returns how many of them it lacked, wholly or in part.

    Records of runs with ``tracking=none`` are left out.

    Raises:
        UserError: a store does not answer, or needs a password that the environment does not have.
    """
    count = 0
    for record in ended:
        uri = store_of(record)
        if uri == OFF:
            continue
        try:
            with_model = record.config["tracking"].get("log_model", True)  # an earlier version had no such key
            count += TrackedRun(uri, records.output_dir_of(record), with_model).sync(record)
        except Exception as error:
            raise UserError(f"MLflow at {masked(uri)} does not answer: {reason(uri, error)}") from None
    return count
