"""The same sweep under each launcher: the same accuracy, nothing lost."""

from contextlib import nullcontext
from functools import wraps
from pathlib import Path

import pytest
from commands import run, warm_jobs
from conftest import QUICK

from harness.cli import main as cli
from harness.records import store

SWEEP = ("-m", "encoder=rnn,bag_of_embeddings", "seed=0", "+per.rnn.hidden_size=13", *QUICK)
LAUNCHERS = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "ray": "ray",
}
READ_ONLY = Path("/proc")
"""A folder in which not even root can create a file."""


def run_with(launcher, folder, *arguments):
    """Run a command with a launcher; jobs of submitit need not import everything again."""
    if launcher in LAUNCHERS:
        pytest.importorskip(LAUNCHERS[launcher])
    with warm_jobs() if launcher == "submitit_local" else nullcontext() as changes:
        return run(folder, *arguments, f"hydra/launcher={launcher}", changes=changes)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The losses of the sweep without a launcher."""
    folder = tmp_path_factory.mktemp("basic")
    ended = run_with("basic", folder, *SWEEP, "tracking=none")
    assert ended.returncode == 0, ended.stderr
    return {record.label: record.metrics["test/loss"] for record in store.read_all(folder / "outputs" / "runs")}


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", pytest.param("ray", marks=pytest.mark.long)])
def test_every_launcher_gives_the_same_numbers(tmp_path, expected, launcher):
    """In a process of its own: launchers start servers and threads that outlive the sweep. The folder is relative."""
    ended = run_with(launcher, tmp_path, *SWEEP, "output_dir='some where'")
    assert ended.returncode == 0, ended.stderr
    found = list(store.read_all(tmp_path / "some where" / "runs"))
    losses = {record.label: record.metrics["test/loss"] for record in found}
    assert len(losses) == 2
    assert {record.config["encoder"].get("hidden_size") for record in found} == {13, None}
    assert losses == expected
    assert all(record.mlflow_run_id for record in found)
    assert len({record.sweep for record in found}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["some where"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("launcher", "encoders"), [("joblib", ["rnn", "bag_of_embeddings"]), ("submitit_local", ["bag_of_embeddings"])]
)
def test_tuning_runs_under_launchers_whose_jobs_have_processes_of_their_own(tmp_path, launcher, encoders):
    tune = ("tune=learning_rate", "tune.space.optimizer.lr=[0.0001,0.02]", "tune.prune=true")
    sweep = ("-m", f"encoder={','.join(encoders)}", "seed=1", *tune, *QUICK, "tracking=none")
    ended = run_with(launcher, tmp_path, *sweep)
    assert ended.returncode == 0, ended.stderr
    found = list(store.read_all(tmp_path / "outputs" / "runs"))
    for encoder in encoders:
        own = [record for record in found if record.choices["encoder"] == encoder]
        trials = sorted((record for record in own if record.is_trial), key=lambda record: record.label)
        (result,) = (record for record in own if not record.is_trial)
        assert result.tuning.scores == [record.metrics["val/accuracy"] for record in trials]
        assert result.config["optimizer"]["lr"] == result.tuning.chosen["optimizer.lr"] == 0.02


@pytest.mark.long
def test_choose_decides_here_and_its_runs_are_jobs_of_a_launcher(tmp_path):
    choose = ("choose", "budget=1h", "tune=none", "looks=3", "encoder=bag_of_embeddings,cnn", *QUICK, "tracking=none")
    ended = run_with("joblib", tmp_path, *choose)
    assert ended.returncode == 0, ended.stderr
    found = list(store.read_all(tmp_path / "outputs" / "runs"))
    assert sorted(record.seed for record in found) == [0, 0, 1, 1, 2, 2]
    assert "One look, at 3 seeds" in ended.stdout


def test_jobs_that_run_in_another_folder_write_into_the_commands_output_folder(command, tmp_path, monkeypatch):
    """As those of a Ray cluster that was started elsewhere."""
    (tmp_path / "elsewhere").mkdir()

    @wraps(cli.task)
    def task_elsewhere(config):
        monkeypatch.chdir(tmp_path / "elsewhere")
        return task(config)

    task = cli.task
    monkeypatch.setattr(cli, "task", task_elsewhere)
    ended = command("-m", "seed=0", "encoder=bag_of_embeddings", *QUICK, "tracking=none")
    assert ended.code == 0, ended.err
    assert ended.record.status == "finished"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(not READ_ONLY.is_dir(), reason="needs a folder in which nobody can create a file, such as /proc")
def test_a_working_folder_that_is_read_only_is_enough_where_the_output_goes_elsewhere(command, tmp_path, monkeypatch):
    monkeypatch.chdir(READ_ONLY)
    ended = command("-m", "seed=0", "encoder=bag_of_embeddings", *QUICK, f"output_dir={tmp_path}/outputs")
    assert ended.code == 0, ended.err
    assert ended.record.status == "finished"
    assert "Traceback" not in ended.err
    default = command("-m", "seed=0", "encoder=bag_of_embeddings", *QUICK)
    assert default.code == 2
    assert "output_dir=outputs cannot be written to" in default.err


@pytest.mark.parametrize("launcher", ["submitit_local", "submitit_slurm"])
def test_a_folder_in_whose_name_submitit_would_replace_something_is_refused(command, launcher, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    sweep = ("-m", "seed=0", "encoder=bag_of_embeddings", *QUICK, "output_dir=100%job")
    ended = command(*sweep, f"hydra/launcher={launcher}")
    assert ended.code == 2
    assert ended.err == (
        "output_dir: submitit and Slurm replace a percent sign in a path, as in "
        f"{tmp_path}/100%job; name another folder\n"
    )
    assert not (tmp_path / "100%job").exists()
    assert command(*sweep).code == 0


def test_slurm_composes_with_what_a_cluster_needs(command):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    slurm = ("hydra/launcher=submitit_slurm", "hydra.launcher.partition=long")
    ended = command("--cfg", "hydra", *slurm)
    assert ended.code == 0, ended.err
    assert "partition: long" in ended.out


def test_optuna_searches_on_validation(command):
    pytest.importorskip("optuna", minversion="4")
    search = ("hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1")
    ended = command("-m", *search, "hydra.sweeper.direction=maximize", "optimizer.lr=interval(1e-4,1e-1)", *QUICK)
    assert ended.code == 0, ended.err
    assert len(ended.records) == 3
    best = max(record.metrics["val/accuracy"] for record in ended.records)
    (results,) = Path("outputs/sweeps").glob("*/optimization_results.yaml")
    assert f"best_value: {best}" in results.read_text()
