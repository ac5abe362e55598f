"""Who follows a run: MLflow, or nobody.

The harness owns the run: it starts it, sets its status and ends it. A tracking server that does not answer costs a
warning and nothing else, because the record is on disk first. Live, MLflow gets the epochs; everything else comes from
the record by one idempotent ``sync``.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

from harness.config.schema import TrackingConfig
from harness.errors import UserError
from harness.records import store as records
from harness.records.record import DataSummary, Record
from harness.tracking.contents import files_of, flatten, steps, tags_of
from harness.tracking.store import (
    OFF,
    STATUS,
    close_abandoned,
    connect,
    find_experiment,
    parent_run,
    store_uri,
)

BATCH = 100
"""How many parameters the store takes at once."""


class Tracker(Protocol):
    """Who follows a run."""

    def start(self, record: Record) -> str | None:
        """Open the run; returns its id, None where it could not be opened."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """Take the numbers of an epoch, ``epoch`` among them, or of a profile's point."""

    def sync(self, record: Record) -> None:
        """Bring the tracker up to date with a record; a second call changes nothing."""

    def discard(self) -> None:
        """Undo ``start``: there was nothing to run."""


def open_tracker(settings: TrackingConfig, output_dir: Path) -> Tracker:
    """The tracker that the settings name."""
    return NoTracker() if settings.uri == OFF else MlflowTracker(settings, output_dir)


class NoTracker:
    """Follows nothing."""

    def start(self, record: Record) -> None:
        return None

    def epoch(self, metrics: dict[str, float]) -> None:
        pass

    def sync(self, record: Record) -> None:
        pass

    def discard(self) -> None:
        pass


