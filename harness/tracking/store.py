"""The MLflow store: created once, with one experiment per name and one parent run per sweep."""

import os
import platform
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from harness.records.secrets import masked
from harness.records.store import file_name, readable, short_hash
from harness.tracking.address import database_of, own_store, sqlite_uri
from harness.tracking.quiet import silence


@dataclass(frozen=True)
class Summary:
    """The result of a sweep: its files, a description in Markdown, and the means of its variants by name.

    ``written`` is False if the files could not be written.
    """

    files: list[Path]
    note: str = ""
    means: dict[str, float] = field(default_factory=dict)
    written: bool = True


STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
METRICS_AT_ONCE, PARAMS_AT_ONCE = 1000, 100
"""MLflow's limits on one ``log_batch``."""


DAMAGED = ("file is not a database", "database disk image is malformed")
"""What sqlite says of a database file that is damaged or holds something else."""


def reason(uri: str, error: Exception) -> str:
    """Why a store failed, in one line without secrets; of a damaged database also what to do."""
    why = masked(str(error)).splitlines()[0][:200] if str(error) else type(error).__name__
    damaged = any(sign in str(error) for sign in DAMAGED)
    return f"{why}; move {database_of(uri)} away, and MLflow gets a new one" if damaged else why


def connect(uri: str) -> Any:
    """A client of the store. One process creates a missing database while the others wait."""
    silence()
    from mlflow import MlflowClient

    store = database_of(uri)
    if store is None:
        return MlflowClient(uri)
    store.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(store.with_name(f".{store.name}.lock")):  # next to the store: several output folders may share it
        if not store.exists():
            create_store(store)
    with closing(sqlite3.connect(store)) as database:
        database.execute("PRAGMA schema_version")  # what is no database fails here; MLflow would try for 50 s
    return MlflowClient(uri)


