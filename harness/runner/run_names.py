"""What a run is called: its encoder, its seed, and what sets it apart from those beside it.

In a sweep that is what was swept; of a run alone, what its command set. All that the command set stays in the record.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from harness.records import store

NEVER_NAMED = ("seed", "name", "output_dir", "cache_dir", "rerun", "run_timeout", "fail_fast", "tracking", "sweep", "mode")
"""Overrides that no name has: they are said elsewhere, or do not bear on a run's result."""
MEASURING = ("measure", "hardware.threads")
"""Overrides of how a run is measured, which only a sweep over them tells."""
MOST_NAMED = 4
"""Overrides that the label of a run alone has room for."""


def overrides_of(config: DictConfig) -> list[str]:
    """What the command set that may bear on a run's result, in order: all, whatever the run is called."""
    overrides = sorted(HydraConfig.get().overrides.task)
    return [
        one for one in overrides
        if _key(one).split(".")[0] not in NEVER_NAMED and one != f"encoder={config.choices.encoder}"
    ]  # fmt: skip


def label(config: DictConfig) -> str:
    """A run's readable name: ``<encoder>/seed=<n>``, and what else sets it apart."""
    overrides = overrides_of(config)
    swept = read_swept(config) if config.sweep else None
    if swept is not None:
        more = [one for one in sorted(HydraConfig.get().overrides.task) if _key(one) in swept]
        more = [one for one in more if _key(one) not in ("encoder", "seed")]  # whole: two folders may have one name
    else:
        said = ["experiment"] + (["data"] if config.name == config.choices.data else [])  # by the name
        more = [one for one in overrides if _key(one) not in said and not _key(one).startswith(MEASURING)]
        more = more if len(more) <= MOST_NAMED else [*more[: MOST_NAMED - 1], f"{len(more) - MOST_NAMED + 1} more"]
        more = [_less_folder(one) for one in more]
    return "/".join([config.choices.encoder, f"seed={OmegaConf.select(config, 'seed')}", *more])


def _less_folder(override: str) -> str:
    """Of a file that is there its name alone; the record has where it is."""
    key, _, value = override.partition("=")
    file = os.path.expanduser(value.strip("\"'"))
    return f"{key}={os.path.basename(file)}" if os.path.isfile(file) else override


def _key(override: str) -> str:
    return override.lstrip("+~").split("=")[0]


def keep_swept(config: DictConfig) -> None:
    """Leave for the jobs of a sweep, wherever they run, which keys it varies."""
    lines = [*config.hydra.overrides.task, *(f"{key}={value}" for key, value in _searched(config))]
    folder = sweep_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_json(folder / "swept.json", swept_keys(lines))


def _searched(config: DictConfig) -> Iterable[tuple[str, str]]:
    """What a sweeper that searches is told to vary by its own settings."""
    return ((config.hydra.sweeper.get("params") or {}) or {}).items()


def swept_keys(overrides: Iterable[str]) -> list[str]:
    """The keys that these overrides vary."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return sorted({_key(override.input_line or "") for override in parsed if override.is_sweep_override()})


def read_swept(config: DictConfig) -> list[str] | None:
    """The keys that a job's sweep varies; None where nobody left them."""
    file = sweep_folder(config) / "swept.json"
    return store.load_json(file) if file.is_file() else None


def sweep_folder(config: DictConfig) -> Path:
    """Where a sweep keeps what is its own."""
    return Path(config.output_dir).absolute() / "sweeps" / config.sweep