def _survives(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let the run go on when the store does not answer: say so once, then leave it alone."""

    @wraps(method)
    def guarded(self: "MlflowTracker", *arguments: Any) -> Any:
        if self.lost:
            return None
        try:
            return method(self, *arguments)
        except Exception as error:
            self.lost = True
            print(
                f"MLflow at {self.uri} failed ({_one_line(error)}); the run goes on and its record is kept; "
                "afterwards `python -m harness report --sync` brings MLflow up to date",
                file=sys.stderr,
            )
            return None

    return guarded


class MlflowTracker:
    """Follows a run in MLflow."""

    def __init__(self, settings: TrackingConfig, output_dir: Path) -> None:
        self.settings, self.output_dir = settings, output_dir
        self.uri = store_uri(settings.uri, output_dir)
        self.lost = False
        self.run_id = ""
        self._live = False
        self._monitor: Any = None

    @_survives
    def start(self, record: Record) -> str:
        self._open(record)
        self._live = True
        self._watch_system()
        return self.run_id

    @_survives
    def epoch(self, metrics: dict[str, float]) -> None:
        self._log_epoch(metrics)

    @_survives
    def sync(self, record: Record) -> None:
        self._stop_watching()
        self.bring(record)

    @_survives
    def discard(self) -> None:
        self._stop_watching()
        self.client.set_terminated(self.run_id, "KILLED")
        self.client.delete_run(self.run_id)

    def bring(self, record: Record) -> bool:
        """Bring MLflow up to date with a record; False where it was already.

        Raises:
            Exception: whatever MLflow raises when it does not answer.
        """
        if not self._live:
            self.client = connect(self.uri, self.output_dir)
            experiment = find_experiment(self.client, record.name, self.output_dir, self.uri)
            found = self._find(experiment, record)
            same = found is not None and found.info.run_id == record.mlflow_run_id
            if same and found.info.status == STATUS[record.status]:
                return False
            self._open(record)
            for step in steps(record):
                self._log_epoch(step)
            record.mlflow_run_id = self.run_id
            records.write(record)
        self._log_end(record)
        self._live = False
        return True

    def _open(self, record: Record) -> None:
        """Open the run that was begun before and is to be resumed, or a new one, with its parameters and data."""
        self.client = connect(self.uri, self.output_dir)
        experiment = find_experiment(self.client, record.name, self.output_dir, self.uri)
        close_abandoned(self.client, experiment)
        self.run_id = self._open_run(experiment, record)
        self._log_params(record.config)
        self._log_data(record.data)

    def _open_run(self, experiment: str, record: Record) -> str:
        tags = tags_of(record)
        if record.sweep:
            tags["mlflow.parentRunId"] = parent_run(self.client, experiment, record.sweep, self.output_dir)
        begun = None if record.config["rerun"] else self._find(experiment, record)
        if begun is not None:
            self.client.update_run(begun.info.run_id, "RUNNING", record.label)
            for key, value in {**tags, "reason": ""}.items():
                self.client.set_tag(begun.info.run_id, key, value)
            return str(begun.info.run_id)
        start = _milliseconds(record.started)
        return str(self.client.create_run(experiment, run_name=record.label, tags=tags, start_time=start).info.run_id)

    def _find(self, experiment: str, record: Record) -> Any:
        """The newest run of the record's fingerprint; None where there is none."""
        same = f"tags.fingerprint = '{record.fingerprint}' and tags.kind = 'run'"
        return next(iter(self.client.search_runs([experiment], same, max_results=1)), None)

    def _log_params(self, config: dict[str, Any]) -> None:
        from mlflow.entities import Param

        # a resumed run has them already, and MLflow refuses another value, such as that of a longer run_timeout
        known = self.client.get_run(self.run_id).data.params
        params = [Param(key, str(value)) for key, value in flatten(config) if key not in known]
        for start in range(0, len(params), BATCH):
            self.client.log_batch(self.run_id, params=params[start : start + BATCH])

    def _log_data(self, data: DataSummary) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"source": data.source, "hash": data.hash})
        shape = {"sizes": data.sizes, "vocabulary_size": data.vocabulary_size, "max_length": data.max_length}
        logged = Dataset(data.source or "data", data.hash[:32], "local", source, profile=json.dumps(shape))
        self.client.log_inputs(self.run_id, [DatasetInput(logged, [InputTag("mlflow.data.context", "train+test")])])

    def _watch_system(self) -> None:
        interval = self.settings.system_metrics_seconds
        if interval is None:
            return
        import mlflow
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        mlflow.set_tracking_uri(self.uri)
        self._monitor = SystemMetricsMonitor(self.run_id, sampling_interval=interval, samples_before_logging=1)
        self._monitor.start()

    def _stop_watching(self) -> None:
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None

    def _log_epoch(self, metrics: dict[str, float]) -> None:
        self._log_metrics({key: value for key, value in metrics.items() if key != "epoch"}, int(metrics["epoch"]))

    def _log_end(self, record: Record) -> None:
        from mlflow.entities import RunTag

        by_epoch = {name for epoch in record.history for name in epoch}
        # at the last epoch's step, so that what MLflow shows as latest is what the record says
        last = {name: value for name, value in record.metrics.items() if name in by_epoch}
        self._log_metrics(last, len(record.history))
        # at step 0, so that MLflow compares runs by bars
        self._log_metrics({name: value for name, value in record.metrics.items() if name not in by_epoch}, 0)
        if record.reason:
            self.client.log_batch(self.run_id, tags=[RunTag("reason", record.reason)])
        for file, place in files_of(record.folder):
            self.client.log_artifact(self.run_id, str(file), place)
        ended = _milliseconds(record.ended) if record.ended else None
        self.client.set_terminated(self.run_id, STATUS[record.status], ended)

    def _log_metrics(self, metrics: dict[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.client.log_batch(self.run_id, [Metric(key, value, now, step) for key, value in metrics.items()])


def _milliseconds(moment: str) -> int:
    """UNIX milliseconds, as MLflow tells time, of an ISO 8601 moment."""
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def sync(found: list[Record]) -> int:
    """Bring MLflow up to date with records that it has not, or not whole; returns how many those were.

    Raises:
        UserError: a store does not answer.
    """
    brought = 0
    for record in found:
        settings = TrackingConfig(**record.config["tracking"])
        if settings.uri == OFF:
            continue
        output_dir = records.output_dir_of(record)
        try:
            brought += MlflowTracker(settings, output_dir).bring(record)
        except Exception as error:
            uri = store_uri(settings.uri, output_dir)
            raise UserError(f"MLflow at {uri} does not answer: {_one_line(error)}") from None
    return brought
