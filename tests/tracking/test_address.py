"""Which store a run goes to, what of its address is shown, and which addresses are refused."""

import os

import pytest
from conftest import refused
from made_records import made

from harness.records.secrets import masked
from harness.tracking import address

SECRETS = [
    ("http://me:hunter2@127.0.0.1:1", "http://***@127.0.0.1:1"),
    ("https://hunter2@host/path", "https://***@host/path"),
    ("postgresql://me:p@ss/hunter2@db.host/mlflow", "postgresql://***@db.host/mlflow"),
    ("API request to http://me:hunter2@h/api failed", "API request to http://***@h/api failed"),
    ("https://h/x?Token=hunter2&page=3", "https://h/x?Token=***&page=3"),
    ("https://h/x?page=3&api_key=hunter2", "https://h/x?page=3&api_key=***"),
]
PLAIN = ["sqlite:////data/me@host/mlflow.db", "http://127.0.0.1:5000", "none", "an e-mail to me@host.org", "a?b=1"]


@pytest.mark.parametrize(("text", "expected"), SECRETS)
def test_secrets_of_an_address_are_masked(text, expected):
    assert masked(text) == expected
    assert masked(expected) == expected


@pytest.mark.parametrize("text", PLAIN)
def test_what_has_no_secret_stays(text):
    assert masked(text) == text


@pytest.fixture
def variable(monkeypatch):
    monkeypatch.delenv(address.VARIABLE, raising=False)
    return lambda value: monkeypatch.setenv(address.VARIABLE, value)


def test_the_settings_win_over_the_environment_and_that_over_the_output_folder(tmp_path, variable):
    assert address.store_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    variable("http://team:5000")
    assert address.store_uri(None, tmp_path) == "http://team:5000"
    assert address.store_uri("http://mine:5000", tmp_path) == "http://mine:5000"
    assert address.store_uri("none", tmp_path) == "none"


def test_a_database_below_the_working_folder_has_one_address_in_every_folder(tmp_path, variable, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert address.store_uri("sqlite:///a b/my.db?timeout=7", tmp_path) == f"sqlite:///{tmp_path}/a b/my.db?timeout=7"


@pytest.mark.parametrize(
    ("uri", "expected"), [(None, None), ("none", None), ("http://me:pw@h", "http://***@h"), ("http://h", "http://h")]
)
def test_a_record_names_another_store_without_its_secrets(tmp_path, variable, uri, expected):
    assert address.elsewhere(uri, tmp_path) == expected


def of(tmp_path, tracked_in, uri=None):
    record = made(tracked_in=tracked_in)
    record.config["tracking"] = {"uri": uri}
    record.folder = tmp_path / record.run_dir
    return address.store_of(record)


def test_a_record_leads_to_its_store_wherever_it_was_moved(tmp_path, variable):
    assert of(tmp_path, None) == f"sqlite:///{tmp_path}/mlflow.db"
    assert of(tmp_path, None, "none") == "none"
    variable("http://other")
    assert of(tmp_path, "http://team") == "http://team"


def test_a_masked_store_is_that_of_the_environment_or_asked_for(tmp_path, variable):
    sentence = refused(of, tmp_path, "http://***@h")
    assert sentence == (
        "lstm/seed=0 is tracked at http://***@h, and no record keeps a password; "
        "set MLFLOW_TRACKING_URI to this address with its password"
    )
    variable("http://me:pw@other")
    assert refused(of, tmp_path, "http://***@h") == sentence
    variable("http://me:pw@h")
    assert of(tmp_path, "http://***@h") == "http://me:pw@h"


@pytest.mark.parametrize("uri", ["mlruns", "./mlruns", "/data/mlruns", "file:mlruns", "file:///data/mlruns"])
def test_a_store_of_files_is_refused(variable, uri):
    assert refused(address.check_store, uri).startswith(f"tracking.uri={uri} is a folder of files")
    variable(uri)
    assert refused(address.check_store, None).startswith(f"MLFLOW_TRACKING_URI={uri} is a folder of files")


@pytest.mark.parametrize("uri", [None, "none", "databricks", "databricks://team", "http://h", "sqlite:///a.db"])
def test_other_stores_are_taken(variable, uri):
    address.check_store(uri)


def test_an_empty_variable_is_none(tmp_path, variable):
    variable("")
    assert address.store_uri(None, tmp_path) == address.own_store(tmp_path)
    address.check_store(None)
    assert os.environ[address.VARIABLE] == ""
