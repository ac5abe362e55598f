"""The store: how it is created, and which files it leaves."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from harness import tracking
from harness.records.store import file_name
from harness.tracking import address, database, quiet, store

NAMES = st.one_of(st.text(min_size=1, max_size=600), st.sampled_from(["Default", " ", "..", "x (0123abcd)", "a" * 251]))


@given(NAMES, NAMES)
@example("Default", store.experiment_name("Default"))
@example(" ", store.experiment_name(" "))
@example("a" * 300, store.experiment_name("a" * 300))
def test_different_names_are_different_experiments(one, other):
    assert (store.experiment_name(one) == store.experiment_name(other)) == (one == other)


@given(NAMES)
def test_mlflow_takes_the_name_of_every_experiment_and_it_is_not_its_own(name):
    made = store.experiment_name(name)
    assert 0 < len(made) <= store.LONGEST_EXPERIMENT
    assert made == made.strip()
    assert made.isprintable()
    assert made != "Default"


@pytest.mark.parametrize("name", ["digits", "exp 1", "../x", "größe", "a=b", "default", "run-20240101", "a" * 250])
def test_a_name_that_mlflow_takes_stays(name):
    assert store.experiment_name(name) == name


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_the_uri_of_a_database_leads_to_its_file(folder):
    file = Path("/tmp") / folder / "mlflow.db"
    uri = address.sqlite_uri(file)
    assert address.database_of(uri) == file == Path(str(make_url(uri).database))


@settings(deadline=None)  # the first call loads MLflow
@given(NAMES)
def test_the_artifacts_of_every_experiment_lie_below_the_output_folder(name):
    class Client:
        """Takes what would be created."""

        def get_experiment_by_name(self, name):
            return None

        def create_experiment(self, name, artifact_location):
            self.location = artifact_location
            return "1"

    client, output_dir = Client(), Path("/tmp/out")
    store.find_experiment(client, name, output_dir, address.store_uri(None, output_dir))
    location = Path(unquote(client.location.removeprefix("file://")))
    assert location == output_dir / "mlartifacts" / file_name(name)
    assert location.parent.parent == output_dir
    assert location.name not in ("", ".", "..")


def journal_mode(file):
    with closing(sqlite3.connect(file)) as database:
        return database.execute("PRAGMA journal_mode").fetchone()[0]


def test_a_new_store_keeps_a_write_ahead_log_by_itself(tmp_path):
    """Read in a process that knows nothing of the harness: the mode is in the file, not in a connection."""
    database.prepare(tmp_path / "mlflow.db")
    assert {file.name for file in tmp_path.iterdir()} == {"mlflow.db", ".mlflow.db.lock"}
    script = f"import sqlite3; print(*sqlite3.connect({str(tmp_path / 'mlflow.db')!r}).execute('PRAGMA journal_mode'))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "('wal',)"


def test_a_store_that_was_half_created_is_created_anew(tmp_path):
    (tmp_path / "mlflow.db.part").write_bytes(b"half of a database")
    client = store.connect(address.store_uri(None, tmp_path))
    assert [experiment.name for experiment in client.search_experiments()] == ["Default"]
    assert not (tmp_path / "mlflow.db.part").exists()


@pytest.mark.parametrize("query", ["", "?timeout=60"])
def test_the_query_of_a_uri_is_no_part_of_the_files_name(tmp_path, query):
    uri = f"sqlite:///{tmp_path}/folder/mine.db{query}"
    client = store.connect(uri)
    store.find_experiment(client, "digits", tmp_path, uri)
    assert {name for name, _ in store.experiments(uri)} == {"digits"}
    assert journal_mode(tmp_path / "folder" / "mine.db") == "wal"
    names = {file.name.removesuffix("-wal").removesuffix("-shm") for file in (tmp_path / "folder").iterdir()}
    assert names == {"mine.db", ".mine.db.lock"}


def test_an_existing_store_is_left_in_its_own_mode(tmp_path):
    """A store that the user created: its journal mode is the user's decision."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mine.db"
    MlflowClient(uri).search_experiments()
    store.connect(uri).search_experiments()
    assert journal_mode(tmp_path / "mine.db") == "delete"


def test_a_file_store_takes_a_run(tmp_path, monkeypatch):
    """A folder as the store: no database, no lock, no folder of our own for artifacts."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow has files in maintenance only
    uri = (tmp_path / "mlruns").as_uri()
    client = store.connect(uri)
    experiment = store.find_experiment(client, "digits", tmp_path, uri)
    run = client.create_run(experiment, tags={"kind": "run"})
    client.log_metric(run.info.run_id, "value", 0.5)
    assert store.connect(uri).get_run(run.info.run_id).data.metrics == {"value": 0.5}
    assert client.get_experiment(experiment).artifact_location.startswith(uri)
    assert not list(tmp_path.glob("*.db*")) + list(tmp_path.glob("mlartifacts"))


@pytest.mark.parametrize("meanwhile", ["ended", "resumed", "nothing"])
def test_a_run_that_another_process_ends_or_resumes_meanwhile_is_not_taken_for_abandoned(meanwhile, monkeypatch):
    """Another command may have listed a run as running just before its process wrote its end, and was gone."""
    monkeypatch.setattr(store, "_is_gone", lambda process: process == "gone")
    listed = mlflow_run("RUNNING", "gone")
    now = {"ended": ("FINISHED", "gone"), "resumed": ("RUNNING", "alive"), "nothing": ("RUNNING", "gone")}[meanwhile]
    written = []
    client = SimpleNamespace(
        search_runs=lambda experiments, wanted: [listed], get_run=lambda run_id: mlflow_run(*now),
        set_tag=lambda run_id, key, value: written.append(value), set_terminated=lambda run_id, to: written.append(to),
    )  # fmt: skip
    store.close_abandoned(client, "1")
    assert written == (["killed: the process that ran it is gone", "KILLED"] if meanwhile == "nothing" else [])


def mlflow_run(status, process):
    return SimpleNamespace(
        info=SimpleNamespace(run_id="a", status=status), data=SimpleNamespace(tags={"process": process})
    )


def test_after_an_interruption_of_its_first_loading_mlflow_is_not_asked_again_in_this_process(monkeypatch, tmp_path):
    monkeypatch.setattr(quiet, "_loaded", False)
    monkeypatch.setattr(quiet, "_half_loaded", False)
    with pytest.raises(ValueError, match="a failure"), quiet.loading():
        raise ValueError("a failure is no interruption")
    with pytest.raises(KeyboardInterrupt), quiet.loading():
        raise KeyboardInterrupt
    with pytest.raises(quiet.HalfLoadedError, match="interrupted while MLflow was being loaded"):
        store.connect(tracking.own_store(tmp_path))


def test_a_later_interruption_leaves_a_loaded_mlflow_in_use(monkeypatch, tmp_path):
    monkeypatch.setattr(quiet, "_half_loaded", False)
    store.connect(tracking.own_store(tmp_path))
    with pytest.raises(KeyboardInterrupt), quiet.loading():
        raise KeyboardInterrupt
    store.connect(tracking.own_store(tmp_path))
