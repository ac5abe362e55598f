"""The views that MLflow gets with an experiment: which rows and columns they show, and in which order."""

import json

import pytest

from harness import tracking
from harness.tracking import store
from harness.tracking.views import save_views


@pytest.fixture
def uri(tmp_path):
    """A store with an experiment of classification, a newer one of regression, and one without runs."""
    uri = tracking.own_store(tmp_path)
    client = store.connect(uri)
    for start, (name, metric) in enumerate({"empty": "", "digits": "test/accuracy", "prices": "test/mse"}.items()):
        number = store.find_experiment(client, name, tmp_path, uri)
        if metric:
            run = client.create_run(number, start_time=1000 + start, tags={"kind": "run"})
            client.log_metric(run.info.run_id, metric, 0.5)
            client.create_run(number, start_time=9000 - start, tags={"kind": "sweep"})
    return uri


def view(uri, name, key):
    value = store.connect(uri).get_experiment_by_name(name).tags[f"mlflow.sharedViewState.{key}"]
    saved = json.loads(value)
    state = json.loads(saved.pop("state"))
    assert len(value) <= 5000  # MLflow's limit in version 3.5
    assert (saved.pop("name"), saved.pop("createdAt")) == (key.capitalize(), 0)
    assert saved == state  # for versions of MLflow that read the tag as the state
    return state


def test_the_experiment_with_the_newest_run_is_the_first(uri):
    assert [name for name, _ in save_views(uri)] == ["prices", "digits", "empty"]


def test_the_runs_are_shown_the_best_first_and_the_sweeps_the_newest_first(uri):
    save_views(uri)
    rows = {name: view(uri, name, "runs") for name in ("digits", "prices", "empty")}
    orders = {name: (state["orderByKey"], state["orderByAsc"]) for name, state in rows.items()}
    assert orders == {
        "digits": ("metrics.`test/accuracy`", False), "prices": ("metrics.`test/mse`", True),
        "empty": ("metrics.`test/accuracy`", False),
    }  # fmt: skip
    assert {state["searchFilter"] for state in rows.values()} == {'tags.kind = "run"'}
    sweeps = view(uri, "digits", "sweeps")
    assert (sweeps["searchFilter"], sweeps["orderByKey"], sweeps["orderByAsc"]) == (
        "", "attributes.start_time", False
    )  # fmt: skip


@pytest.mark.parametrize("key", ["runs", "sweeps"])
def test_score_speed_and_memory_are_the_first_columns(uri, key):
    save_views(uri)
    state = view(uri, "digits", key)
    first, *metrics = state["columnOrder"]
    assert first == "attributes.`Run Name`"
    assert metrics == state["selectedColumns"]
    scores, cost = metrics[:-4], metrics[-4:-1]
    assert "metrics.`test/accuracy`" in scores
    assert all(metric.startswith("metrics.`test/") for metric in scores)
    assert cost == [
        f"metrics.`{metric}`" for metric in
        ("speed/train_tokens_per_second", "latency/p50_ms", "memory/host_train_peak_mib")
    ]  # fmt: skip
    assert state["columnWidths"]["metrics.`latency/p50_ms`"] > 14 * 7  # the name's characters


def test_a_view_is_written_only_where_it_changes(uri):
    client = store.connect(uri)
    save_views(uri)
    written = client.get_experiment_by_name("digits").last_update_time
    save_views(uri)
    assert client.get_experiment_by_name("digits").last_update_time == written
    number = client.get_experiment_by_name("digits").experiment_id
    client.set_experiment_tag(number, "mlflow.sharedViewState.runs", "{}")
    save_views(uri)
    assert view(uri, "digits", "runs")["orderByKey"] == "metrics.`test/accuracy`"
