"""Settings of one encoder alone: ``+per.cnn.kernel_size=5`` is ``encoder.kernel_size=5`` in a run of ``encoder=cnn``,
and nothing in all others.

The overrides of a run are rewritten before Hydra composes it. So its config, its record and its fingerprint are those
of the command ``encoder=cnn encoder.kernel_size=5``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from harness.config.wrapped_loader import WrappedLoader
from harness.errors import UserError

Compose = Callable[[list[str]], DictConfig]
"""From overrides to the whole config."""


class Setting(NamedTuple):
    """A setting of one encoder: ``+per.ENCODER.KEY=VALUE``."""

    encoder: str
    key: str
    value: str

    @property
    def text(self) -> str:
        return f"per.{self.encoder}.{self.key}"


def read(override: str) -> Setting | None:
    """The setting that an override makes for one encoder alone; None for all other overrides.

    Raises:
        UserError: it lacks the encoder, the key or the value.
    """
    key, equals, value = override.partition("=")
    if not re.match(r"\+{0,2}per(\.|$)", key):
        return None
    parts = key.lstrip("+").split(".", 2)
    if len(parts) < 3 or not equals or not all(parts):
        raise UserError(f"{override}: a setting of one encoder is +per.ENCODER.KEY=VALUE, as in +per.cnn.kernel_size=5")
    return Setting(parts[1], parts[2], value)


def key_in_run(key: str) -> str:
    """The key that a key of a command sets in a run: ``per.cnn.kernel_size`` sets ``encoder.kernel_size``."""
    return re.sub(r"^per\.[^.]+\.", "encoder.", key)


class PerEncoder(WrappedLoader):
    """Composes each job of a sweep with the settings of its own encoder."""

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        own = rewritten(sweep_overrides, lambda others: self.loader.load_sweep_config(master_config, others))
        return self.loader.load_sweep_config(master_config, own)


def rewritten(overrides: Sequence[str], compose: Compose) -> list[str]:
    """The overrides of one run: the settings of its own encoder as ``encoder.KEY``, those of the others left out."""
    settings = [one for override in overrides if (one := read(override))]
    others = [override for override in overrides if read(override) is None]
    if not settings:
        return others
    composed = compose(others)
    own = [one for one in settings if one.encoder == composed.hydra.runtime.choices.encoder]
    replaced = {f"encoder.{one.key}" for one in own}
    kept = [override for override in others if override.partition("=")[0].lstrip("+") not in replaced]
    return [*kept, *(f"{_sign(one, composed)}encoder.{one.key}={one.value}" for one in own)]


def _sign(setting: Setting, composed: DictConfig) -> str:
    """``+`` if the setting adds a key that only the user's own code knows; Hydra refuses other new keys."""
    return "" if _has(composed, setting.key) or _is_ours(composed) else "+"


def _has(composed: DictConfig, key: str) -> bool:
    encoder: Any = OmegaConf.to_container(composed.encoder, resolve=False)
    for part in key.split("."):
        if not isinstance(encoder, dict) or part not in encoder:
            return False
        encoder = encoder[part]
    return True


def _is_ours(composed: DictConfig) -> bool:
    target = OmegaConf.to_container(composed.encoder, resolve=False)["_target_"]  # type: ignore[call-overload, index]
    return str(target).startswith("harness.")


def check(overrides: Iterable[str], loader: ConfigLoader) -> None:
    """Refuse settings of an encoder that no run of a sweep has, and keys that their encoder lacks.

    Raises:
        UserError: one sentence that names the setting, and the nearest name.
    """
    overrides = list(overrides)
    settings = [one for override in overrides if (one := read(override))]
    if not settings:
        return
    others = [override for override in overrides if read(override) is None]
    parser = OverridesParser.create(config_loader=loader)

    def compose(given: list[str]) -> DictConfig:
        return loader.load_configuration("config", given, RunMode.RUN)

    parsed = {override.key_or_group: override for override in parser.parse_overrides(others)}
    fixed = [str(one.input_line) for key, one in parsed.items() if not one.is_sweep_override() and key != "encoder"]
    encoders = _encoders(parsed, compose)
    for one in settings:
        if one.encoder not in encoders:
            is_misspelt = one.encoder not in loader.get_group_options("encoder")
            near = get_close_matches(one.encoder, encoders, n=1) if is_misspelt else []
            meant = f"; did you mean per.{near[0]}.{one.key}?" if near else ""
            raise UserError(f"{one.text}: no run has encoder={one.encoder}; there is {', '.join(encoders)}{meant}")
        _check_key(one, lambda encoder: compose([*fixed, f"encoder={encoder}"]))


def _encoders(parsed: dict[str, Override], compose: Compose) -> list[str]:
    """The choices of ``encoder`` in the runs with these overrides; without one, those of their experiments."""

    def options(override: Override) -> list[str]:
        return list(override.sweep_string_iterator()) if override.is_sweep_override() else [str(override.value())]

    if "encoder" in parsed:
        return options(parsed["encoder"])
    experiments = [[f"experiment={one}"] for one in options(parsed["experiment"])] if "experiment" in parsed else [[]]
    return list(dict.fromkeys(str(compose(chosen).hydra.runtime.choices.encoder) for chosen in experiments))


def _check_key(setting: Setting, compose: Callable[[str], DictConfig]) -> None:
    try:
        composed = compose(setting.encoder)
    except HydraException:
        return  # Hydra says what it is, when it composes the run
    if not _is_ours(composed) or _has(composed, setting.key):
        return
    keys = [str(key) for key in composed.encoder if not str(key).startswith("_")]
    near = get_close_matches(setting.key, keys, n=1)
    meant = f"did you mean per.{setting.encoder}.{near[0]}?" if near else f"it has {', '.join(keys)}"
    raise UserError(f"{setting.text}: encoder={setting.encoder} has no {setting.key}; {meant}")
