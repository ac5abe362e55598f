"""The readable name of a run: its encoder, its seed, and the overrides that distinguish it from other runs.

In a sweep these are the swept overrides; for a single run, the overrides of its command. The record has all overrides.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from harness.config import per_encoder
from harness.notices import notify
from harness.records import store
from harness.records.settings import CLASS, key_of

if TYPE_CHECKING:
    from harness.config.schema import Config  # it loads pydantic, which --cfg does without

NEVER_NAMED = (
    *("seed", "name", "output_dir", "cache_dir", "rerun", "run_timeout", "fail_fast"),
    *("tracking", "sweep", "worker", "trial", "mode", "report"),
)
"""Overrides that no name has: they stand elsewhere, or do not affect a run's result."""
DECIDES_NO_NUMBER = ("trainer.report_test_each_epoch",)
"""Further keys of this kind, inside parts of the config."""
MEASURING = ("measure", "hardware.threads")
"""Overrides of how a run is measured: only a sweep over them names its runs by them."""
PLACES = ("data", "hardware")
"""Choices that say on what a run trained, and not what."""
MOST_NAMED = 4
"""The most overrides in the label of a single run."""


def overrides_of(config: DictConfig) -> list[str]:
    """All overrides of the command that may affect a run's result, sorted, whether or not the label has them."""
    overrides, encoder = sorted(HydraConfig.get().overrides.task), f"encoder={config.choices.encoder}"
    return [
        one for one in overrides
        if key_of(one).split(".")[0] not in NEVER_NAMED and one != encoder
        and key_of(one) not in DECIDES_NO_NUMBER
    ]  # fmt: skip


def label(config: DictConfig) -> str:
    """A run's readable name: ``<encoder>/seed=<n>/<other overrides>``, of which choices of parts come first."""
    overrides = overrides_of(config)
    swept = read_swept(config) if config.sweep else None
    if swept is not None:
        more = [one for one in sorted(HydraConfig.get().overrides.task) if key_of(one) in swept]
        # whole paths: two files may have one name
        more = [one for one in more if key_of(one) not in ("encoder", "seed")]
        more.sort(key=_chooses_no_part)
    else:
        in_name = ["experiment"] + (["data"] if config.name == config.choices.data else [])
        more = [one for one in overrides if key_of(one) not in in_name and not key_of(one).startswith(MEASURING)]
        more.sort(key=_chooses_no_part)
        more = more if len(more) <= MOST_NAMED else [*more[: MOST_NAMED - 1], f"{len(more) - MOST_NAMED + 1} more"]
        more = [_without_folder(one) for one in more]
    return "/".join([config.choices.encoder, f"seed={OmegaConf.select(config, 'seed')}", *map(_readable, more)])


def _chooses_no_part(override: str) -> bool:
    """False for ``input=word_char``, ``encoder@encoder.inner=gru`` and the class of a part."""
    key = key_of(override)
    return key.partition("@")[0] in PLACES or ("." in key.partition("@")[0] and not key.endswith(CLASS))


def _readable(override: str) -> str:
    """``encoder=MyEncoder`` for ``encoder._target_=my_package.my_file.MyEncoder``, and ``encoder.inner=gru`` for
    ``encoder@encoder.inner=gru``; other overrides as they are.
    """
    key, _, value = override.partition("=")
    if key.endswith(CLASS):
        return f"{key.removesuffix(CLASS)}={value.rpartition('.')[2]}"
    return override.partition("@")[2] if "@" in key else override


def _without_folder(override: str) -> str:
    """An override whose value is an existing file, with only the file's name; the record has the whole path."""
    key, _, value = override.partition("=")
    file = os.path.expanduser(value.strip("\"'"))
    return f"{key}={os.path.basename(file)}" if os.path.isfile(file) else override


def keep_swept(config: DictConfig) -> None:
    """Write which keys a sweep varies, for its jobs, which may run on other machines."""
    lines = [*config.hydra.overrides.task, *searched(config)]
    folder = sweep_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_json(folder / "swept.json", swept_keys(lines))


def add_swept(config: DictConfig, keys: Iterable[str]) -> None:
    """Name the runs of a sweep by these keys too, which the sweep itself varies."""
    known = read_swept(config) or []
    store.write_json(sweep_folder(config) / "swept.json", sorted({*known, *keys}))


def searched(config: DictConfig) -> list[str]:
    """The keys and search spaces in the settings of a sweeper that searches, as ``key=value``."""
    return [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]


def swept_keys(overrides: Iterable[str]) -> list[str]:
    """The keys that these overrides vary in the runs."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    varied = (override.input_line or "" for override in parsed if override.is_sweep_override())
    return sorted({per_encoder.key_in_run(key_of(line)) for line in varied})


def read_swept(config: DictConfig) -> list[str] | None:
    """The keys that a job's sweep varies; None where they were not written, or are damaged, which is said."""
    file = sweep_folder(config) / "swept.json"
    try:
        keys = store.load_json(file)
        if isinstance(keys, list) and all(isinstance(key, str) for key in keys):
            return keys
        why = "it holds no list of keys"
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = str(error)
    notify(f"{file} cannot be read ({why}); the run is named by all its overrides")
    return None


def sweep_folder(config: "DictConfig | Config") -> Path:
    """The folder of a sweep."""
    return Path(config.output_dir).absolute() / "sweeps" / store.file_name(str(config.sweep))
