"""What the user probably meant with a command that was refused: our sentence first, then Hydra's own words."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness.config.compose import compose_whole, conf_dir
from harness.errors import UserError

PASSED_ON = ("encoder", "data", "optimizer", "pooling", "position")
"""Parts of the config that name code and take any key that the code takes; the code refuses all others."""
RENAMED = {"input.letters": "input.characters"}
"""Keys that had another name, with the name that they have now."""


def explain(error: Exception, arguments: list[str]) -> Iterator[str]:
    """The lines to print for a command that Hydra could not compose."""
    if swept := _to_be_swept(error, arguments):
        yield swept
    elif near := _meant(error, arguments):
        yield f"did you mean {near}?"
    if joined := _without_blanks(error, arguments):
        yield f"the values of a key stand without blanks, and no comma at the end: {joined}"
    elif closed := _to_be_closed(error):
        yield f"a bracket is not closed: {closed}"
    elif quoted := _to_be_quoted(error):
        yield f"a value with characters other than a-z needs its own quotes: {quoted}"
    if "INTERVAL_SWEEP" in str(error):
        yield "an interval needs a sweeper that searches: add hydra/sweeper=optuna"
    yield str(error).strip()
    if isinstance(error.__cause__, OmegaConfBaseException):
        yield str(error.__cause__).strip()


def _meant(error: Exception, arguments: list[str]) -> str | None:
    """The choice or key nearest to the one that Hydra refused; None where nothing is near."""
    if isinstance(error, MissingConfigException):
        group, _, wrong = (error.missing_cfg_file or "").rpartition("/")
        near = get_close_matches(wrong.lower(), error.options or [], n=1)
        return f"{group}={near[0]}" if near else None
    refused = _refused_key(error)
    if refused is None:
        return None
    whole = next((key for key in _given(arguments) if f"{key}.".startswith(f"{refused}.")), refused)
    return _new_name(whole) or _nearest(refused, _with_choices(arguments))


def _new_name(key: str) -> str | None:
    """The name that a key of an earlier version has now; None where the key was not renamed."""
    for old, new in RENAMED.items():
        if f"{key}.".startswith(f"{old}."):
            return new + key.removeprefix(old)
    return None


def _given(arguments: list[str]) -> dict[str, str]:
    """The keys and values of a command's overrides."""
    return {key: value for key, equals, value in (argument.partition("=") for argument in arguments) if equals}


def _refused_key(error: Exception) -> str | None:
    cause = error.__cause__
    return str(cause.full_key) if isinstance(cause, OmegaConfBaseException) and cause.full_key else None


def _with_choices(arguments: list[str]) -> DictConfig:
    """The config of a command's choices, without its other overrides; of several choices, the first."""
    chosen = [
        f"{key}={options[0]}"
        for key, value in _given(arguments).items()
        if "." not in key and key.split("@")[0] in PASSED_ON and (options := _options(key, value))
    ]
    try:
        return compose_whole(*chosen)
    except HydraException:
        return compose_whole()


def _to_be_swept(error: Exception, arguments: list[str]) -> str | None:
    """How to set the refused key, where choices that are swept over have it; None where none has it.

    Hydra first composes what the runs of a sweep have in common. For a swept group it takes the default choice, which
    lacks the key.
    """
    given = _given(arguments)
    key = _refused_key(error) or ""
    group, value = key.partition(".")[0], given.get(key, "")
    options = _options(group, given.get(group, ""))
    if not value or set(",(") & set(value) or options == [given.get(group, "")]:
        return None
    having = [option for option in options if key in _keys_of(f"{group}={option}")]
    if having and group == "encoder" and len(having) < len(options):
        own = " ".join(f"+per.{option}.{key.partition('.')[2]}={value}" for option in having)
        return f"only {', '.join(having)} of the encoders has {key}; set it for its runs alone: {own}"
    swept = f"in a sweep over choices, a key that only some choices have must be swept too: '{key}=choice({value})'"
    return swept if having else None


def _keys_of(*overrides: str) -> set[str]:
    """Every key of the config of these choices; none where a choice is misspelt."""
    try:
        return set(_keys(OmegaConf.to_container(compose_whole(*overrides), resolve=False)))
    except HydraException:
        return set()


