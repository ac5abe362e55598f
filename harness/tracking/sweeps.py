"""A sweep in MLflow: one parent run in each experiment, which ends with the summary of the sweep."""

import platform
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.tracking import limits
from harness.tracking.store import METRICS_AT_ONCE, STATUS, connect, experiment_name, this_process

LOCKED_FOR = 60.0
"""The most seconds to wait for another process that creates the parent run."""
PARENT = "mlflow.parentRunId"
"""MLflow's tag of a child run."""


@dataclass(frozen=True)
class Summary:
    """The result of a sweep: its files, a description in Markdown, and the means of its variants by name.

    ``written`` is False if the files could not be written.
    """

    files: list[Path]
    note: str = ""
    means: dict[str, float] = field(default_factory=dict)
    written: bool = True


def parent_run(client: Any, experiment: str, sweep: str, output_dir: Path, running: bool = True) -> str:
    """The id of a sweep's parent run in an experiment; the first job of the sweep creates it.

    ``running`` is False for a run that has ended and is only brought to MLflow: its sweep does not begin again.
    """
    from mlflow.entities import RunTag

    parents = parents_of(client, experiment, sweep)
    if not parents:
        with FileLock(output_dir / ".mlflow.lock", timeout=LOCKED_FOR):
            parents = parents_of(client, experiment, sweep) or [_create_parent(client, experiment, sweep, running)]
    parent = parents[0].info
    if running and parent.status != "RUNNING":
        client.update_run(parent.run_id, "RUNNING")
    tags, own = parents[0].data.tags, {"host": platform.node(), "process": this_process()}
    if running and own.items() - tags.items():
        if tags.get("reason"):  # the process before this one is gone, and another run has marked the parent as killed
            own["reason"] = ""
        client.log_batch(parent.run_id, tags=[RunTag(key, value) for key, value in own.items()])
    return str(parent.run_id)


def parents_of(client: Any, experiment: str, sweep: str) -> list[Any]:
    """The parent runs of a sweep in an experiment; a second one is there only if a server's answer was lost."""
    return list(client.search_runs([experiment], f"tags.sweep = '{sweep}' and tags.kind = 'sweep'"))


def _create_parent(client: Any, experiment: str, sweep: str, running: bool) -> Any:
    tags = {"sweep": sweep, "kind": "sweep", "host": platform.node(), "process": this_process()}
    parent = client.create_run(experiment, run_name=f"sweep {sweep}", tags=tags)
    if not running:
        client.set_terminated(parent.info.run_id, STATUS["finished"])
    return parent


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
    parents = parents_of(client, experiment.experiment_id, sweep)
    for twin in parents[1:]:
        _join(client, experiment.experiment_id, twin, parents[0])
    for run in parents[:1]:
        for file in summary.files:
            client.log_artifact(run.info.run_id, str(file))
        if summary.note:
            short = len(summary.note) <= LONGEST_NOTE or not summary.files
            note = summary.note if short else f"The comparison is in the artifact {summary.files[0].name}."
            client.set_tag(run.info.run_id, "mlflow.note.content", note)
        now = int(time.time() * 1000)
        logged = [Metric(limits.key(key), value, now, 0) for key, value in summary.means.items()]
        for start in range(0, len(logged), METRICS_AT_ONCE):
            client.log_batch(run.info.run_id, logged[start : start + METRICS_AT_ONCE])
        client.set_terminated(run.info.run_id, STATUS[status])


def _join(client: Any, experiment: str, twin: Any, parent: Any) -> None:
    """Delete a second parent run of a sweep, after its children have got the first one."""
    for child in client.search_runs([experiment], f"tags.`{PARENT}` = '{twin.info.run_id}'"):
        client.set_tag(child.info.run_id, PARENT, parent.info.run_id)
    client.delete_run(twin.info.run_id)
