"""One record's run in MLflow: opened, given its epochs while it trains, and completed from the record."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.notices import notify
from harness.records import store as records
from harness.records.record import DataSummary, Record
from harness.records.settings import flatten
from harness.tracking import limits
from harness.tracking.address import database_of
from harness.tracking.contents import files_of, numbers_of, steps, tags_of
from harness.tracking.store import (
    METRICS_AT_ONCE,
    PARAMS_AT_ONCE,
    STATUS,
    close_abandoned,
    connect,
    find_experiment,
)
from harness.tracking.sweeps import PARENT, parent_run


class TrackedRun:
    """A run in an MLflow store. Every method raises whatever MLflow raises when it does not answer.

    MLflow has one run per fingerprint and experiment, which a resumed run continues; ``rerun=true`` opens a new one. A
    run has at most one model, which is logged only ``with_model``. ``sweep`` is one that runs, and that has not ended
    with this run.
    """

    def __init__(self, uri: str, output_dir: Path, with_model: bool, sweep: str | None = None) -> None:
        self.uri, self.output_dir, self.with_model, self.sweep = uri, output_dir, with_model, sweep
        self.run_id = ""
        self.is_open = False
        self._status_before: str | None = None
        self._logged: dict[tuple[str, int], Any] = {}
        self._first_sent: dict[tuple[int, str, float], int] = {}

    def open(self, record: Record) -> str:
        """Open the earlier run that is resumed, or a new run, with its parameters and data; returns its id."""
        self.client = connect(self.uri)
        self._experiment = find_experiment(self.client, record.name, self.output_dir, self.uri)
        close_abandoned(self.client, self._experiment)
        self._open_run(record)
        self._log_params(record.config)
        self._log_data(record.data)
        self.is_open = True
        return self.run_id

    def log_steps(self, steps: list[dict[str, float]]) -> None:
        """Log the numbers of epochs (or of a profile's points), each at the step that its ``epoch`` gives."""
        self._log([(int(step["epoch"]), key, value) for step in steps for key, value in numbers_of(step)])

    def sync(self, record: Record) -> bool:
        """Bring MLflow up to date with an ended record; returns False if it already was.

        A run that is not open is found or created, and its id is written into ``record.json``.
        """
        if not self.is_open:
            if self._is_complete(record):
                return False
            self.open(record)
        if record.mlflow_run_id != self.run_id:
            record.mlflow_run_id = self.run_id
            records.write(record)
        self._log_missing_steps(record)
        self._log_result(record)
        for file, place in files_of(record.folder):
            self.client.log_artifact(self.run_id, str(file), place)
        self._log_model(record)
        self._remove_twins(record)
        # the status comes last: a run whose sync was interrupted is synced again
        self.client.set_terminated(self.run_id, STATUS[record.status], _milliseconds(record.ended))
        self.is_open = False
        return True

    def discard(self) -> None:
        """Undo ``open``: delete a new run, give a resumed run its earlier status."""
        if not self.run_id:
            return
        self.client.set_terminated(self.run_id, self._status_before or "KILLED")
        if self._status_before is None:
            self.client.delete_run(self.run_id)
        self.is_open = False

    def _is_complete(self, record: Record) -> bool:
        """Whether MLflow has the whole record: its newest run is the record's, with the record's status and model."""
        self.client = connect(self.uri)
        self._experiment = find_experiment(self.client, record.name, self.output_dir, self.uri)
        newest = self._newest(record)
        if newest is None or newest.info.run_id != record.mlflow_run_id:
            return False
        return bool(newest.info.status == STATUS[record.status]) and not self._lacks_model(newest, record)

    def _open_run(self, record: Record) -> None:
        from mlflow.entities import RunTag

        tags, start, name = tags_of(record), _milliseconds(record.started), limits.run_name(record.label)
        if record.sweep:
            running = record.ended is None or record.sweep == self.sweep
            tags[PARENT] = parent_run(self.client, self._experiment, record.sweep, self.output_dir, running)
        earlier = self._newest(record)
        # one of the same start is this run's own: MLflow made it, and its answer was lost
        own = earlier is not None and (earlier.info.run_id == record.mlflow_run_id or earlier.info.start_time == start)
        if earlier is None or (record.config["rerun"] and not own):
            run = self.client.create_run(self._experiment, run_name=name, tags=tags, start_time=start)
            self.run_id, self._status_before = run.info.run_id, None
            return
        self.run_id, self._status_before = earlier.info.run_id, earlier.info.status
        self.client.update_run(self.run_id, "RUNNING", name)
        self.client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in {**tags, "reason": ""}.items()])

    def _same(self, record: Record) -> list[Any]:
        """The MLflow runs of the record's fingerprint, the newest first."""
        same = f"tags.fingerprint = '{record.fingerprint}' and tags.kind = 'run'"
        return list(self.client.search_runs([self._experiment], same, max_results=20))

    def _newest(self, record: Record) -> Any:
        """The newest MLflow run of the record's fingerprint, of equally new ones the record's; None if none is."""
        found = self._same(record)
        newest = [run for run in found if run.info.start_time == found[0].info.start_time]
        newest.sort(key=lambda run: (run.info.run_id != record.mlflow_run_id, not run.data.params))
        return next(iter(newest), None)

    def _remove_twins(self, record: Record) -> None:
        """Delete the empty runs that a server has made of this one's start beside it.

        MLflow's client sends a request again if the answer was lost, and the server may have made a run both times.
        """
        if database_of(self.uri) is not None:
            return
        found = self._same(record)
        starts = {run.info.start_time for run in found if run.info.run_id == self.run_id}
        for run in found:
            if run.info.run_id != self.run_id and run.info.start_time in starts and not run.data.params:
                self.client.delete_run(run.info.run_id)

    def _log_params(self, config: dict[str, Any]) -> None:
        from mlflow.entities import Param

        # a resumed run has them already, and MLflow refuses another value, such as that of a longer run_timeout
        known = self.client.get_run(self.run_id).data.params
        ours = {limits.key(key): str(value)[: limits.LONGEST_PARAM] for key, value in flatten(config)}
        params = [Param(key, value) for key, value in ours.items() if key not in known]
        for start in range(0, len(params), PARAMS_AT_ONCE):
            self.client.log_batch(self.run_id, params=params[start : start + PARAMS_AT_ONCE])

    def _log_data(self, data: DataSummary) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"source": data.source, "hash": data.hash})
        shape = {"sizes": data.sizes, "vocabulary_size": data.vocabulary_size, "max_length": data.max_length}
        name = limits.dataset_name(data.source or "data")
        logged = Dataset(name, data.hash[:32], "local", source, profile=json.dumps(shape))
        self.client.log_inputs(self.run_id, [DatasetInput(logged, [InputTag("mlflow.data.context", "train+test")])])

    def _log_missing_steps(self, record: Record) -> None:
        """Log the epochs (or points) that MLflow lacks, such as those from when it did not answer."""
        wanted = [(int(step["epoch"]), key, value) for step in steps(record) for key, value in numbers_of(step)]
        unsent = [one for one in wanted if (one[1], one[0]) not in self._logged]
        keys = {key for _, key, _ in unsent}
        known = {key: {one.step for one in self.client.get_metric_history(self.run_id, key)} for key in keys}
        self._log([(step, key, value) for step, key, value in unsent if step not in known[key]])

    def _log_result(self, record: Record) -> None:
        """Log the record's metrics and reason, as far as MLflow does not show them already."""
        from mlflow.entities import RunTag

        by_epoch = {name for epoch in record.history for name in epoch}
        shown = self.client.get_run(self.run_id).data
        changed = {name: value for name, value in record.metrics.items() if shown.metrics.get(name) != value}
        # Metrics of epochs go to the last epoch's step, so that MLflow's latest value is the record's;
        # all others go to step 0, so that MLflow compares runs by bars.
        last = len(record.history)
        self._log([(last if name in by_epoch else 0, name, value) for name, value in changed.items()])
        reason = (record.reason or "")[: limits.LONGEST_TAG]
        if shown.tags.get("reason", "") != reason:  # another command may have taken this one for dead
            self.client.log_batch(self.run_id, tags=[RunTag("reason", reason)])

    def _lacks_model(self, run: Any, record: Record) -> bool:
        """Whether there is a model of the record to log that its MLflow run does not have."""
        from harness.tracking.logged_model import has_model, is_logged  # here: as much to load as MLflow itself

        return self.with_model and has_model(record) and not is_logged(self.client, run)

    def _log_model(self, record: Record) -> None:
        """Log the run's model, unless MLflow has it. What the user must fix for that is said, and stops nothing."""
        from harness.tracking.logged_model import log_model

        run = self.client.get_run(self.run_id)
        if not self._lacks_model(run, record):
            return
        try:
            log_model(self.client, run, record, [self._shown(name) for name in run.data.metrics])
        except UserError as error:
            notify(f"{record.label}: MLflow does not get its model ({error})")

    def _shown(self, name: str) -> Any:
        """The latest value of a metric, as MLflow has it."""
        sent = [metric for (key, _), metric in self._logged.items() if key == name]
        return max(sent or self.client.get_metric_history(self.run_id, name), key=lambda one: (one.step, one.timestamp))

    def _log(self, numbers: list[tuple[int, str, float]]) -> None:
        """Log metrics: (step, name, value)."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        # a number that is sent again, because the answer was lost, keeps its time: then MLflow stores it only once
        times = [self._first_sent.setdefault(number, now) for number in numbers]
        metrics = [Metric(key, value, at, step) for (step, key, value), at in zip(numbers, times, strict=True)]
        for start in range(0, len(metrics), METRICS_AT_ONCE):
            self.client.log_batch(self.run_id, metrics[start : start + METRICS_AT_ONCE])
        self._logged |= {(metric.key, metric.step): metric for metric in metrics}


def _milliseconds(moment: str | None) -> int | None:
    """MLflow's time, UNIX milliseconds, of an ISO 8601 moment; None stays None."""
    return int(datetime.fromisoformat(moment).timestamp() * 1000) if moment else None
