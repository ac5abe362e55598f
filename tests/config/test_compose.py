"""How the config is composed: once for the jobs of a sweep that differ in their seed alone."""

import hydra
import pytest
from conftest import QUICK
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from harness.config.compose import aside, conf_dir
from harness.config.composed_once import ComposedOnce
from harness.runner.sweep import compose_jobs_once


class Loader(ConfigLoader):
    """Counts how often it composes a job."""

    def __init__(self):
        self.composed = []

    def load_sweep_config(self, master_config, sweep_overrides):
        self.composed.append(sweep_overrides)
        return OmegaConf.create({"hydra": {"job": {"num": "???"}}})

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
    ("launcher", "sweeper", "composed"),
    [
        ("BasicLauncher", "SeedSweeper", 2),
        ("JoblibLauncher", "SeedSweeper", 6),  # its jobs are in other processes
        ("BasicLauncher", "OtherSweeper", 6),
    ],
)
def test_jobs_that_differ_in_their_seed_alone_are_composed_once_where_they_run_here(
    monkeypatch, launcher, sweeper, composed
):
    class Hydra:
        config_loader = Loader()

    counted = Hydra.config_loader.composed
    monkeypatch.setattr(GlobalHydra.instance(), "hydra", Hydra)
    plugins = {"launcher": {"_target_": f"hydra.{launcher}"}, "sweeper": {"_target_": f"hydra.{sweeper}"}}
    compose_jobs_once(OmegaConf.create({"hydra": plugins}))
    loader = Hydra.config_loader
    for job in ("a=1", "a=2", "a=1"):  # the sweeper composes all jobs, to see whether it can
        loader.load_sweep_config(None, ["seed=0", job])
    for job in ("a=2", "a=1", "a=1"):
        config = loader.load_sweep_config(None, ["seed=0", job])
        assert OmegaConf.is_missing(config.hydra.job, "num"), "it is not that of another job"
        config.hydra.job.num = 5  # as a launcher does
    assert len(counted) == composed


@pytest.mark.parametrize(
    ("common", "jobs", "composed"),
    [
        (["hardware=cpu"], [["seed=0", "encoder=lstm"], ["seed=12", "encoder=lstm"], ["seed=12", "encoder=gru"]], 2),
        (["hydra.job.config.override_dirname.kv_sep=_", "data=imdb"], [["seed=7", "name=x"], ["seed=0", "name=x"]], 1),
        (["hydra.job.config.override_dirname.exclude_keys=[seed]"], [["name=x", "seed=5"], ["name=x", "seed=2"]], 1),
        ([], [["seed=-1"], ["seed=03"], ["seed=3"]], 3),  # each is refused by its run, or is a number
    ],
)
def test_a_copy_with_another_seed_is_what_hydra_composes(common, jobs, composed):
    with aside(), hydra.initialize_config_dir(str(conf_dir().absolute()), version_base="1.3"):
        loader = GlobalHydra.instance().hydra.config_loader
        whole = loader.load_configuration("config", common, RunMode.MULTIRUN)
        once = ComposedOnce(loader)
        for job in jobs:
            job = [*whole.hydra.overrides.task, *job]
            copied, real = (one.load_sweep_config(whole, job) for one in (once, loader))
            assert OmegaConf.to_container(copied, resolve=False) == OmegaConf.to_container(real, resolve=False)
            assert OmegaConf.is_struct(copied)
        assert len(once.composed) == composed


def test_everything_else_is_passed_on_to_hydras_loader():
    loader = ComposedOnce(Loader())
    assert loader.load_configuration("config", ["seed=1"], "run") == ("config", ["seed=1"], "run", True, True)
    assert loader.compute_defaults_list("config", [], "run") == ("config", [], "run")
    assert (loader.get_search_path(), loader.get_sources()) == ("search path", ["source"])
    assert (loader.list_groups("data"), loader.get_group_options("encoder", overrides=[])) == (["data"], ["encoder"])


def test_a_sweep_over_seeds_composes_once(command, monkeypatch):
    """With Hydra's own launcher: fails when Hydra asks for the configs of jobs in another way."""
    asked = []

    class Counted(ComposedOnce):
        def load_sweep_config(self, master_config, sweep_overrides):
            config = super().load_sweep_config(master_config, sweep_overrides)
            asked.append(len(self.composed))
            return config

    monkeypatch.setattr("harness.runner.sweep.ComposedOnce", Counted)
    ended = command("-m", "seed=0,1", *QUICK, "trainer.epochs=1", "tracking=none")
    assert ended.code == 0, ended.err
    assert asked == [1, 1, 1, 1]
    assert [record.config["seed"] for record in ended.records] == [0, 1]


def test_a_job_that_is_given_twice_is_one_job(command):
    ended = command("-m", "seed=0,0", *QUICK, "trainer.epochs=1", "tracking=none")
    assert ended.code == 0, ended.err
    assert "skipped" not in ended.out
    assert len(ended.records) == 1
