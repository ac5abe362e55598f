"""Names and texts that are too long for MLflow, or that it refuses: they must not lose a run there."""

import pytest
from made_records import made
from mlflow.utils import validation

from harness import tracking
from harness.records import store as records
from harness.tracking import Summary, end_sweep, limits, store
from harness.tracking.sweeps import parent_run
from harness.tracking.tracked_run import TrackedRun

PATHS = "/" + "a long folder/" * 50 + "mine.csv"
KEYS = ("data.a(b)", "data.a[b]", "encoder.C++", "data.a//b", "a/./b", "../a", "a/", "k" * 251, "x" * 400 + "y")


@pytest.mark.parametrize("key", [*KEYS, "data./a", "encoder.hidden_size", "data.größe", "a b", "val/f1: 1"])
def test_mlflow_takes_every_key_and_different_ones_stay_different(key):
    validation._validate_param_name(limits.key(key))
    validation._validate_metric_name(limits.key(key))
    assert len(limits.key(key)) <= 250
    assert (limits.key(key) == key) == (key not in KEYS)
    assert limits.key(key) != limits.key(f"{key}z")


def test_texts_of_the_greatest_length_stay_and_longer_ones_end_with_what_tells_them_apart():
    for shorten, longest in ((limits.run_name, 250), (limits.dataset_name, 500)):
        assert shorten("x" * longest) == "x" * longest
        one, other = shorten("x" * longest + "y"), shorten("x" * longest + "z")
        assert len(one) == len(other) == longest
        assert one != other


def test_a_run_of_long_names_and_odd_keys_is_in_mlflow_with_all_it_has(tmp_path, copied_stores):
    settings = {"tracking": {"uri": None, "system_metrics_seconds": None}, "rerun": False}
    config = {**settings, "encoder": {"weights": {"C++": 1, "C--": 2}}, "data": {"train": "x" * 7000}}
    label = f"lstm/seed=0/data.train={PATHS}"
    record = made(
        config=config, label=label, run_dir="runs/digits/lstm", data={"source": PATHS}, history=[],
        status="failed", reason="boom " * 2000,
    )  # fmt: skip
    record.folder = tmp_path / record.run_dir
    record.folder.mkdir(parents=True)
    records.write(record)
    uri = tracking.store_uri(None, tmp_path)
    run = TrackedRun(uri, tmp_path, False)
    run.sync(record)
    client = store.connect(uri)
    found = client.get_run(run.run_id)
    assert (found.info.status, found.info.run_name) == ("FAILED", limits.run_name(label))
    assert [found.data.params[limits.key(f"encoder.weights.{name}")] for name in ("C++", "C--")] == ["1", "2"]
    assert found.data.params["data.train"] == "x" * 6000
    assert found.data.tags["reason"] == ("boom " * 2000)[:8000]
    (dataset,) = found.inputs.dataset_inputs
    assert dataset.dataset.name == limits.dataset_name(PATHS)
    record.status, record.reason = "finished", None
    TrackedRun(uri, tmp_path, False).sync(record)
    found = client.get_run(run.run_id)
    assert (found.info.status, found.data.tags["reason"]) == ("FINISHED", "")


def test_a_sweep_over_long_paths_ends_with_its_means(tmp_path, copied_stores):
    uri = tracking.store_uri(None, tmp_path)
    client = store.connect(uri)
    experiment = store.find_experiment(client, "digits", tmp_path, uri)
    parent = parent_run(client, experiment, "s", tmp_path)
    names = [f"lstm data.train:{PATHS}{number}/test/accuracy" for number in (1, 2)]
    end_sweep(
        uri, "digits", "s", "finished", Summary([], "", {names[0]: 0.25, names[1]: 0.75, "gru/test/accuracy": 0.5})
    )
    found = client.get_run(parent)
    assert found.info.status == "FINISHED"
    assert found.data.metrics == {limits.key(names[0]): 0.25, limits.key(names[1]): 0.75, "gru/test/accuracy": 0.5}
