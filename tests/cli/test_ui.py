"""MLflow's pages: where they are, what their links lead to, and how the server ends."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from conftest import refused
from made_records import made

from harness import tracking
from harness.cli import subcommands, ui
from harness.records import store as records
from harness.tracking import store, unsynced

FORMS = {"harness ui": ["harness", "ui"], "harness.ui": ["harness.ui"]}


@pytest.fixture
def output_dir(tmp_path):
    """An output folder whose store has two experiments and a deleted one."""
    uri = tracking.store_uri(None, tmp_path)
    client = store.connect(uri)
    for name in ("digits", "gone", "imdb"):
        store.find_experiment(client, name, tmp_path, uri)
    client.delete_experiment(client.get_experiment_by_name("gone").experiment_id)
    return tmp_path


def test_experiments_are_the_active_ones_without_mlflows_default(output_dir):
    uri = tracking.store_uri(None, output_dir)
    client = store.connect(uri)
    expected = {(name, client.get_experiment_by_name(name).experiment_id) for name in ("digits", "imdb")}
    assert set(tracking.experiments(uri)) == expected
    assert len(tracking.experiments(uri)) == 2


def test_a_folder_without_a_store_is_an_error_that_names_it(tmp_path, capsys):
    assert ui.main(["--output-dir", str(tmp_path)]) == 2
    assert f"there is no {tmp_path}/mlflow.db" in capsys.readouterr().err
    assert not (tmp_path / "mlflow.db").exists()


def test_a_port_that_is_in_use_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < ui.free_port(port) < port + 100


def test_no_free_port_is_an_error_that_names_the_option(monkeypatch):
    class Taken(socket.socket):
        def bind(self, address):
            raise OSError("in use")

    monkeypatch.setattr(ui.socket, "socket", Taken)
    assert "no port from 5000 to 5099 is free; name one with --port" in refused(ui.free_port, 5000)


def lacked(output_dir, seed, sweep, **more):
    """The record of a run that MLflow lacks."""
    record = made("lstm", seed, run_dir=f"runs/digits/lstm-{seed}", **more)
    record.config["tracking"] = {"uri": None}
    record.folder = output_dir / record.run_dir
    record.folder.mkdir(parents=True, exist_ok=True)
    records.write(record)
    unsynced.keep(record, sweep)
    return record


def test_the_runs_of_sweeps_that_this_store_lacks_are_counted_and_how_to_add_them_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output_dir = tmp_path / "outputs"
    for seed, sweep in ((0, "a"), (0, "b"), (1, "b"), (2, None)):
        lacked(output_dir, seed, sweep)
    lacked(output_dir, 3, "b", tracked_in="http://127.0.0.1:9")
    records.remove(lacked(output_dir, 4, "b").folder)
    missing = tracking.count_missing(output_dir, tracking.own_store(output_dir))
    assert missing == 2, "not one of another store, none without a record, none that no sweep asked for, none twice"
    said = "2 runs of sweeps are missing here: python -m harness report --sync"
    assert ui._missing(2, output_dir) == f"{said} adds them"
    assert ui._missing(2, tmp_path / "my runs") == f"{said} --output-dir '{tmp_path}/my runs' adds them"


def test_a_server_that_ends_at_once_is_not_waited_for():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert ui.wait_until_up(ended, "http://127.0.0.1:9") is False


@pytest.mark.parametrize("form", FORMS)
def test_help_names_the_options(form):
    ended = subprocess.run([sys.executable, "-m", *FORMS[form], "--help"], capture_output=True, text=True)
    assert ended.returncode == 0
    assert "python -m harness ui" in ended.stdout
    assert {"--output-dir", "--port", "--host"} <= set(ended.stdout.replace("[", " ").split())


def test_ui_is_a_subcommand_that_returns_an_exit_code(tmp_path):
    assert subcommands.run(["ui", "--output-dir", str(tmp_path)]) == 2


LINK = re.compile(r"\x1b\]8;[^;]*;(.*?)\x1b\\(.*?)\x1b\]8;;\x1b\\")
"""A link with a text, as a terminal gets it: the address and the text."""


def test_the_links_fit_into_a_terminal_of_80_columns_and_open_the_menu_of_trained_models(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    ui._print_links("http://127.0.0.1:5000", [("[b]digits", "12")])
    printed = capsys.readouterr().out
    page = "http://127.0.0.1:5000/#/experiments/12/runs?viewStateShareKey="
    assert LINK.findall(printed) == [
        (f"{page}{view}&workflowType=machine_learning", f"{page}{view}") for view in ("runs", "sweeps")
    ]
    lines = LINK.sub(r"\2", printed).splitlines()
    assert lines == ["[b]digits", f"  runs   {page}runs", f"  sweeps {page}sweeps", "Ctrl-C ends MLflow."]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("many", [0, 7])
def test_of_many_experiments_the_first_have_links_and_of_none_the_list_has_one(capsys, many):
    ui._print_links("http://127.0.0.1:5000", [(f"e{place}", str(place)) for place in range(many)])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("e")] == [f"e{place}" for place in range(min(many, 5))]
    assert lines[-2:] == ["all experiments: http://127.0.0.1:5000/#/experiments", "Ctrl-C ends MLflow."]


@pytest.mark.parametrize("form", FORMS)
def test_the_printed_links_answer_and_ctrl_c_ends_the_server(form, output_dir):
    lacked(output_dir, 0, "s1")
    port = ui.free_port(5600)
    command = [sys.executable, "-m", *FORMS[form], "--output-dir", str(output_dir), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        lines = [server.stdout.readline().split() for _ in range(8)]
        assert lines[0] == ["starting", "MLflow", "on", f"{output_dir}/mlflow.db", "..."]
        assert lines[7] == ["Ctrl-C", "ends", "MLflow."]
        assert {lines[1][0], lines[4][0]} == {"digits", "imdb"}
        views = [("runs", lines[2:7:3]), ("sweeps", lines[3:7:3])]
        links = [(name, view, line) for view, both in views for (name,), line in zip(lines[1:7:3], both, strict=True)]
        for name, view, (shown, address) in links:
            assert shown == view
            assert address.endswith(f"/runs?viewStateShareKey={view}&workflowType=machine_learning")
            with urllib.request.urlopen(address, timeout=30) as page:
                assert page.status == 200
            number = address.split("/experiments/")[1].split("/")[0]
            experiment = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get?experiment_id={number}"
            with urllib.request.urlopen(experiment, timeout=30) as answer:
                found = json.load(answer)["experiment"]
            assert found["name"] == name
            assert f"mlflow.sharedViewState.{view}" in {tag["key"] for tag in found["tags"]}
    finally:
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=60)
    assert server.returncode == 130
    assert errors.startswith("1 run of sweeps is missing here: python -m harness report --sync --output-dir ")
    assert "Traceback" not in errors
    with socket.socket() as probe:  # MLflow's own server has ended too
        assert probe.connect_ex(("127.0.0.1", port)) != 0
