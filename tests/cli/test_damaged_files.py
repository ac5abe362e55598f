"""Files that a power failure or a bad disk damaged: each is named, the rest is used, and the same command mends it."""

import csv
import json
import random
import shutil
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from commands import run
from conftest import QUICK

from harness import tracking
from harness.cli import subcommands
from harness.records import store
from harness.runner import job_outcomes, run_names

QUICKER = (*QUICK, "trainer.epochs=1")
SWEEP = ("-m", "encoder=self_attention", "seed=0,1", *QUICKER, "tracking=none")
SWEEP = tuple(one for one in SWEEP if not one.startswith("tracking.system"))
KINDS = ("empty", "cut", "not UTF-8", "another JSON")


def damaged(content: bytes, kind: str) -> bytes:
    """What is left of a file's content."""
    cut = random.Random(len(content)).randrange(1, max(2, len(content)))
    contents = {"empty": b"", "cut": content[:cut], "not UTF-8": b"\xff\xfe\x00{", "another JSON": b'{"other": [1]}'}
    return contents[kind]


def damage(file: Path, kind: str) -> None:
    file.write_bytes(damaged(file.read_bytes(), kind))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def outputs(command, home):
    """An output folder with the finished sweep of two seeds and a baseline; made once, and whole for every test."""
    folder, kept = home / "outputs", home / "kept"
    if not kept.exists():
        assert command(*SWEEP, f"output_dir={folder}").code == 0
        baseline = str(folder / "baseline.json")
        assert subcommands.run(["report", "--output-dir", str(folder), "--write-baseline", baseline]) == 0
        shutil.copytree(folder, kept)
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    return folder


def run_of(outputs: Path, seed: int) -> Path:
    (folder,) = outputs.glob(f"runs/digits/*seed={seed}*")
    return folder


def report(capfd, *arguments) -> tuple[int, str, str]:
    """The exit code, the output and the errors of ``report``."""
    capfd.readouterr()
    code = subcommands.run(["report", *map(str, arguments)])
    printed = capfd.readouterr()
    assert "Traceback" not in printed.err
    return code, printed.out, printed.err


@pytest.mark.parametrize("kind", KINDS)
def test_a_runs_damaged_files_are_named_and_the_same_command_makes_them_again(command, outputs, capfd, kind):
    first, second = run_of(outputs, 0), run_of(outputs, 1)
    accuracy = store.read(first).metrics["test/accuracy"]
    (first / "error.txt").write_text("of an earlier try")
    names = ("record.json", "confusion.json", "attention.json", "environment.json", "config.yaml", "error.txt")
    for name in names:
        damage(first / name, kind)
    damage(second / "attention.json", kind)
    for file in outputs.glob("sweeps/*/**/*.json"):
        damage(file, kind)

    code, _, errors = report(capfd, "--output-dir", outputs)
    assert code == 0
    left_out = [line for line in errors.splitlines() if line.startswith("left out: ")]
    assert [line.split()[2] for line in left_out] == [str(first / "record.json"), str(second / "attention.json")]
    rows = list(csv.DictReader((outputs / "reports" / "digits" / "report.csv").open(encoding="utf8")))
    means = {row["metric"]: (int(row["n"]), float(row["mean"])) for row in rows}
    assert means["test/accuracy"] == (1, store.read(second).metrics["test/accuracy"]), "the other run is reported"
    text = (outputs / "reports" / "digits" / "report.md").read_text(encoding="utf8").replace("\\", "")
    assert all(str(file) in text for file in (first / "record.json", second / "attention.json"))
    code, out, errors = report(capfd, "--output-dir", outputs, "--gate", outputs / "baseline.json")
    assert (code, "gate not passed" in out, str(first / "record.json") in errors) == (2, True, True)
    code, out, errors = report(capfd, "--output-dir", outputs, "--sync")
    assert (code, "of 1 records" in out, str(first / "record.json") in errors) == (0, True, True)

    again = command(*SWEEP, f"output_dir={outputs}")
    assert (again.code, "Traceback" in again.err) == (0, False)
    assert f"left out: {first / 'record.json'} is not a record" in again.err or kind == "another JSON"
    assert str(first / "record.json") in again.err
    records = {record.seed: record for record in store.read_all(outputs / "runs")}
    assert {seed: record.status for seed, record in records.items()} == {0: "finished", 1: "finished"}
    assert records[0].metrics["test/accuracy"] == accuracy
    assert again.out.count("skipped") == 1, "the whole run was not made again"
    for name in ("confusion.json", "attention.json", "environment.json"):
        assert store.load_json(first / name)
    assert str(outputs) in (first / "config.yaml").read_text(encoding="utf8")


@pytest.mark.parametrize("kind", KINDS)
def test_rerun_replaces_a_damaged_record_and_no_other(command, outputs, kind):
    damage(run_of(outputs, 0) / "record.json", kind)
    other = (run_of(outputs, 1) / "record.json").read_bytes()
    one = [override.replace("seed=0,1", "seed=0") for override in SWEEP[1:]]
    assert command(*one, "rerun=true", f"output_dir={outputs}").code == 0
    assert store.read(run_of(outputs, 0)).status == "finished"
    assert (run_of(outputs, 1) / "record.json").read_bytes() == other


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_baseline_is_refused_by_its_name(outputs, capfd, kind):
    file = outputs / "baseline.json"
    damage(file, kind)
    code, out, errors = report(capfd, "--output-dir", outputs, "--gate", file)
    assert (code, "gate" in out, errors.count("\n")) == (2, False, 1)
    assert str(file) in errors


