"""Follows a run: in MLflow, or not at all.

The harness owns the run: it starts it, sets its status and ends it. MLflow gets the epochs live; everything else comes
from the record by one idempotent ``sync``. A tracking server that does not answer costs only a warning, because the
record is written to disk first; what it missed it gets when it answers again.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from harness.config.schema import TrackingConfig
from harness.errors import UserError
from harness.notices import notify
from harness.records.record import Record
from harness.records.secrets import masked
from harness.tracking import unsynced
from harness.tracking.address import OFF, database_of, store_uri
from harness.tracking.server import check_answers
from harness.tracking.store import reason
from harness.tracking.tracked_run import TrackedRun


class Tracker(Protocol):
    """Follows a run. No method raises because a tracking server does not answer."""

    def start(self, record: Record) -> str | None:
        """Open the run; returns its id, None if it could not be opened."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """Take the numbers of an epoch, ``epoch`` among them, or of a profile's point."""

    def end_watch(self) -> None:
        """The run has ended: do not sample the machine's load for it any more. ``sync`` may come later."""

    def sync(self, record: Record) -> None:
        """Bring the tracker up to date with an ended record; a second call changes nothing."""

    def discard(self) -> None:
        """Undo ``start``: nothing was run."""


def open_tracker(
    settings: TrackingConfig, output_dir: Path, sweep: str | None = None, by_driver: bool = False
) -> Tracker:
    """The tracker that the settings name, for a run that a command or a ``sweep`` asks for.

    ``by_driver``: the run may be one of several machines that share the output folder. A database is then written by
    the command that launched the run, and by nobody else.
    """
    if settings.uri == OFF:
        return NoTracker()
    if by_driver and database_of(store_uri(settings.uri, output_dir)) is not None:
        return TrackedByDriver(sweep)
    return MlflowTracker(settings, output_dir, sweep)


class NoTracker:
    """Does nothing."""

    def start(self, record: Record) -> None:
        return None

    def epoch(self, metrics: dict[str, float]) -> None:
        pass

    def end_watch(self) -> None:
        pass

    def sync(self, record: Record) -> None:
        pass

    def discard(self) -> None:
        pass


class TrackedByDriver(NoTracker):
    """Writes to no database: it leaves each run that ended to the command that launched the job."""

    def __init__(self, sweep: str | None) -> None:
        self.sweep = sweep

    def sync(self, record: Record) -> None:
        unsynced.keep(record, self.sweep)


ASKED_AGAIN_AFTER = 60.0
"""Seconds after a failure in which a running run does not ask MLflow again."""
SENT_EVERY = 2.0
"""Seconds in which the epochs of a run go to MLflow together: each request takes the processor from the training."""


class MlflowTracker:
    """Follows a run in MLflow. Where that fails, it tries again while the run trains, and at its end."""

    def __init__(self, settings: TrackingConfig, output_dir: Path, sweep: str | None = None) -> None:
        self.uri, self.sweep = store_uri(settings.uri, output_dir), sweep
        self._settings, self._output_dir = settings, output_dir
        self._run = self._tracked_run()
        self._record: Record | None = None
        self._unsent: list[dict[str, float]] = []
        self._failed = self._unusable = False
        self._ask_at = 0.0
        self._monitor: Any = None

    def start(self, record: Record) -> str | None:
        self._record = record
        try:
            self._attempt(self._open)
        except KeyboardInterrupt:
            # no run was begun; and MLflow, of which maybe a part was imported, must not be asked again
            self._unusable = self._run.run_id == ""
            raise
        return self._run.run_id or None

    def epoch(self, metrics: dict[str, float]) -> None:
        self._unsent.append(metrics)
        if time.monotonic() >= self._ask_at:
            self._attempt(self._send)

    def end_watch(self) -> None:
        self._attempt(self._stop_watching)

    def sync(self, record: Record) -> None:
        if self._unusable:
            unsynced.keep(record, self.sweep)
            return
        if self._failed:
            self._run = self._tracked_run()  # it finds out what MLflow has of the run
        try:
            self._stop_watching()
            if self._run.is_open and self._unsent:
                self._log_unsent()
            self._run.sync(record)
        except UserError:  # a file of the user's stands in MLflow's place
            raise
        except Exception as error:
            unsynced.keep(record, self.sweep)
            again = "still lacks this run" if self._failed else "failed"
            notify(
                f"MLflow at {masked(self.uri)} {again} ({reason(self.uri, error)}); its record is kept; "
                "run `python -m harness report --sync` later to bring MLflow up to date"
            )
            self._failed = True
        else:
            unsynced.drop(record)

    def discard(self) -> None:
        if self._run.run_id:
            self._stop_watching()
            self._attempt(self._run.discard)

    def _tracked_run(self) -> TrackedRun:
        return TrackedRun(self.uri, self._output_dir, self._settings.log_model)

    def _open(self) -> None:
        assert self._record
        self._run.open(self._record)
        self._watch_system()

    def _send(self) -> None:
        """Log the epochs that MLflow has not got yet; open the run first where that failed before."""
        if not self._run.is_open:
            self._open()
        elif self._failed:
            check_answers(self.uri)
        self._log_unsent()
        if not self._failed:  # a run that it missed before is found again at its end, without what was not sent
            self._ask_at = time.monotonic() + SENT_EVERY
        self._watch_system()

    def _log_unsent(self) -> None:
        self._run.log_steps(self._unsent)
        self._unsent = []

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do something in MLflow. Its failure is kept away from the run: a warning the first time, and then a pause."""
        try:
            action()
        except UserError:  # a file of the user's stands in MLflow's place
            raise
        except Exception as error:
            self._pause(error)

    def _watch_system(self) -> None:
        interval = self._settings.system_metrics_seconds
        if interval is None or self._monitor is not None:
            return
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        run_id = self._run.run_id
        self._monitor = SystemMetricsMonitor(
            run_id, interval, samples_before_logging=1, tracking_uri=self.uri,
            resume_logging=self._failed,  # the steps of an earlier monitor are not used again
        )  # fmt: skip
        self._monitor.monitors = [one for one in self._monitor.monitors if _works(one)]
        self._monitor.start()

    def _stop_watching(self) -> None:
        if self._monitor is not None:
            monitor, self._monitor = self._monitor, None
            monitor.finish()

    def _pause(self, error: Exception) -> None:
        self._ask_at = time.monotonic() + ASKED_AGAIN_AFTER
        if self._monitor is not None:
            # in a thread: the monitor waits for its last request, which may last until the time-out
            threading.Thread(target=self._monitor.finish, daemon=True).start()
            self._monitor = None
        if not self._failed:
            self._failed = True
            notify(
                f"MLflow at {masked(self.uri)} failed ({reason(self.uri, error)}); the run continues, and MLflow is "
                "asked again, at the latest when it ends"
            )


def _works(monitor: Any) -> bool:
    """Whether one of MLflow's monitors can read its numbers here: a driver that cannot answer costs only its own."""
    try:
        monitor.collect_metrics()
        monitor.clear_metrics()
        return True
    except Exception:
        return False
