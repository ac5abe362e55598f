"""The sweeper of ``-m``: every combination, the seeds outermost, each job composed once."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf


class HarnessSweeper(Sweeper):
    """Runs the product of all swept values, with those of ``seed`` varied last.

    The runs of one seed then stand side by side in time: a machine that drifts slows all variants of a seed alike.
    """

    # Hydra instantiates plugins of its own namespace only, registered ones too
    __module__ = "hydra_plugins.harness"

    def __init__(self, params: dict[str, str] | None = None) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config = config
        self.loader = ComposedOnce(hydra_context.config_loader)
        self.hydra_context = HydraContext(config_loader=self.loader, callbacks=hydra_context.callbacks)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Compose every job, so that a job that cannot be composed ends the sweep before its first run; then run all.

        Raises:
            HydraException: an override sweeps over an interval, which a search alone can do.
        """
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        overrides = OverridesParser.create(config_loader=self.loader).parse_overrides(
            [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        )
        jobs = combinations(overrides)
        # other launchers compose in processes of their own
        alone = self.config.hydra.launcher._target_.endswith(".BasicLauncher")
        self.loader.compose_all(self.config, jobs, keep=alone)
        return [self.launcher.launch(jobs, initial_job_idx=0)]


def combinations(overrides: Sequence[Override]) -> list[list[str]]:
    """The overrides of every job: the product of what is swept, seeds outermost.

    Raises:
        HydraException: an override sweeps over an interval.
    """
    values = {override.get_key_element(): list(_values(override)) for override in overrides}  # a later one wins
    seeds_first = sorted(values.values(), key=lambda one: not one[0].startswith("seed="))
    return [list(job) for job in product(*seeds_first)]


def _values(override: Override) -> Iterator[str]:
    key = override.get_key_element()
    if not override.is_sweep_override():
        yield f"{key}={override.get_value_element_as_str()}"
    elif override.is_discrete_sweep():
        yield from (f"{key}={value}" for value in override.sweep_string_iterator())
    else:
        raise HydraException(f"{override.input_line}: an interval is for a search; add hydra/sweeper=optuna")


class ComposedOnce(ConfigLoader):
    """A config loader that keeps the jobs it composed for the launcher that asks for them again."""

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader
        self.composed: dict[tuple[str, ...], DictConfig] = {}

    def compose_all(self, config: DictConfig, jobs: list[list[str]], keep: bool) -> None:
        """Compose every job, and with ``keep`` have it ready for when it is asked for."""
        for job in jobs:
            composed = self.loader.load_sweep_config(config, list(job))
            if keep:
                self.composed[tuple(job)] = composed

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        kept = self.composed.pop(tuple(sweep_overrides), None)
        return self.loader.load_sweep_config(master_config, sweep_overrides) if kept is None else kept

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
