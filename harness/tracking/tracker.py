"""Who follows a run: MLflow, or nobody.

The harness owns the run: it starts it, sets its status and ends it. A tracking server that does not answer costs a
warning and nothing else, because the record is on disk first.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

from harness.errors import UserError
from harness.records import store
from harness.records.record import Record
from harness.runner import attention
from harness.tracking.contents import artifacts, flatten, steps, tags_of
from harness.tracking.store import (
    OFF,
    STATUS,
    close_abandoned,
    connect,
    find_experiment,
    parent_run,
    store_uri,
)


class Tracker(Protocol):
    """Who follows a run."""

    def start(self, record: Record) -> str | None:
        """Open the run; returns its id, None where it could not be opened."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """Take the numbers of an epoch, ``epoch`` among them, or of a profile's point."""

    def draw(self, record: Record) -> None:
        """Make the files that go with a whole record, while its process still has something to do."""

    def finish(self, record: Record) -> None:
        """Take the whole record and set the status that it says."""

    def catch_up(self, record: Record) -> None:
        """Take a finished run's record, where its end never got here."""

    def discard(self) -> None:
        """Undo ``start``: there was nothing to run."""


def open_tracker(settings: dict[str, Any], output_dir: Path) -> Tracker:
    """The tracker that the settings name."""
    return NoTracker() if settings["uri"] == OFF else MlflowTracker(settings, output_dir)


class NoTracker:
    """Follows nothing."""

    def start(self, record: Record) -> None:
        return None

    def epoch(self, metrics: dict[str, float]) -> None:
        pass

    def draw(self, record: Record) -> None:
        pass

    def finish(self, record: Record) -> None:
        pass

    def catch_up(self, record: Record) -> None:
        pass

    def discard(self) -> None:
        pass


def _survives(method: Callable) -> Callable:
    """Let the run go on when the store does not answer: say so once, then keep quiet and away from it."""

    @wraps(method)
    def guarded(self, *arguments: Any) -> Any:
        if self.lost:
            return None
        try:
            return method(self, *arguments)
        except Exception as error:
            self.lost = True
            said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            print(
                f"MLflow at {self.uri} failed ({said}); the run goes on and its record is kept; "
                "afterwards `python -m harness.report --sync` brings MLflow up to date",
                file=sys.stderr,
            )
            return None

    return guarded


