"""What MLflow's pages show first of an experiment: views that the harness saves with it, as MLflow's own pages do.

A saved view is a tag of the experiment. A link with the view's key opens it, and newer versions of MLflow list it under
"Views".
"""

import json
from typing import Any

from harness.records.metrics import ACCURACY, DEVICE_MEMORY, HOST_MEMORY, LATENCY, QUALITY, THROUGHPUT, known
from harness.tracking.store import connect, experiments

TAG = "mlflow.sharedViewState."
COLUMNS = (*QUALITY, THROUGHPUT, LATENCY, HOST_MEMORY, DEVICE_MEMORY)
"""The metrics that a view shows, as far as runs have them, from left to right."""
RUNS, SWEEPS = "runs", "sweeps"
"""The views: all runs, the best first; and the newest sweeps, each with its runs folded below it."""


def save_views(uri: str) -> list[tuple[str, str]]:
    """Give each experiment of a store its views; returns their names and ids, the one with the newest run first."""
    client, started = connect(uri), {}
    for name, number in experiments(uri):
        newest = next(iter(client.search_runs([number], "tags.kind = 'run'", max_results=1)), None)
        quality = next((metric for metric in QUALITY if newest and metric in newest.data.metrics), ACCURACY)
        tags = client.get_experiment(number).tags
        for key, view in _views(quality).items():
            if tags.get(TAG + key) != view:
                client.set_experiment_tag(number, TAG + key, view)
        started[name, number] = newest.info.start_time if newest else 0
    return sorted(started, key=lambda experiment: -started[experiment])


def _views(quality: str) -> dict[str, str]:
    """The value of the tag of each view; ``quality`` is what the best run is the best by."""
    best_first = {"orderByKey": f"metrics.`{quality}`", "orderByAsc": not known(quality).higher_is_better}
    newest_first = {"orderByKey": "attributes.start_time", "orderByAsc": False}
    return {
        RUNS: _saved("Runs", {"searchFilter": 'tags.kind = "run"', **best_first}),
        SWEEPS: _saved("Sweeps", {"searchFilter": "", **newest_first}),
    }


def _saved(name: str, rows: dict[str, Any]) -> str:
    """A view with the columns of the harness, which also a version of MLflow reads that does not list views by name."""
    widths = {"attributes.`Run Name`": 220, **{f"metrics.`{metric}`": 50 + 6 * len(metric) for metric in COLUMNS}}
    columns = {"selectedColumns": list(widths)[1:], "columnOrder": list(widths), "columnWidths": widths}
    state = {**rows, **columns}
    return json.dumps({"name": name, "createdAt": 0, "state": json.dumps(state), **state})