def create_store(store: Path) -> None:
    """Create a database under a temporary name and rename it, so that a killed process leaves no partial store.

    With a write-ahead log (WAL) readers and one writer do not block each other; the file itself keeps this mode. MLflow
    makes each of its connections wait up to 20 s for another writer.
    """
    from mlflow import MlflowClient

    part = store.with_name(f"{store.name}.part")
    part.unlink(missing_ok=True)
    MlflowClient(sqlite_uri(part)).search_experiments(max_results=1)  # creates the tables
    with closing(sqlite3.connect(part)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    part.rename(store)


def experiments(uri: str) -> list[tuple[str, str]]:
    """Names and ids of the active experiments of a store, without MLflow's own ``Default``."""
    active = connect(uri).search_experiments()
    return [(one.name, one.experiment_id) for one in active if one.experiment_id != "0"]


LONGEST_EXPERIMENT = 250
"""The longest name of an experiment, in characters, that every database behind MLflow takes."""
OWN_NAME = "Default"
"""MLflow's own experiment, which its pages and ours do not list."""
RENAMED = re.compile(r"(^| )\([0-9a-f]{8}\)$")
"""How the name of an experiment ends in MLflow where it is not the name that the user gave."""


def experiment_name(name: str) -> str:
    """The name in MLflow of the experiment ``name``; different names stay different.

    It is the name itself, unless MLflow or its database would refuse it, or it is that of MLflow's own experiment.
    """
    plain = name.isprintable() and name == name.strip() and 0 < len(name) <= LONGEST_EXPERIMENT
    if plain and name != OWN_NAME and not RENAMED.search(name):
        return name
    return f"{readable(name)} ({short_hash(name)})".strip()


def find_experiment(client: Any, name: str, output_dir: Path, uri: str) -> str:
    """The id of the experiment of this name. A missing experiment is created, a deleted one restored."""
    from mlflow.exceptions import MlflowException

    its_name = experiment_name(name)
    experiment = client.get_experiment_by_name(its_name)
    if experiment is None:
        # only our own store gets a folder for artifacts: a server knows where its artifacts go
        folder = (output_dir / "mlartifacts" / file_name(name)).as_uri() if database_of(uri) else None
        try:
            return str(client.create_experiment(its_name, artifact_location=folder))
        except MlflowException:
            experiment = client.get_experiment_by_name(its_name)
            if experiment is None:  # no other process was first
                raise
    if uri == own_store(output_dir):
        _follow_move(output_dir / "mlflow.db", experiment.artifact_location, (output_dir / "mlartifacts").as_uri())
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""The tables and columns in which MLflow's database has the places of artifacts, as absolute addresses."""


def _follow_move(database: Path, location: str, folder: str) -> None:
    """Give the artifacts of an output folder's own store their new addresses if the folder was moved or copied.

    MLflow has no call for that. ``location`` is that of one experiment, ``folder`` where all artifacts are now.
    """
    before = location.rpartition("/")[0]
    if before == folder or not before.endswith("/mlartifacts"):
        return
    with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
        for table, column in LOCATIONS:
            change = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
            connection.execute(change, (folder, len(before) + 1, len(before) + 1, f"{before}/"))


def parent_run(client: Any, experiment: str, sweep: str, output_dir: Path, running: bool = True) -> str:
    """The id of a sweep's parent run in an experiment; the first job of the sweep creates it.

    ``running`` is False for a run that has ended and is only brought to MLflow: its sweep does not begin again.
    """
    with FileLock(output_dir / ".mlflow.lock"):
        parents = client.search_runs([experiment], f"tags.sweep = '{sweep}' and tags.kind = 'sweep'", max_results=1)
        if parents:
            parent = parents[0].info
            if running and parent.status != "RUNNING":
                client.update_run(parent.run_id, "RUNNING")
            if running:
                client.set_tag(parent.run_id, "process", this_process())
            return str(parent.run_id)
        tags = {"sweep": sweep, "kind": "sweep", "host": platform.node(), "process": this_process()}
        parent = client.create_run(experiment, run_name=f"sweep {sweep}", tags=tags).info
        if not running:
            client.set_terminated(parent.run_id, STATUS["finished"])
        return str(parent.run_id)


def close_sweep(uri: str, sweep: str, status: str) -> None:
    """Give this status to all parent runs of a sweep that MLflow still lists as running, in any experiment."""
    client = connect(uri)
    all_experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    open_parents = f"tags.sweep = '{sweep}' and tags.kind = 'sweep' and attributes.status = 'RUNNING'"
    for run in client.search_runs(all_experiments, open_parents):
        client.set_terminated(run.info.run_id, STATUS[status])


LONGEST_NOTE = 5000
"""The maximum length of a description in MLflow, in characters; a longer one stays in the artifact."""


def end_sweep(uri: str, name: str, sweep: str, status: str, summary: Summary) -> None:
    """Give a sweep's parent run in an experiment its summary and its status: ``finished``, ``failed`` or ``killed``."""
    from mlflow.entities import Metric

    client = connect(uri)
    experiment = client.get_experiment_by_name(experiment_name(name))
    if experiment is None:
        return
    for run in client.search_runs([experiment.experiment_id], f"tags.sweep = '{sweep}' and tags.kind = 'sweep'"):
        for file in summary.files:
            client.log_artifact(run.info.run_id, str(file))
        if summary.note:
            short = len(summary.note) <= LONGEST_NOTE or not summary.files
            note = summary.note if short else f"The comparison is in the artifact {summary.files[0].name}."
            client.set_tag(run.info.run_id, "mlflow.note.content", note)
        now = int(time.time() * 1000)
        logged = [Metric(key, value, now, 0) for key, value in summary.means.items()]
        for start in range(0, len(logged), METRICS_AT_ONCE):
            client.log_batch(run.info.run_id, logged[start : start + METRICS_AT_ONCE])
        client.set_terminated(run.info.run_id, STATUS[status])


def close_abandoned(client: Any, experiment: str) -> None:
    """Mark runs of this machine as KILLED that MLflow lists as running although their process is gone."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        tags = run.data.tags
        if tags.get("host") == platform.node() and not _alive(tags.get("process", "")):
            client.set_tag(run.info.run_id, "reason", "killed: the process that ran it is gone")
            client.set_terminated(run.info.run_id, "KILLED")


def this_process() -> str:
    """An identifier of this process that no later process gets: process id and start time."""
    return f"{os.getpid()}@{psutil.Process().create_time():.0f}"


def _alive(process: str) -> bool:
    number, _, created = process.partition("@")
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" == created
    except (psutil.NoSuchProcess, ValueError):
        return False
