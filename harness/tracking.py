"""MLflow: live metrics while a run trains, and at its end the same as the record. The only module that imports it.

The harness owns the run: it starts it, sets its status and ends it. A tracking server that does not answer costs a
warning and nothing else, because the record is on disk first.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

import psutil
import yaml
from filelock import FileLock

from harness import pictures
from harness.records import RECORD, Record, write_json

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Settings that hold unless the user set others: no telemetry, and seconds rather than minutes for a dead server."""

STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
OFF = "none"


class Tracker(Protocol):
    """Who follows a run."""

    def start(self, record: Record) -> str | None:
        """Open the run; returns its id, None where it could not be opened."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """Take the numbers of an epoch, ``epoch`` among them."""

    def finish(self, record: Record) -> None:
        """Take the whole record and set the status that it says."""

    def discard(self) -> None:
        """Undo ``start``: there was nothing to run."""


def open_tracker(settings: dict[str, Any], output_dir: Path) -> Tracker:
    """The tracker that the settings name."""
    return NoTracker() if settings["uri"] == OFF else MlflowTracker(settings, output_dir)


def store_uri(settings: dict[str, Any], output_dir: Path) -> str:
    """Where MLflow keeps runs: what is set, or a database in the output folder."""
    return settings["uri"] or f"sqlite:///{output_dir.absolute()}/mlflow.db"


class NoTracker:
    """Follows nothing."""

    def start(self, record: Record) -> None:
        return None

    def epoch(self, metrics: dict[str, float]) -> None:
        pass

    def finish(self, record: Record) -> None:
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
            print(f"MLflow at {self.uri} failed ({said}); the run goes on and its record is kept", file=sys.stderr)
            return None

    return guarded


class MlflowTracker:
    """Follows a run in MLflow."""

    def __init__(self, settings: dict[str, Any], output_dir: Path) -> None:
        self.settings, self.output_dir = settings, output_dir
        self.uri = store_uri(settings, output_dir)
        self.lost = False
        self.run_id: str | None = None
        self._monitor: Any = None

    @_survives
    def start(self, record: Record) -> str:
        self.client = connect(self.uri, self.output_dir)
        experiment = find_experiment(self.client, record["name"], self.output_dir, self.uri)
        close_abandoned(self.client, experiment)
        self.run_id = self._open_run(experiment, record)
        self._log_params(record["config"])
        self._log_data(record["data"])
        self._watch_system()
        return self.run_id

    def _open_run(self, experiment: str, record: Record) -> str:
        """The run of this fingerprint, begun before and to be gone on with, or a new one."""
        tags = _tags(record)
        if record["sweep"]:
            tags["mlflow.parentRunId"] = parent_run(self.client, experiment, record["sweep"], self.output_dir)
        if not record["config"]["rerun"]:
            same = f"tags.fingerprint = '{record['fingerprint']}' and tags.kind = 'run'"
            for run in self.client.search_runs([experiment], same, max_results=1):
                self.client.update_run(run.info.run_id, "RUNNING", record["label"])
                for key, value in {**tags, "reason": ""}.items():
                    self.client.set_tag(run.info.run_id, key, value)
                return run.info.run_id
        start = int(time.time() * 1000)
        return self.client.create_run(experiment, run_name=record["label"], tags=tags, start_time=start).info.run_id

    def _log_params(self, config: dict[str, Any]) -> None:
        from mlflow.entities import Param

        params = [Param(key, str(value)) for key, value in flatten(config)]
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
        self._log_metrics({key: value for key, value in metrics.items() if key != "epoch"}, int(metrics["epoch"]))

    @_survives
    def finish(self, record: Record) -> None:
        from mlflow.entities import RunTag

        self._stop_watching()
        # at the last epoch's step, so that what MLflow shows as latest is what the record says
        self._log_metrics(record["metrics"], len(record["history"]))
        if record["reason"]:
            self.client.log_batch(self.run_id, tags=[RunTag("reason", record["reason"])])
        for file in _artifacts(record):
            self.client.log_artifact(self.run_id, str(file))
        self.client.set_terminated(self.run_id, STATUS[record["status"]])

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


def connect(uri: str, output_dir: Path) -> Any:
    """A client of the store; a new database is made by one process while others wait."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import logging

    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not uri.startswith("sqlite:///"):
        return MlflowClient(uri)
    _hurry_sqlite()
    store = Path(uri.removeprefix("sqlite:///"))
    store.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(output_dir / ".mlflow.lock"):
        if not store.exists():
            _make_store(store)
    return MlflowClient(uri)


UNFINISHED = ".part"


