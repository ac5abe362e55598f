"""How Hydra makes a config of the shipped files and of a command's overrides; importing this changes Hydra in two ways.

It does less: its store of schemas is not copied, and a sweep's jobs are composed once instead of twice.
"""

import warnings
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, OmegaConf

# a launcher's config of ours has the name of its plugin's, on purpose: ours is what is documented
warnings.filterwarnings("ignore", message=r"\s*'hydra/(launcher|sweeper)/\w+' is validated against ConfigStore schema")
# Hydra copies where it finds configs whenever it looks one up, and with that this store of all its plugins' schemas,
# which took three quarters of --help; the store is a singleton, and itself copies what is loaded from it
ConfigStore.__deepcopy__ = lambda store, _memo: store


def conf_dir() -> Path:
    """The folder of the shipped configs: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def compose(*overrides: str) -> dict[str, Any]:
    """The config that the command line would run with these overrides, as plain values."""
    from harness.config import schema as configs

    composed = compose_whole(*overrides)
    HydraConfig.instance().set_config(composed)  # where choices are read from
    return configs.resolve(OmegaConf.masked_copy(composed, [key for key in composed if key != "hydra"]))


def compose_whole(*overrides: str) -> DictConfig:
    """The same as Hydra has it, with its own settings."""
    with hydra.initialize_config_dir(str(conf_dir().absolute()), version_base="1.3"):
        return hydra.compose("config", list(overrides), return_hydra_config=True)


# Hydra's sweeper composes all jobs to see whether it can, and its launcher each again: let it take the first
_compose_job = ConfigLoaderImpl.load_sweep_config
_composed: dict[tuple[str, ...], DictConfig] = {}


def _compose_all(sweeper: Sweeper, batch: list[list[str]]) -> None:
    _composed.clear()
    loader = sweeper.hydra_context.config_loader
    found = {tuple(job): _compose_job(loader, sweeper.config, list(job)) for job in batch}
    if sweeper.config.hydra.launcher._target_.endswith(".BasicLauncher"):  # others compose in their own processes
        _composed.update(found)


def _take_or_compose(loader: ConfigLoaderImpl, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
    taken = _composed.pop(tuple(sweep_overrides), None)
    return _compose_job(loader, master_config, sweep_overrides) if taken is None else taken


Sweeper.validate_batch_is_legal = _compose_all
ConfigLoaderImpl.load_sweep_config = _take_or_compose
