"""Misspelt choices and keys: what was probably meant, and no new key that nothing would read."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness.records import Mistake

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


def refuse_new_keys(overrides: list[str], config: DictConfig) -> None:
    """Let ``+key=value`` add only to what is passed on to code.

    Raises:
        Mistake: nothing would read the key, and the run would be labelled as if something had.
    """
    for override in overrides:
        sign, key = override[:1], override[1:].split("=")[0]  # "++" says that the key may be there already
        if sign == "+" and key[0] != "+" and key.split("@")[0].split(".")[0] not in PASSED_ON:
            near = _nearest(key, config)
            raise Mistake(f"nothing reads {key}; " + (f"did you mean {near}?" if near else "leave it out"))


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
