"""Where MLflow keeps runs: one store, made once, with an experiment per name and a parent run per sweep."""

import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock


@dataclass(frozen=True)
class Summary:
    """What a sweep comes to: files, a description in Markdown, and the means of its variants by name."""

    files: list[Path]
    note: str = ""
    means: dict[str, float] = field(default_factory=dict)


QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Settings that hold unless the user set others: no telemetry, and seconds rather than minutes for a dead server."""

STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
OFF = "none"


def store_uri(uri: str | None, output_dir: Path) -> str:
    """Where MLflow keeps runs: what is set, or a database in the output folder."""
    return uri or f"sqlite:///{output_dir.absolute()}/mlflow.db"


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
    with FileLock(store.with_name(f".{store.name}.lock")):  # beside it: commands with other folders may share the store
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
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.rename(store)


def _hurry_sqlite() -> None:
    """Let writers wait for each other instead of failing, and not wait for the disk at every number."""
    from sqlalchemy import Engine, event

    def on_connect(connection: Any, _record: Any) -> None:
        if not type(connection).__module__.startswith("sqlite3"):
            return
        file = connection.execute("PRAGMA database_list").fetchone()[2]
        hurried = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=60000")
        unfinished = ("journal_mode=MEMORY", "synchronous=OFF")  # one file until it has its name; half-made, made anew
        for pragma in unfinished if file.endswith(UNFINISHED) else hurried:
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
            client.set_tag(found[0].info.run_id, "process", this_process())
            return found[0].info.run_id
        tags = {"sweep": sweep, "kind": "sweep", "host": platform.node(), "process": this_process()}
        return client.create_run(experiment, run_name=f"sweep {sweep}", tags=tags).info.run_id


def close_sweep(uri: str, output_dir: Path, sweep: str, status: str) -> None:
    """Give the parent runs of a sweep that still count as running this status, whatever experiment they are in."""
    client = connect(uri, output_dir)
    everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
    open_parents = f"tags.sweep = '{sweep}' and tags.kind = 'sweep' and attributes.status = 'RUNNING'"
    for run in client.search_runs(everywhere, open_parents):
        client.set_terminated(run.info.run_id, STATUS[status])


LONGEST_NOTE = 5000
"""Characters that MLflow takes as a description; what is longer is read in the artifact."""


def end_sweep(uri: str, output_dir: Path, name: str, sweep: str, status: str, summary: Summary) -> None:
    """Give a sweep's parent run in an experiment its summary and its status: ``finished``, ``failed`` or ``killed``."""
    from mlflow.entities import Metric

    client = connect(uri, output_dir)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return
    for run in client.search_runs([experiment.experiment_id], f"tags.sweep = '{sweep}' and tags.kind = 'sweep'"):
        for file in summary.files:
            client.log_artifact(run.info.run_id, str(file))
        if summary.note:
            short = len(summary.note) <= LONGEST_NOTE
            note = summary.note if short else f"The comparison is in the artifact {summary.files[0].name}."
            client.set_tag(run.info.run_id, "mlflow.note.content", note)
        now = int(time.time() * 1000)
        logged = [Metric(key, value, now, 0) for key, value in summary.means.items()]
        for start in range(0, len(logged), 1000):  # as many as the store takes at once
            client.log_batch(run.info.run_id, logged[start : start + 1000])
        client.set_terminated(run.info.run_id, STATUS[status])


def close_abandoned(client: Any, experiment: str) -> None:
    """Mark as KILLED what still counts as running on this machine although its process is gone."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        tags = run.data.tags
        if tags.get("host") == platform.node() and not _alive(tags.get("process", "")):
            client.set_tag(run.info.run_id, "reason", "killed: the process that ran it is gone")
            client.set_terminated(run.info.run_id, "KILLED")


def this_process() -> str:
    """This process, so named that no later one is taken for it."""
    return f"{os.getpid()}@{psutil.Process().create_time():.0f}"


def _alive(process: str) -> bool:
    number, _, created = process.partition("@")
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" == created
    except (psutil.NoSuchProcess, ValueError):
        return False
