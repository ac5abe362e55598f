"""A config loader that composes jobs of a sweep once which differ in their seed alone.

Hydra composes all jobs before the first run, so that an error ends the sweep before any training. Then its launcher
composes each job again. A copy with another seed takes a twentieth of the time.
"""

import copy
import re

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from harness.config.wrapped_loader import WrappedLoader

SEED = re.compile(r"seed=(0|[1-9]\d*)")


class ComposedOnce(WrappedLoader):
    """Gives each job a copy of its own of what was composed first for its overrides, with its own seed."""

    def __init__(self, loader: ConfigLoader) -> None:
        super().__init__(loader)
        self.composed: dict[tuple[str, ...], tuple[list[str], DictConfig]] = {}

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        variant = tuple("seed" if SEED.fullmatch(one) else one for one in sweep_overrides)
        if variant not in self.composed:
            composed = self.loader.load_sweep_config(master_config, sweep_overrides)
            self.composed[variant] = list(sweep_overrides), composed
        first, config = self.composed[variant]
        config = copy.deepcopy(config)
        for before, after in zip(first, sweep_overrides, strict=True):
            if before != after:
                _set_seed(config, before, after)
        return config


def _set_seed(config: DictConfig, before: str, after: str) -> None:
    """Put the override of another seed into a config, where Hydra puts it."""
    config.seed = int(after.removeprefix("seed="))
    overrides = config.hydra.overrides.task
    overrides[overrides.index(before)] = after
    job = config.hydra.job
    parts = job.config.override_dirname
    item, old, new = (re.escape(parts.item_sep), *(one.replace("=", parts.kv_sep) for one in (before, after)))
    job.override_dirname = re.sub(f"(^|{item}){re.escape(old)}(?={item}|$)", rf"\g<1>{new}", job.override_dirname)
