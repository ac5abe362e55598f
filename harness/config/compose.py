"""How Hydra composes a config from the shipped files and a command's overrides."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from harness.config.shipped import conf_dir as conf_dir  # exported: whoever composes needs it

if TYPE_CHECKING:
    from harness.config.schema import Config

# our launcher configs have the names of the plugins' own configs on purpose: ours replace them
warnings.filterwarnings("ignore", message=r"\s*'hydra/(launcher|sweeper)/\w+' is validated against ConfigStore schema")


def compose(*overrides: str) -> "Config":
    """The typed config that the command line would run with these overrides.

    Raises:
        UserError: a value is missing, or a key does not take its value.
    """
    from harness.config.validation import resolve

    with composed(*overrides) as config:
        return resolve(config)


@contextmanager
def composed(*overrides: str) -> Iterator[DictConfig]:
    """The config that a command with these overrides gives its run; in the block, Hydra is in the state of that run."""
    with hydra.initialize_config_dir(str(conf_dir().absolute()), version_base="1.3"):
        whole = hydra.compose("config", list(overrides), return_hydra_config=True)
        HydraConfig.instance().set_config(whole)  # the config reads its choices from there
        yield OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])


def job_configs(
    loader: ConfigLoader, sweep: DictConfig, job_overrides: Sequence[Sequence[str]], first: int
) -> list[DictConfig]:
    """The configs of a sweep's jobs, with Hydra's own part, for a launcher; their numbers begin with ``first``."""
    configs = []
    for number, overrides in enumerate(job_overrides, start=first):
        config: DictConfig = loader.load_sweep_config(sweep, list(overrides))
        with open_dict(config):  # at once: what has a number is never given to another job
            config.hydra.job.id, config.hydra.job.num = str(number), number
        configs.append(config)
    return configs


@contextmanager
def state_of(config: DictConfig) -> Iterator[None]:
    """A block in which Hydra is in the state of a job; ``config`` is what it composed, with its own part."""
    current = HydraConfig.instance()
    before = current.cfg
    current.set_config(config)
    try:
        yield
    finally:
        current.cfg = before


@contextmanager
def aside() -> Iterator[None]:
    """A block in which Hydra is free for us: the program that calls may use it for itself, and finds it as it was."""
    application, current = GlobalHydra.instance(), HydraConfig.instance()
    before = application.hydra, current.cfg
    application.clear()
    try:
        yield
    finally:
        GlobalHydra.set_instance(application)  # Hydra puts copies in its place
        application.hydra, current.cfg = before


def compose_whole(*overrides: str) -> DictConfig:
    """The config as Hydra composes it, with Hydra's own settings."""
    with hydra.initialize_config_dir(str(conf_dir().absolute()), version_base="1.3"):
        return hydra.compose("config", list(overrides), return_hydra_config=True)