def _options(key: str, value: str) -> list[str]:
    """The values that an override sweeps over, whichever way it lists them; the value itself where it sweeps over none.

    An override that Hydra cannot read has none.
    """
    with hydra.initialize_config_dir(str(conf_dir().absolute()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()  # it knows the choices, for glob(...)
        try:
            (override,) = OverridesParser.create(config_loader=loader).parse_overrides([f"{key}={value}"])
            return list(override.sweep_string_iterator()) if override.is_sweep_override() else [value]
        except HydraException:
            return []


def of_empty_sweep(arguments: list[str]) -> str:
    """A sentence for a sweep that left no run: which override has no value, or what its launcher's machines lack."""
    for key, value in _given(arguments).items():
        if not _options(key, value):
            return f"{key}={value} matches nothing, so there is no run; python -m harness --help lists all choices"
    if (launcher := _given(arguments).get("hydra/launcher", "basic")) != "basic":
        return (
            f"no job of the sweep left a result in output_dir: the machines of hydra/launcher={launcher} must share "
            "that folder, and every override must have a value"
        )
    return "the sweep has no run: an override has no value"


def _without_blanks(error: Exception, arguments: list[str]) -> str | None:
    """The refused list of values without blanks, and without a comma at its end; None for other overrides."""
    if not isinstance(error, OverrideParseException) or error.override not in arguments:
        return None
    first = last = arguments.index(error.override)
    while first > 0 and "=" not in arguments[first]:
        first -= 1
    while last + 1 < len(arguments) and not ("=" in arguments[last + 1] or arguments[last + 1].startswith("-")):
        last += 1
    joined = "".join(arguments[first : last + 1]).replace(" ", "").rstrip(",")
    if "=" not in joined or joined == error.override or not (last > first or error.override.endswith(",")):
        return None
    return joined


def _to_be_closed(error: Exception) -> str | None:
    """The refused override with the brackets that it lacks at its end; None where it lacks none."""
    if not isinstance(error, OverrideParseException):
        return None
    text, missing = error.override or "", ""
    for opening, closing in ("()", "[]", "{}"):
        missing += closing * (text.count(opening) - text.count(closing))
    return f"'{text}{missing}'" if len(missing) == 1 else None


def _to_be_quoted(error: Exception) -> str | None:
    """The override that Hydra could not parse, quoted for the shell and for Hydra; None where quotes would not help."""
    if not isinstance(error, OverrideParseException):
        return None
    key, equals, value = (error.override or "").partition("=")
    if not equals or not value or set("\"'") & set(value) or value[0] in "[{(":  # an unclosed list
        return None
    return f"""'{key}="{value}"'"""


def refuse_new_keys(overrides: list[str], config: DictConfig) -> None:
    """Refuse ``+key=value`` and ``++key=value`` that add a key which no code reads.

    Raises:
        UserError: nothing reads the key, but the run's label would have it.
    """
    for override in overrides:
        key = override.lstrip("+").split("=")[0]
        if not override.startswith("+") or key.split("@")[0].split(".")[0] in PASSED_ON:
            continue
        before = _composed([other for other in overrides if other != override]) if override.startswith("++") else None
        if before is None or key not in _keys(OmegaConf.to_container(before, resolve=False)):
            near = _new_name(key) or _nearest(key, before or config)
            raise UserError(f"nothing reads {key}; " + (f"did you mean {near}?" if near else "leave it out"))


def _composed(overrides: list[str]) -> DictConfig:
    """The config of a run with these overrides."""
    return GlobalHydra.instance().config_loader().load_configuration("config", overrides, RunMode.RUN)


def _nearest(wrong: str, config: DictConfig) -> str | None:
    """The key of a config whose last name is nearest to the wrong key's: ``epochs`` finds ``trainer.epochs``."""
    keys = [key for key in _keys(OmegaConf.to_container(config, resolve=False)) if key != wrong]
    names = get_close_matches(wrong.rpartition(".")[2], {key.rpartition(".")[2] for key in keys}, n=1)
    alike = [key for key in keys if names and key.rpartition(".")[2] == names[0]]
    return get_close_matches(wrong, alike, n=1, cutoff=0)[0] if alike else None


def _keys(part: Any, where: str = "") -> Iterator[str]:
    """Every dotted key of a config, parts included, without Hydra's own settings and the names of the choices."""
    for key, value in part.items():
        if where or key not in ("hydra", "choices"):
            yield f"{where}{key}"
            yield from _keys(value, f"{where}{key}.") if isinstance(value, dict) else ()
