"""Output folders that were moved, or whose path has unusual characters, keep their store and their artifacts."""

import shutil

import pytest
from conftest import QUICK
from mlflow import MlflowClient

from harness.records import store as records
from harness.tracking import address

RUN = ["encoder=bag_of_embeddings", *QUICK[1:], "trainer.epochs=1", "hardware=cpu"]
ODD = "a %2F ?x #é 日本"


def runs_of(output_dir):
    client = MlflowClient(address.own_store(output_dir))
    return client, client.search_runs([client.get_experiment_by_name("digits").experiment_id])


@pytest.mark.parametrize("how", ["move", "copytree"])
def test_a_folder_that_was_moved_or_copied_keeps_its_artifacts_and_gets_new_ones(command, tmp_path, how):
    assert command(*RUN).code == 0
    moved = tmp_path / "elsewhere" / ODD
    moved.parent.mkdir()
    getattr(shutil, how)(tmp_path / "outputs", moved)
    before = sorted((tmp_path / "outputs").rglob("record.json"))
    ended = command(*RUN, "seed=1", f'output_dir="{moved}"')
    assert ended.code == 0, ended.err
    assert "MLflow" not in ended.err
    assert len(list(records.read_all(moved / "runs"))) == 2
    client, runs = runs_of(moved)
    assert len(runs) == 2
    for run in runs:
        assert run.info.artifact_uri.startswith((moved / "mlartifacts").as_uri())
        assert "record.json" in {file.path for file in client.list_artifacts(run.info.run_id)}
    assert sorted((tmp_path / "outputs").rglob("record.json")) == before  # the old folder does not come back


def test_a_sync_from_another_folder_is_into_the_store_of_the_records(command, tmp_path, monkeypatch):
    assert command(*RUN).code == 0
    (tmp_path / "outputs").rename(tmp_path / ODD)
    for file in (tmp_path / ODD).glob("mlflow.db*"):
        file.unlink()
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    ended = command("report", "--sync", "--output-dir", str(tmp_path / ODD))
    assert ended.code == 0, ended.err
    assert "brought up to date with 1 of 1" in ended.out
    assert list((tmp_path / "away").iterdir()) == []
    assert len(runs_of(tmp_path / ODD)[1]) == 1


def test_the_table_says_where_a_run_of_another_store_is(command, tmp_path, monkeypatch):
    team = f"sqlite:///{tmp_path}/team.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", team)
    ended = command(*RUN)
    assert ended.code == 0, ended.err
    assert f"look    MLflow at {team}" in ended.out.replace("\n", "")
    assert not (tmp_path / "outputs" / "mlflow.db").exists()
    assert MlflowClient(team).get_run(ended.record.mlflow_run_id).info.status == "FINISHED"
    assert ended.record.tracked_in == team
