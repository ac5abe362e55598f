"""Misspelt choices and keys: what was probably meant, and no new key that nothing would read."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness.errors import UserError

PASSED_ON = ("encoder", "data", "optimizer", "pooling", "position")
"""What is built from its config, and so takes any key that the code behind it takes; each refuses what it does not."""


def meant(fault: BaseException | None) -> str | None:
    """The choice or key nearest to the one that Hydra refused with this exception; None where nothing is near."""
    if isinstance(fault, MissingConfigException):
        group, _, wrong = (fault.missing_cfg_file or "").rpartition("/")
        near = get_close_matches(wrong, fault.options or [], n=1)
        return f"{group}={near[0]}" if near else None
    refused = getattr(fault, "__cause__", None)
    if isinstance(refused, OmegaConfBaseException) and refused.full_key and refused.parent_node is not None:
        return _nearest(refused.full_key, refused.parent_node._get_root())
    return None


def to_be_swept(
    fault: BaseException | None, arguments: list[str], composed: Callable[[str], DictConfig]
) -> str | None:
    """The refused override as a sweep's own, where one of the choices that are swept over has its key; else None.

    Hydra first composes what a sweep's runs have in common, with the default of what is swept, which lacks the key.
    """
    given = {name: value for name, _, value in (argument.partition("=") for argument in arguments)}
    key = getattr(getattr(fault, "__cause__", None), "full_key", None) or ""
    group, value = key.partition(".")[0], given.get(key, "")
    options = given.get(group, "").split(",")
    if not value or set(",(") & set(value) or len(options) < 2:
        return None
    known = (set(_keys(OmegaConf.to_container(composed(f"{group}={option}"), resolve=False))) for option in options)
    return f"'{key}=choice({value})'" if any(key in keys for keys in known) else None


def to_be_quoted(fault: BaseException | None) -> str | None:
    """The override that Hydra could not read, quoted as a shell and Hydra want it; None where that would not help."""
    override = getattr(fault, "override", None)
    key, equals, value = (override or "").partition("=")
    if not isinstance(fault, OverrideParseException) or not equals or not value:
        return None
    if set("\"'") & set(value) or value[0] in "[{(":  # a list that is not closed is no text
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


def _keys(part: dict[str, Any], where: str = "") -> Iterator[str]:
    for key, value in part.items():
        if where or key not in ("hydra", "choices"):
            yield f"{where}{key}"
            yield from _keys(value, f"{where}{key}.") if isinstance(value, dict) else ()