@pytest.mark.parametrize("content", [{"x": 1}, [], {"x": {"name": "x"}}, {"x": {"metrics": []}}, None])
def test_a_baseline_whose_variants_are_something_else_is_refused_by_its_name(outputs, capfd, content):
    file = outputs / "baseline.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "variants": content}))
    code, _, errors = report(capfd, "--output-dir", outputs, "--gate", file)
    assert code == 2
    assert f"the baseline {file} cannot be read: " in errors


@pytest.mark.parametrize("name", ["meta.json", "train.x.npy", "test.y.npy"])
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_prepared_data_are_prepared_again(command, outputs, kind, name):
    (file,) = outputs.glob(f"cache/*/{name}")
    whole = file.read_bytes()
    damage(file, kind)
    ended = command("encoder=bag_of_embeddings", "seed=2", *QUICKER, f"output_dir={outputs}", "tracking.uri=none")
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    assert f"{file} is damaged (" in ended.err
    assert file.read_bytes() == whole
    records = {record.seed: record for record in store.read_all(outputs / "runs")}
    assert records[2].data.hash == records[0].data.hash


def test_a_missing_part_of_the_prepared_data_is_damage_too(command, outputs):
    (file,) = outputs.glob("cache/*/validation.y.npy")
    file.unlink()
    ended = command("encoder=bag_of_embeddings", "seed=2", *QUICKER, f"output_dir={outputs}", "tracking.uri=none")
    assert ended.code == 0
    assert f"{file} is damaged (" in ended.err


def test_data_in_a_cache_that_cannot_be_written_to_are_used(command, outputs, monkeypatch):
    def refuse(lock, *_arguments, **_settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    ended = command("encoder=bag_of_embeddings", "seed=2", *QUICKER, f"output_dir={outputs}", "tracking.uri=none")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("kind", KINDS)
def test_an_outcome_that_was_damaged_during_the_sweep_is_named_and_the_others_are_compared(
    command, outputs, monkeypatch, kind
):
    def keep(config, number, outcome):
        kept(config, number, outcome)
        if number == 0:
            damage(job_outcomes.outcomes_folder(config) / "0.json", kind)

    kept = job_outcomes.keep_outcome
    monkeypatch.setattr(job_outcomes, "keep_outcome", keep)
    ended = command(*SWEEP, f"output_dir={outputs}")
    file = max(outputs.glob("sweeps/*/outcomes/*/0.json"), key=lambda file: file.stat().st_mtime)
    assert (ended.code, "Traceback" in ended.err) == (1, False)
    assert f"{file} is not the outcome of a run (" in ended.err
    assert "report  " in ended.out, "the comparison of the others"
    assert {record.seed for record in store.read_all(outputs / "runs")} == {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_list_of_swept_keys_costs_the_short_names_only(command, outputs, monkeypatch, kind):
    def keep(config):
        kept(config)
        damage(run_names.sweep_folder(config) / "swept.json", kind)

    kept = run_names.keep_swept
    monkeypatch.setattr(run_names, "keep_swept", keep)
    ended = command(*SWEEP, f"output_dir={outputs}")
    (file,) = outputs.glob("sweeps/*/swept.json")
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    assert f"{file} cannot be read (" in ended.err


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> bytes:
    """The content of an MLflow store."""
    folder = tmp_path_factory.mktemp("store")
    tracking.experiments(tracking.store_uri(None, folder))
    with closing(connect(folder / "mlflow.db")) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (folder / "mlflow.db").read_bytes()


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_damaged_store_is_named_and_the_run_goes_on(command, tmp_path, capfd, database, kind):
    file = tmp_path / "outputs" / "mlflow.db"
    file.parent.mkdir()
    file.write_bytes(damaged(database, kind))
    ended = command("encoder=bag_of_embeddings", *QUICKER)
    assert (ended.code, ended.record.status, "Traceback" in ended.err) == (0, "finished", False)
    remedy = f"move {file} away, and MLflow gets a new one"
    assert f"MLflow at sqlite:///{file} failed (" in ended.err
    assert remedy in ended.err
    code, _, errors = report(capfd, "--sync")
    assert (code, f"MLflow at sqlite:///{file} does not answer" in errors, remedy in errors) == (2, True, True)
    assert report(capfd)[0] == 0
    file.rename(tmp_path / "moved.db")
    synced = run(Path.cwd(), "report", "--sync")
    assert "up to date with 1 of 1 records" in synced.stdout


def test_an_empty_store_becomes_a_new_one(command, tmp_path):
    file = tmp_path / "outputs" / "mlflow.db"
    file.parent.mkdir()
    file.write_bytes(b"")
    ended = command("encoder=bag_of_embeddings", *QUICKER)
    assert (ended.code, "MLflow" in ended.err) == (0, False)
    assert [name for name, _ in tracking.experiments(tracking.store_uri(None, file.parent))] == ["digits"]


def test_the_pages_of_a_damaged_store_are_refused_by_its_name(tmp_path, capfd, database):
    (tmp_path / "mlflow.db").write_bytes(damaged(database, "another JSON"))
    assert subcommands.run(["ui", "--output-dir", str(tmp_path)]) == 2
    printed = capfd.readouterr()
    assert f"{tmp_path / 'mlflow.db'}" in printed.err
    assert (printed.err.count("\n"), "Traceback" in printed.err) == (1, False)
