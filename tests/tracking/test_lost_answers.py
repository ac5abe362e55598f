"""A server makes what it was asked for, but its answer is lost: then MLflow's client or the harness asks again."""

from types import SimpleNamespace

import pytest
from made_records import made

from harness import tracking
from harness.records import store as records
from harness.tracking import store, tracked_run
from harness.tracking.sweeps import Summary, end_sweep, parent_run
from harness.tracking.tracked_run import TrackedRun

HISTORY = [{"epoch": 1, "val/accuracy": 0.5}, {"epoch": 2, "val/accuracy": 0.75}]


class LosesAnswers:
    """A client whose first answer to ``create_run`` is lost, after which it asks ``again`` or gives up."""

    def __init__(self, client, again):
        self.client, self.again, self.lost = client, again, []

    def __getattr__(self, name):
        return getattr(self.client, name)

    def create_run(self, *arguments, **settings):
        made = self.client.create_run(*arguments, **settings)
        if self.lost:
            return made
        self.lost.append(made.info.run_id)
        if not self.again:
            raise ConnectionError("the server is gone")
        return self.client.create_run(*arguments, **settings)


@pytest.fixture
def record(tmp_path):
    settings = {"tracking": {"uri": None, "system_metrics_seconds": None}, "rerun": True}
    record = made(config=settings, run_dir="runs/digits/lstm", history=HISTORY)
    record.folder = tmp_path / record.run_dir
    record.folder.mkdir(parents=True)
    records.write(record)
    return record


@pytest.fixture
def loses(tmp_path, monkeypatch, copied_stores):
    """Let runs be tracked through a client that loses an answer, as if the store were a server's."""
    monkeypatch.setattr(tracked_run, "database_of", lambda uri: None)

    def of(again):
        client = LosesAnswers(store.connect(tracking.own_store(tmp_path)), again)
        monkeypatch.setattr(tracked_run, "connect", lambda uri: client)
        return client

    return of


def runs_of(client, kind="run"):
    experiment = client.get_experiment_by_name("digits").experiment_id
    return client.search_runs([experiment], f"tags.kind = '{kind}'")


def tracked(folder):
    return TrackedRun(tracking.own_store(folder), folder, True)


def test_a_run_that_was_made_twice_is_there_once_when_it_ends(record, loses, tmp_path):
    client = loses(again=True)
    run = tracked(tmp_path)
    run_id = run.open(record)
    assert len(runs_of(client)) == 2
    run.log_steps(HISTORY)
    assert run.sync(record)
    (only,) = runs_of(client)
    assert (only.info.run_id, only.info.status) == (run_id, "FINISHED")
    assert only.data.metrics == {"val/accuracy": 0.75, "test/accuracy": 0.9}
    assert run_id not in client.lost


def test_a_run_whose_answer_was_lost_is_found_at_its_end_even_with_rerun(record, loses, tmp_path):
    client = loses(again=False)
    with pytest.raises(ConnectionError):
        tracked(tmp_path).open(record)
    assert tracked(tmp_path).sync(record)
    (only,) = runs_of(client)
    assert [only.info.run_id] == client.lost == [record.mlflow_run_id]
    assert (only.info.status, only.data.metrics["val/accuracy"]) == ("FINISHED", 0.75)


def test_epochs_that_are_sent_again_because_the_answer_was_lost_are_there_once(
    record, tmp_path, monkeypatch, copied_stores
):
    run = tracked(tmp_path)
    run_id = run.open(record)
    monkeypatch.setattr(tracked_run, "time", SimpleNamespace(time=iter([1.0, 2.0]).__next__))
    run.log_steps(HISTORY)
    run.log_steps(HISTORY)
    points = run.client.get_metric_history(run_id, "val/accuracy")
    assert sorted((one.step, one.value, one.timestamp) for one in points) == [(1, 0.5, 1000), (2, 0.75, 1000)]


def test_a_run_of_another_start_stays_beside_a_rerun(record, loses, tmp_path):
    client = loses(again=True)
    assert tracked(tmp_path).sync(record)
    earlier = record.mlflow_run_id
    record.mlflow_run_id, record.started = None, "2026-01-01T00:00:07.000+00:00"
    assert tracked(tmp_path).sync(record)
    assert {run.info.run_id for run in runs_of(client)} == {earlier, record.mlflow_run_id}


def test_the_children_of_a_parent_that_was_made_twice_end_below_one(record, loses, tmp_path):
    client = loses(again=True)
    record.sweep = "s1"
    experiment = store.find_experiment(client, "digits", tmp_path, tracking.own_store(tmp_path))
    parents = {parent_run(client, experiment, "s1", tmp_path), *client.lost}
    assert len(parents) == 2
    children = [
        client.create_run(experiment, tags={"kind": "run", "mlflow.parentRunId": parent}).info.run_id
        for parent in sorted(parents)
    ]
    end_sweep(tracking.own_store(tmp_path), "digits", "s1", "finished", Summary([], "said", {"mean": 0.5}))
    (parent,) = runs_of(client, "sweep")
    assert (parent.info.status, parent.data.metrics) == ("FINISHED", {"mean": 0.5})
    below = {run.info.run_id: run.data.tags["mlflow.parentRunId"] for run in runs_of(client)}
    assert below == dict.fromkeys(children, parent.info.run_id)
