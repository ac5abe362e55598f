"""The MLflow store: created once, with one experiment per name."""

import os
import re
from pathlib import Path
from typing import Any

from harness.measure import process_identity
from harness.records.secrets import masked
from harness.records.store import file_name, readable, short_hash
from harness.tracking.address import database_of, own_store
from harness.tracking.database import follow_move, prepare
from harness.tracking.quiet import loading, silence
from harness.tracking.server import check_answers

STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
"""MLflow's words for how a run or a sweep ended."""
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
    """A client of the store. One process creates a missing database while the others wait.

    Raises:
        NoAnswer: a tracking server does not answer.
        HalfLoadedError: an interruption left a part of MLflow.
    """
    check_answers(uri)
    with loading():
        silence()
        from mlflow import MlflowClient

        if store := database_of(uri):
            prepare(store)
        return MlflowClient(uri)


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
        follow_move(output_dir / "mlflow.db", experiment.artifact_location, (output_dir / "mlartifacts").as_uri())
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def close_abandoned(client: Any, experiment: str) -> None:
    """Mark runs of this machine as KILLED that MLflow lists as running although their process is gone."""
    for listed in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        if not _is_gone(listed.data.tags.get("process", "")):
            continue
        run = client.get_run(listed.info.run_id)  # since the search it may have ended, or another process resumed it
        if run.info.status == "RUNNING" and _is_gone(run.data.tags.get("process", "")):
            client.set_tag(run.info.run_id, "reason", "killed: the process that ran it is gone")
            client.set_terminated(run.info.run_id, "KILLED")


def this_process() -> str:
    """An identifier of this process that no other process gets: its number, its start, and its machine."""
    pid = os.getpid()
    return f"{pid}@{process_identity.started(pid):.2f}@{process_identity.short_machine()}"


def _is_gone(process: str) -> bool:
    """Whether an identifier is that of a process of this machine which has ended."""
    number, _, rest = process.partition("@")
    started, _, machine = rest.partition("@")
    return machine == process_identity.short_machine() and process_identity.is_gone(int(number), float(started))
