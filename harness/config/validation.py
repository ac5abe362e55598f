"""From what Hydra composed to the typed config, or one sentence that says what is wrong with it."""

import copy
from collections.abc import Iterable
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue
from pydantic import BaseModel, ValidationError

from harness.config.rules import check_together
from harness.config.schema import Config
from harness.config.sentences import sentence
from harness.errors import UserError


def validate(content: dict[str, Any]) -> Config:
    """Turn plain values into the typed config.

    Raises:
        UserError: one sentence that names the key, what it must be, and what it is.
    """
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        raise UserError(sentence(Config, error.errors()[0])) from None
    check_together(config)
    return config


def validate_recorded(content: dict[str, Any]) -> Config:
    """The typed config of a finished run; a key that a later version of the harness added is null there.

    Raises:
        UserError: the config has a key that this version lacks, or lacks one that this version cannot do without.
    """
    try:
        return validate(_with_later_keys(content, Config))
    except UserError as error:
        raise UserError(
            f"this run was made by another version of the harness, whose settings this one does not take ({error}); "
            "run its command again with rerun=true"
        ) from None


def _with_later_keys(content: dict[str, Any], part: type[BaseModel]) -> dict[str, Any]:
    found = {**dict.fromkeys(part.model_fields), **content}
    for name, field in part.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and isinstance(found[name], dict):
            found[name] = _with_later_keys(found[name], inner)
    return found


def validate_jobs(composed: Iterable[DictConfig]) -> None:
    """Refuse jobs of a sweep, as Hydra composed them, before any of them runs.

    Raises:
        UserError: as for a run.
    """
    hydra = HydraConfig.instance()
    before = hydra.cfg
    try:
        for config in composed:
            # what the choices of a config are, a run reads from here
            hydra.set_config(copy.deepcopy(config))
            resolve(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))
    finally:
        hydra.cfg = before


def check_part(name: str, content: Any) -> None:
    """Refuse a part of the config, such as ``tune``, whose keys do not take their values.

    Raises:
        UserError: as for the whole config.
    """
    try:
        Config.model_fields[name].annotation.model_validate(content)  # type: ignore[union-attr]
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(sentence(Config, {**first, "loc": (name, *first["loc"])})) from None


def resolve(composed: DictConfig) -> Config:
    """Turn the config that Hydra composed into the typed config.

    Raises:
        UserError: a value is missing, or a key does not take its value.
    """
    try:
        content = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key or str(error).rsplit(" ", 1)[-1]
        raise UserError(f"{key} must be given: add {key}=... to the command") from None
    assert isinstance(content, dict)
    return validate({str(key): value for key, value in content.items()})
