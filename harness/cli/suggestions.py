"""What a refused command probably meant: our sentence first, then Hydra's own words."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness.config.compose import compose_whole
from harness.errors import UserError

PASSED_ON = ("encoder", "data", "optimizer", "pooling", "position")
"""What is built from its config, and so takes any key that the code behind it takes; each refuses what it does not."""


def explain(error: Exception, arguments: list[str]) -> Iterator[str]:
    """The lines to print for a command that Hydra could not compose."""
    if swept := _to_be_swept(error, arguments):
        yield f"in a sweep over choices, a key that only some of them have must be swept too: {swept}"
    elif near := _meant(error, arguments):
        yield f"did you mean {near}?"
    if quoted := _to_be_quoted(error):
        yield f"a value with letters or signs other than a-z needs quotes of its own: {quoted}"
    yield str(error).strip()
    if isinstance(error.__cause__, OmegaConfBaseException):
        yield str(error.__cause__).strip()


def _meant(error: Exception, arguments: list[str]) -> str | None:
    """The choice or key nearest to the one that Hydra refused; None where nothing is near."""
    if isinstance(error, MissingConfigException):
        group, _, wrong = (error.missing_cfg_file or "").rpartition("/")
        near = get_close_matches(wrong, error.options or [], n=1)
        return f"{group}={near[0]}" if near else None
    refused = _refused_key(error)
    return _nearest(refused, _with_choices(arguments)) if refused else None


def _refused_key(error: Exception) -> str | None:
    cause = error.__cause__
    return str(cause.full_key) if isinstance(cause, OmegaConfBaseException) and cause.full_key else None


def _with_choices(arguments: list[str]) -> DictConfig:
    """The config of a command's choices alone, the first of several, without its other overrides."""
    chosen = [
        f"{key}={value.split(',')[0]}"
        for key, equals, value in (argument.partition("=") for argument in arguments)
        if equals and "." not in key and key.split("@")[0] in PASSED_ON
    ]
    try:
        return compose_whole(*chosen)
    except HydraException:
        return compose_whole()


def _to_be_swept(error: Exception, arguments: list[str]) -> str | None:
    """The refused override as a sweep's own, where one of the choices that are swept over has its key; else None.

    Hydra first composes what a sweep's runs have in common, with the default of what is swept, which lacks the key.
    """
    given = {name: value for name, _, value in (argument.partition("=") for argument in arguments)}
    key = _refused_key(error) or ""
    group, value = key.partition(".")[0], given.get(key, "")
    options = given.get(group, "").split(",")
    if not value or set(",(") & set(value) or len(options) < 2:
        return None
    for option in options:
        keys = _keys(OmegaConf.to_container(compose_whole(f"{group}={option}"), resolve=False))
        if key in keys:
            return f"'{key}=choice({value})'"
    return None


def _to_be_quoted(error: Exception) -> str | None:
    """The override that Hydra could not read, quoted as a shell and Hydra want it; None where that would not help."""
    if not isinstance(error, OverrideParseException):
        return None
    key, equals, value = (error.override or "").partition("=")
    if not equals or not value or set("\"'") & set(value) or value[0] in "[{(":  # an unclosed list is no text
        return None
    return f"""'{key}="{value}"'"""


def refuse_new_keys(overrides: list[str], config: DictConfig) -> None:
    """Let ``+key=value``, and ``++key=value`` that adds as well, add only to what is passed on to code.

    Raises:
        UserError: nothing would read the key, and the run would be labelled as if something had.
    """
    for override in overrides:
        key = override.lstrip("+").split("=")[0]
        if not override.startswith("+") or key.split("@")[0].split(".")[0] in PASSED_ON:
            continue
        before = _composed([other for other in overrides if other != override]) if override.startswith("++") else None
        if before is None or key not in _keys(OmegaConf.to_container(before, resolve=False)):
            near = _nearest(key, before or config)
            raise UserError(f"nothing reads {key}; " + (f"did you mean {near}?" if near else "leave it out"))


def _composed(overrides: list[str]) -> DictConfig:
    """The config that the command would have with these overrides of a run's own config alone."""
    return GlobalHydra.instance().config_loader().load_configuration("config", overrides, RunMode.RUN)


def _nearest(wrong: str, config: DictConfig) -> str | None:
    """Goes by a key's last name, so that ``epochs`` finds ``trainer.epochs``."""
    keys = [key for key in _keys(OmegaConf.to_container(config, resolve=False)) if key != wrong]
    names = get_close_matches(wrong.rpartition(".")[2], {key.rpartition(".")[2] for key in keys}, n=1)
    alike = [key for key in keys if names and key.rpartition(".")[2] == names[0]]
    return get_close_matches(wrong, alike, n=1, cutoff=0)[0] if alike else None


def _keys(part: Any, where: str = "") -> Iterator[str]:
    for key, value in part.items():
        if where or key not in ("hydra", "choices"):
            yield f"{where}{key}"
            yield from _keys(value, f"{where}{key}.") if isinstance(value, dict) else ()
