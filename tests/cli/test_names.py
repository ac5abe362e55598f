"""Names of experiments: any name works, its files lie below the output folder, and no two names share a folder."""

import os
from pathlib import Path

import pytest
from conftest import QUICK

from harness import tracking
from harness.cli import subcommands
from harness.records import store
from harness.tracking.store import database_of, experiment_name

QUICKER = ("encoder=bag_of_embeddings", *QUICK, "trainer.epochs=1")
NASTY = {
    "blank": " ",
    "parent": "..",
    "slashes": "///",
    "outside": "../../x",
    "absolute": "/x",
    "long": "a" * 300,
    "very long": "b" * 3000,
    "emoji": "😀" * 100,
    "right to left": "שלום עולם",
    "assignment": "a=b",
    "quotes": 'it\'s "so"',
    "percent": "50%?#2;x",
    "control": "a\tb\x07c",
    "MLflow's own": "Default",
    "markup": "[red]<b>x</b>",
}


def override(name: str) -> str:
    """``name=...`` as Hydra reads it: quoted, with its own quotes escaped."""
    escaped = name.replace('"', '\\"')
    return f'name="{escaped}"'


def files_below(folder: Path) -> set[Path]:
    return {Path(at, name) for at, _, names in os.walk(folder) for name in names}


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY.keys())
def test_a_name_of_any_kind_runs_and_is_reported_and_stays_below_the_output_folder(command, tmp_path, capfd, name):
    deep = tmp_path / "deep" / "er"
    deep.mkdir(parents=True)
    output_dir = deep / "outputs"
    ended = command(*QUICKER, override(name), f"output_dir={output_dir}")
    assert (ended.code, "MLflow" in ended.err, "Traceback" in ended.err) == (0, False, False), ended.err
    (record,) = store.read_all(output_dir / "runs")
    assert (record.name, record.status) == (name, "finished")
    assert subcommands.run(["report", "--output-dir", str(output_dir), "--name", name]) == 0
    assert (output_dir / "reports" / store.file_name(name) / "report.html").is_file()
    assert files_below(tmp_path) == files_below(output_dir)
    assert list((output_dir / "mlartifacts" / store.file_name(name)).glob("*/artifacts/record.json"))
    listed = [its_name for its_name, _ in tracking.experiments(tracking.store_uri(None, output_dir))]
    assert listed == [experiment_name(name)]
    assert "Default" not in listed, "MLflow's own experiment is not listed"


def test_names_that_read_alike_share_no_folder_and_rerun_of_one_keeps_the_other(command, tmp_path):
    assert command(*QUICKER, 'name="exp 1"').code == 0
    (first,) = store.read_all(tmp_path / "outputs" / "runs")
    before = {file: file.read_bytes() for file in files_below(first.folder)}
    ended = command(*QUICKER, "name=exp/1", "rerun=true")
    assert ended.code == 0
    assert [record.name for record in ended.records] == ["exp 1", "exp/1"]
    assert len({record.folder.parent for record in ended.records}) == 2
    assert {file: file.read_bytes() for file in files_below(first.folder)} == before
    assert len(list((tmp_path / "outputs" / "mlartifacts").iterdir())) == 2


def test_an_empty_name_is_refused(command, tmp_path):
    ended = command("name=", "hardware=cpu")
    assert (ended.code, ended.records) == (2, [])
    assert "name must be text, and is ''; leave it out, and it is that of the data" in ended.err


@pytest.mark.parametrize("folder", ["50%", "what?", "a%20b", "a#b", "größe", "a b"])
def test_an_output_folder_of_any_name_holds_all_files(command, tmp_path, folder):
    below = tmp_path / folder / "outputs"
    ended = command(*QUICKER, f'output_dir="{below}"')
    assert (ended.code, "MLflow" in ended.err) == (0, False), ended.err
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    assert (below / "mlflow.db").is_file()
    assert database_of(tracking.store_uri(None, below)) == below / "mlflow.db"
    assert list(below.glob("mlartifacts/digits/*/artifacts/record.json"))


@pytest.mark.parametrize("flags", [(), ("-m",)])
def test_a_working_folder_that_is_not_utf_8_is_one_sentence(command, tmp_path, monkeypatch, flags):
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    monkeypatch.chdir(folder)
    ended = command(*flags, *QUICKER)
    sentence = f"output_dir: {tmp_path}/caf\ufffd/outputs is not UTF-8; set output_dir to another folder\n"
    assert (ended.code, ended.err.endswith(sentence), ended.err.count("UTF-8")) == (2, True, 1), ended.err
    assert not list(folder.iterdir())


@pytest.mark.parametrize("flags", [(), ("-m",)])
def test_the_id_of_a_sweep_is_not_given_and_writes_nowhere(command, tmp_path, flags):
    ended = command(*flags, *QUICKER[:1], "sweep=../../../x")
    assert (ended.code, ended.err) == (2, "sweep=../../../x: -m sets the id of a sweep; leave it out\n")
    assert not list(tmp_path.iterdir())


def test_an_argument_that_is_no_text_is_one_sentence(command):
    ended = command("hardware=cpu", "name=a\udcff")
    assert (ended.code, ended.records) == (2, [])
    assert ended.err == "name=a� is not UTF-8: write it in UTF-8, such as with LANG=C.UTF-8\n"
