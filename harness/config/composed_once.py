"""A config loader that composes each job of a sweep once.

Hydra composes all jobs before the first run, so that an error ends the sweep before any training. Then its launcher
composes each job again. Here the launcher gets the config that was composed first.
"""

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from harness.config.wrapped_loader import WrappedLoader


class ComposedOnce(WrappedLoader):
    """Keeps each job's config until it is asked for a second time.

    A config that a launcher already gave a job's number to is never returned again: its run may have changed it.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        super().__init__(loader)
        self.waiting: dict[tuple[str, ...], DictConfig] = {}

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        job = tuple(sweep_overrides)
        kept = self.waiting.pop(job, None)
        if kept is not None and OmegaConf.is_missing(kept.hydra.job, "num"):
            return kept
        composed = self.loader.load_sweep_config(master_config, sweep_overrides)
        self.waiting[job] = composed
        return composed
