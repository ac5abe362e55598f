"""A config loader that composes each job of a sweep once.

Hydra composes all jobs before the first run, so that an error ends the sweep before any training. Then its launcher
composes each job again. Here the launcher gets the config that was composed first.
"""

from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf


class ComposedOnce(ConfigLoader):
    """Passes everything on to Hydra's loader, and keeps each job's config until it is asked for a second time.

    A config that a launcher already gave a job's number to is never returned again: its run may have changed it.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader
        self.waiting: dict[tuple[str, ...], DictConfig] = {}

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        job = tuple(sweep_overrides)
        kept = self.waiting.pop(job, None)
        if kept is not None and OmegaConf.is_missing(kept.hydra.job, "num"):
            return kept
        composed = self.loader.load_sweep_config(master_config, sweep_overrides)
        self.waiting[job] = composed
        return composed

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        return self.loader.load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)

    def get_search_path(self) -> Any:
        return self.loader.get_search_path()

    def get_sources(self) -> Any:
        return self.loader.get_sources()

    def list_groups(self, parent_name: str) -> list[str]:
        return self.loader.list_groups(parent_name)

    def get_group_options(self, group_name: str, *arguments: Any, **settings: Any) -> list[str]:
        return self.loader.get_group_options(group_name, *arguments, **settings)

    def compute_defaults_list(self, config_name: str | None, overrides: list[str], run_mode: RunMode) -> Any:
        return self.loader.compute_defaults_list(config_name, overrides, run_mode)
