"""How the config is composed: once for each job of a sweep."""

import pytest
from conftest import QUICK
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from harness.config.composed_once import ComposedOnce
from harness.runner.sweep import compose_jobs_once


class Loader(ConfigLoader):
    """Counts how often it composes a job."""

    def __init__(self):
        self.composed = []

    def load_sweep_config(self, master_config, sweep_overrides):
        self.composed.append(sweep_overrides)
        return OmegaConf.create({"hydra": {"job": {"num": "???"}}, "number": len(self.composed)})

    def load_configuration(self, *arguments):
        return arguments

    def get_search_path(self):
        return "search path"

    def get_sources(self):
        return ["source"]

    def list_groups(self, parent_name):
        return [parent_name]

    def get_group_options(self, group_name, *arguments, **settings):
        return [group_name]

    def compute_defaults_list(self, *arguments):
        return arguments


@pytest.mark.parametrize(
    ("launcher", "sweeper", "numbers"),
    [
        ("BasicLauncher", "SeedSweeper", [2, 1, 3, 4]),
        ("JoblibLauncher", "SeedSweeper", [3, 4, 5, 6]),  # its jobs are in other processes
        ("BasicLauncher", "OtherSweeper", [3, 4, 5, 6]),
    ],
)
def test_a_job_of_a_sweep_is_composed_once_where_it_runs_here(monkeypatch, launcher, sweeper, numbers):
    class Hydra:
        config_loader = Loader()

    monkeypatch.setattr(GlobalHydra.instance(), "hydra", Hydra)
    plugins = {"launcher": {"_target_": f"hydra.{launcher}"}, "sweeper": {"_target_": f"hydra.{sweeper}"}}
    compose_jobs_once(OmegaConf.create({"hydra": plugins}))
    loader = Hydra.config_loader
    for job in ("seed=0", "seed=1"):  # the sweeper composes all jobs, to see whether it can
        loader.load_sweep_config(None, [job])
    taken = []
    for job in ("seed=1", "seed=0", "seed=0", "seed=0"):  # the same job again: a run may have changed its config
        config = loader.load_sweep_config(None, [job])
        taken.append(config.number)
        config.hydra.job.num = len(taken)  # as a launcher does
    assert taken == numbers


def test_everything_else_is_passed_on_to_hydras_loader():
    loader = ComposedOnce(Loader())
    assert loader.load_configuration("config", ["seed=1"], "run") == ("config", ["seed=1"], "run", True, True)
    assert loader.compute_defaults_list("config", [], "run") == ("config", [], "run")
    assert (loader.get_search_path(), loader.get_sources()) == ("search path", ["source"])
    assert (loader.list_groups("data"), loader.get_group_options("encoder", overrides=[])) == (["data"], ["encoder"])


def test_a_sweep_composes_each_job_once(command, monkeypatch):
    """With Hydra's own launcher: fails when Hydra asks for the configs of jobs in another way."""
    composed = []

    class Counted(ComposedOnce):
        def load_sweep_config(self, master_config, sweep_overrides):
            waiting = len(self.waiting)
            config = super().load_sweep_config(master_config, sweep_overrides)
            composed.append("kept" if len(self.waiting) < waiting else "composed")
            return config

    monkeypatch.setattr("harness.runner.sweep.ComposedOnce", Counted)
    ended = command("-m", "seed=0,1", *QUICK, "trainer.epochs=1", "tracking=none")
    assert ended.code == 0, ended.err
    assert composed == ["composed", "composed", "kept", "kept"]


def test_a_job_that_is_given_twice_runs_once_and_is_skipped_once(command):
    ended = command("-m", "seed=0,0", *QUICK, "trainer.epochs=1", "tracking=none")
    assert ended.code == 0, ended.err
    assert ended.out.count("skipped") == 1
    assert len(ended.records) == 1
