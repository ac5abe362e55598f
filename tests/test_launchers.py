"""The same sweep under each launcher: the same accuracy, nothing lost."""

from pathlib import Path

import pytest
from conftest import QUICK

SWEEP = ("-m", "encoder=rnn,bag_of_embeddings", "seed=0,1", *QUICK)
LAUNCHERS = {"joblib": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher", "ray": "hydra_ray_launcher"}


@pytest.fixture(scope="module")
def expected():
    return {}


@pytest.mark.parametrize("launcher", ["basic", *LAUNCHERS])
def test_every_launcher_gives_the_same_numbers(command, expected, launcher):
    if launcher in LAUNCHERS:
        pytest.importorskip(f"hydra_plugins.{LAUNCHERS[launcher]}")
    ended = command(*SWEEP, f"hydra/launcher={launcher}")
    assert ended.code == 0, ended.err
    losses = {(record["choices"]["encoder"], record["seed"]): record["metrics"]["test/loss"] for record in ended.records}
    assert len(losses) == 4
    assert expected.setdefault("losses", losses) == losses
    assert all(record["mlflow_run_id"] for record in ended.records)
    assert len({record["sweep"] for record in ended.records}) == 1


def test_slurm_composes_with_what_a_cluster_needs(command):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    ended = command("--cfg", "hydra", "-m", "hydra/launcher=submitit_slurm", "hydra.launcher.partition=long", "seed=0,1")
    assert ended.code == 0, ended.err
    assert "partition: long" in ended.out


def test_optuna_searches_on_validation(command):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    search = ("hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1")
    ended = command("-m", *search, "hydra.sweeper.direction=maximize", "optimizer.lr=interval(1e-4,1e-1)", *QUICK)
    assert ended.code == 0, ended.err
    assert len(ended.records) == 3
    best = max(record["metrics"]["val/accuracy"] for record in ended.records)
    (results,) = Path("outputs/sweeps").glob("*/optimization_results.yaml")
    assert f"best_value: {best}" in results.read_text()
