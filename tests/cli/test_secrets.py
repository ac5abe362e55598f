"""A password in the address of a tracking server is nowhere to be read."""

import re

import pytest
from conftest import QUICK

from harness.errors import UserError

PASSWORD = "hunter2"
DEAD = f"http://me:{PASSWORD}@127.0.0.1:1"
RUN = ["encoder=bag_of_embeddings", *QUICK[1:], "trainer.epochs=1", "hardware=cpu"]


def files_with_password(folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return [str(file) for file in files if PASSWORD.encode() in file.read_bytes()]


@pytest.mark.parametrize("sweep", [[], ["-m", "seed=0,1"]], ids=["run", "sweep"])
def test_a_password_is_masked_in_the_terminal_and_in_every_file(command, tmp_path, sweep):
    ended = command(*sweep, *RUN, f'tracking.uri="{DEAD}"')
    assert ended.code == 0, ended.err
    assert "http://***@127.0.0.1:1" in ended.err
    assert PASSWORD not in ended.out + ended.err
    assert {record.tracked_in for record in ended.records} == {"http://***@127.0.0.1:1"}
    assert files_with_password(tmp_path / "outputs") == []


def test_a_password_in_a_config_file_stays_there(command, tmp_path, monkeypatch):
    (tmp_path / "mine" / "tracking").mkdir(parents=True)
    (tmp_path / "mine" / "tracking" / "team.yaml").write_text(f'uri: "{DEAD}"\nsystem_metrics_seconds: null\n')
    used = []

    def refuse(uri):
        used.append(uri)
        raise UserError("no run is needed")

    monkeypatch.setattr("harness.tracking.check_store", refuse)
    monkeypatch.setattr("harness.tracking.close_sweep", lambda uri, *_: used.append(uri))
    ended = command("-m", "--config-dir", "mine", "tracking=team", *RUN)
    assert "no run is needed" in ended.err
    assert used == [DEAD, DEAD]  # a run and the end of the sweep have the whole address
    assert PASSWORD not in ended.out + ended.err
    assert "http://***@" in next(tmp_path.glob("outputs/sweeps/*/multirun.yaml")).read_text()
    assert files_with_password(tmp_path / "outputs") == []


def test_a_password_in_the_environment_is_masked_too(command, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD)
    ended = command(*RUN)
    assert ended.code == 0, ended.err
    assert PASSWORD not in ended.out + ended.err
    assert files_with_password(tmp_path / "outputs") == []
    synced = command("report", "--sync")
    assert synced.code == 2
    assert re.match(r"MLflow at http://\*\*\*@127.0.0.1:1 does not answer", synced.err)
    assert PASSWORD not in synced.out + synced.err


def test_a_password_that_hydra_cannot_parse_is_not_repeated(command):
    ended = command(*RUN, f"tracking.uri={DEAD}", "encoder=lstmm")
    assert ended.code == 2
    assert PASSWORD not in ended.out + ended.err