def _make_store(store: Path) -> None:
    """Make a database beside its place and rename it: one that was killed while making it left nothing half-made."""
    from mlflow import MlflowClient

    part = store.with_name(store.name + UNFINISHED)
    part.unlink(missing_ok=True)
    MlflowClient(f"sqlite:///{part}").search_experiments(max_results=1)
    part.rename(store)


def _hurry_sqlite() -> None:
    """Let writers wait for each other instead of failing, and not wait for the disk at every number."""
    from sqlalchemy import Engine, event

    def on_connect(connection: Any, _record: Any) -> None:
        if not type(connection).__module__.startswith("sqlite3"):
            return
        file = connection.execute("PRAGMA database_list").fetchone()[2]
        if not file.endswith(UNFINISHED):  # it is one file until it has its name
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=60000"):
                connection.execute(f"PRAGMA {pragma}")

    if not getattr(_hurry_sqlite, "done", False):
        event.listen(Engine, "connect", on_connect)
        _hurry_sqlite.done = True  # type: ignore[attr-defined]


def find_experiment(client: Any, name: str, output_dir: Path, uri: str) -> str:
    """The id of the experiment of this name, made where it is missing and taken back where it was deleted."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        # a path of our own only where the store is our own: a server knows where its artifacts go
        folder = (output_dir / "mlartifacts").as_uri() if uri.startswith("sqlite:///") else None
        try:
            return client.create_experiment(name, artifact_location=folder and f"{folder}/{name}")
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(name)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def parent_run(client: Any, experiment: str, sweep: str, output_dir: Path) -> str:
    """The id of the run that holds a sweep's runs in an experiment; the first of its jobs makes it."""
    with FileLock(output_dir / ".mlflow.lock"):
        found = client.search_runs([experiment], f"tags.sweep = '{sweep}' and tags.kind = 'sweep'", max_results=1)
        if found:
            if found[0].info.status != "RUNNING":
                client.update_run(found[0].info.run_id, "RUNNING")
            client.set_tag(found[0].info.run_id, "process", _process())
            return found[0].info.run_id
        tags = {"sweep": sweep, "kind": "sweep", "host": platform.node(), "process": _process()}
        return client.create_run(experiment, run_name=f"sweep {sweep}", tags=tags).info.run_id


def end_sweep(uri: str, output_dir: Path, sweep: str, status: str, files: list[Path], note: str) -> None:
    """Give a sweep's parent run its status, the comparison's files and a description.

    ``status`` is ``finished``, ``failed`` or ``killed``.
    """
    client = connect(uri, output_dir)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    for run in client.search_runs(experiments, f"tags.sweep = '{sweep}' and tags.kind = 'sweep'"):
        for file in files:
            client.log_artifact(run.info.run_id, str(file))
        if note:
            client.set_tag(run.info.run_id, "mlflow.note.content", note)
        client.set_terminated(run.info.run_id, STATUS[status])


def close_abandoned(client: Any, experiment: str) -> None:
    """Mark as KILLED what still counts as running on this machine although its process is gone."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        tags = run.data.tags
        if tags.get("host") == platform.node() and not _alive(tags.get("process", "")):
            client.set_tag(run.info.run_id, "reason", "killed: the process that ran it is gone")
            client.set_terminated(run.info.run_id, "KILLED")


def _process() -> str:
    """This process, so named that no later one is taken for it."""
    return f"{os.getpid()}@{psutil.Process().create_time():.0f}"


def _alive(process: str) -> bool:
    number, _, created = process.partition("@")
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" == created
    except (psutil.NoSuchProcess, ValueError):
        return False


def _tags(record: Record) -> dict[str, str]:
    return {
        **record["choices"],
        "seed": str(record["seed"]),
        "fingerprint": record["fingerprint"],
        "cell": record["cell"],
        "run_dir": record["run_dir"],
        "host": platform.node(),
        "process": _process(),
        "kind": "run",
    }


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys to values; a list is a value."""
    if not isinstance(value, dict):
        yield prefix, value
        return
    for key, inner in value.items():
        yield from flatten(inner, f"{prefix}.{key}" if prefix else str(key))


def _artifacts(record: Record) -> list[Path]:
    """The files of a run that MLflow gets: made here from the record, in the run's folder."""
    folder = Path(record["run_dir"])
    (folder / "config.yaml").write_text(yaml.safe_dump(record["config"], sort_keys=False, allow_unicode=True))
    write_json(folder / "environment.json", record["environment"])
    files = [folder / name for name in (RECORD, "config.yaml", "environment.json", "error.txt")]
    if record["history"]:
        files.append(pictures.learning_curves(record["history"], folder / "learning_curves.png"))
    confusion = folder / "confusion.json"
    if confusion.exists():
        counts = json.loads(confusion.read_text())
        files += [confusion, pictures.confusion(counts, record["data"]["classes"], folder / "confusion.png")]
    return [file for file in files if file.exists()]