class MlflowTracker:
    """Follows a run in MLflow."""

    def __init__(self, settings: dict[str, Any], output_dir: Path) -> None:
        self.settings, self.output_dir = settings, output_dir
        self.uri = store_uri(settings, output_dir)
        self.lost = False
        self.run_id: str | None = None
        self._files: list[Path] = []
        self._monitor: Any = None

    @_survives
    def start(self, record: Record) -> str:
        self.client = connect(self.uri, self.output_dir)
        experiment = find_experiment(self.client, record.name, self.output_dir, self.uri)
        close_abandoned(self.client, experiment)
        self.run_id = self._open_run(experiment, record)
        self._log_params(record.config)
        self._log_data(record.data)
        self._watch_system()
        return self.run_id

    def _open_run(self, experiment: str, record: Record) -> str:
        """The run of this fingerprint, begun before and to be gone on with, or a new one."""
        tags = tags_of(record)
        if record.sweep:
            tags["mlflow.parentRunId"] = parent_run(self.client, experiment, record.sweep, self.output_dir)
        begun = None if record.config["rerun"] else self._find(experiment, record)
        if begun is not None:
            self.client.update_run(begun.info.run_id, "RUNNING", record.label)
            for key, value in {**tags, "reason": ""}.items():
                self.client.set_tag(begun.info.run_id, key, value)
            return begun.info.run_id
        start = _milliseconds(record.started)
        return self.client.create_run(experiment, run_name=record.label, tags=tags, start_time=start).info.run_id

    def _find(self, experiment: str, record: Record) -> Any:
        """The newest run of the record's fingerprint; None where there is none."""
        same = f"tags.fingerprint = '{record['fingerprint']}' and tags.kind = 'run'"
        return next(iter(self.client.search_runs([experiment], same, max_results=1)), None)

    def _log_params(self, config: dict[str, Any]) -> None:
        from mlflow.entities import Param

        # a run that goes on has them already, and MLflow refuses another value, such as of a longer run_timeout
        known = self.client.get_run(self.run_id).data.params
        params = [Param(key, str(value)) for key, value in flatten(config) if key not in known]
        for start in range(0, len(params), 100):  # as many as the store takes at once
            self.client.log_batch(self.run_id, params=params[start : start + 100])

    def _log_data(self, data: dict[str, Any]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"source": data["source"], "hash": data["hash"]})
        profile = json.dumps({key: data[key] for key in ("sizes", "vocabulary_size", "max_length")})
        logged = Dataset(data["source"] or "data", data["hash"][:32], "local", source, profile=profile)
        self.client.log_inputs(self.run_id, [DatasetInput(logged, [InputTag("mlflow.data.context", "train+test")])])

    def _watch_system(self) -> None:
        if self.settings["system_metrics_seconds"] is None:
            return
        import mlflow
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        mlflow.set_tracking_uri(self.uri)
        interval = self.settings["system_metrics_seconds"]
        self._monitor = SystemMetricsMonitor(self.run_id, sampling_interval=interval, samples_before_logging=1)
        self._monitor.start()

    @_survives
    def epoch(self, metrics: dict[str, float]) -> None:
        self._log_epoch(metrics)

    def _log_epoch(self, metrics: dict[str, float]) -> None:
        self._log_metrics({key: value for key, value in metrics.items() if key != "epoch"}, int(metrics["epoch"]))

    @_survives
    def draw(self, record: Record) -> None:
        self._files = artifacts(record)

    @_survives
    def finish(self, record: Record) -> None:
        self._stop_watching()
        self._log_end(record)

    def _log_end(self, record: Record) -> None:
        from mlflow.entities import RunTag

        by_epoch = {name for epoch in record.history for name in epoch}
        # at the last epoch's step, so that what MLflow shows as latest is what the record says
        last = {name: value for name, value in record.metrics.items() if name in by_epoch}
        self._log_metrics(last, len(record.history))
        # at no step, so that MLflow compares runs by bars
        self._log_metrics({name: value for name, value in record.metrics.items() if name not in by_epoch}, 0)
        if record.reason:
            self.client.log_batch(self.run_id, tags=[RunTag("reason", record.reason)])
        for file in self._files or artifacts(record):
            self.client.log_artifact(self.run_id, str(file))
        if (drawn := Path(record.run_dir) / attention.FOLDER).exists():
            self.client.log_artifacts(self.run_id, str(drawn), attention.FOLDER.name)
        ended = _milliseconds(record.ended) if record.ended else None
        self.client.set_terminated(self.run_id, STATUS[record.status], ended)

    def sync(self, record: Record) -> bool:
        """Bring MLflow up to date with a record; False where it was already.

        Raises:
            Exception: whatever MLflow raises when it does not answer.
        """
        self.client = connect(self.uri, self.output_dir)
        experiment = find_experiment(self.client, record.name, self.output_dir, self.uri)
        found = self._find(experiment, record)
        same = found is not None and found.info.run_id == record.mlflow_run_id
        if same and found.info.status == STATUS[record.status]:
            return False
        self.run_id = self._open_run(experiment, record)
        self._log_params(record.config)
        self._log_data(record.data)
        for step in steps(record):
            self._log_epoch(step)
        store.write({**record, "mlflow_run_id": self.run_id})
        self._log_end({**record, "mlflow_run_id": self.run_id})
        return True

    @_survives
    def catch_up(self, record: Record) -> None:
        self.sync(record)

    @_survives
    def discard(self) -> None:
        self._stop_watching()
        self.client.set_terminated(self.run_id, "KILLED")
        self.client.delete_run(self.run_id)

    def _stop_watching(self) -> None:
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None

    def _log_metrics(self, metrics: dict[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.client.log_batch(self.run_id, [Metric(key, value, now, step) for key, value in metrics.items()])


def _milliseconds(moment: str) -> int:
    """UNIX milliseconds, as MLflow tells time, of an ISO 8601 one."""
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def sync(found: list[Record]) -> int:
    """Bring MLflow up to date with records that it has not, or not whole; returns how many those were.

    Raises:
        UserError: a store does not answer.
    """
    brought = 0
    for record in found:
        settings, output_dir = record.config["tracking"], Path(record.config["output_dir"]).absolute()
        if settings["uri"] == OFF:
            continue
        try:
            brought += MlflowTracker(settings, output_dir).sync(record)
        except Exception as error:
            said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise UserError(f"MLflow at {store_uri(settings, output_dir)} does not answer: {said}") from None
    return brought
