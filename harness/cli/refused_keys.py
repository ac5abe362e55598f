"""What the user probably meant with a key that the config lacks."""

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError

from harness.cli import choose_keys
from harness.config.compose import compose_whole, conf_dir
from harness.config.descriptions import EXPERIMENT, choices, keys_of

PASSED_ON = ("encoder", "data", "optimizer", "pooling", "position")
"""Parts of the config that name code and take any key that the code takes; the code refuses all others."""
EXACT = ("encoder", "pooling", "position")
"""Those of them whose code is the harness's own, and not a framework's, for every choice but the user's."""
OWN_CODE = ("custom", "cell")
"""Choices that name the user's code, so that only this code knows its keys."""
ALSO_CALLED = {
    "learning_rate": "optimizer.lr", "batch": "trainer.batch_size", "num_epochs": "trainer.epochs", "model": "encoder",
    "dataset": "data", "device": "hardware", "gpu": "hardware", "gpus": "hardware.devices", "framework": "backend",
    "n_heads": "encoder.num_heads", "hidden": "encoder.hidden_size", "hidden_dim": "encoder.hidden_size",
}  # fmt: skip
"""What other programs call some keys and groups, with their name here."""
RENAMED = {"input.letters": "input.characters"}
"""Keys that had another name, with the name that they have now."""


def new_name(key: str) -> str | None:
    """The name that a key of an earlier version has now; None where the key was not renamed."""
    for old, new in RENAMED.items():
        if f"{key}.".startswith(f"{old}."):
            return new + key.removeprefix(old)
    return None


def given(arguments: list[str]) -> dict[str, str]:
    """The keys and values of a command's overrides."""
    return {key: value for key, equals, value in (argument.partition("=") for argument in arguments) if equals}


def key_of(error: Exception) -> str | None:
    """The key that Hydra could not override, because the config lacks it; None for other errors."""
    cause = error.__cause__
    return str(cause.full_key) if isinstance(cause, ConfigAttributeError | ConfigKeyError) and cause.full_key else None


def of_loader(error: Exception, arguments: list[str]) -> str | None:
    """How to set a refused key of ``data`` that the code of the loader takes; None for other keys."""
    key, parent = key_of(error) or "", getattr(error.__cause__, "parent_node", None)
    group, _, name = key.partition(".")
    target = OmegaConf.select(parent, "_target_") if group == "data" and isinstance(parent, DictConfig) else None
    if not target or name not in _parameters(str(target)):
        return None
    plus = f"+{key}={given(arguments).get(key, '...')}"
    return f"the config of this data has no key {key}, but its loader takes {name}: write {plus}"


def _parameters(target: str) -> list[str]:
    """The names of the arguments of a loader; none where it cannot be imported."""
    module, _, name = target.rpartition(".")
    try:
        parameters = inspect.signature(getattr(import_module(module), name)).parameters.values()
    except Exception:  # code of the user's own: a run with it says what is wrong
        return []
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]


def sentence(key: str, arguments: list[str]) -> str:
    """What to write instead of a key that the config lacks.

    Hydra's own advice, to add the key with a plus, is right only where the user's code takes it.
    """
    if swept := _to_be_swept(key, arguments):
        return swept
    set_to = given(arguments)
    whole = next((one for one in set_to if f"{one}.".startswith(f"{key}.")), key)
    if whole.startswith("tune.space."):
        plus = f"'+{whole}={set_to.get(whole, '[A,B]')}'"
        return f"tune={set_to.get('tune', 'none')} has no {whole} to change; a plus adds it: {plus}"
    group, _, name = key.partition(".")
    config = _with_choices(arguments)
    choice = set_to.get(group) or config.hydra.runtime.choices.get(group)
    if group in PASSED_ON and (choice in OWN_CODE or f"{group}._target_" in set_to):
        plus = f"+{key}={set_to.get(key, '...')}"
        return f"{group}={choice} has no key {key}; if your own code takes {name}, write {plus}"
    if elsewhere := of_others(key, str(choice), config):
        return elsewhere
    near = new_name(whole) or _of_choose(key, set_to) or nearest(key, config)
    advice = f"did you mean {near}?" if near else "python -m harness --cfg job prints all keys"
    return f"nothing reads {key}; {advice}"


def _of_choose(key: str, set_to: dict[str, str]) -> str | None:
    """The short key of ``harness choose`` nearest to a key; None in other commands, and where none is near."""
    near = get_close_matches(key, choose_keys.OWN, n=1) if set_to.get("hydra/sweeper") == "choose" else []
    return near[0] if near else None


def of_others(key: str, choice: str, config: DictConfig) -> str | None:
    """The sentence for a key that a part lacks and other choices of its group have; None where none has it.

    ``choice`` is that of the group; the part may be in another one, as an encoder in a stack.
    """
    group, _, name = key.partition(".")
    parent, _, last = key.rpartition(".")
    having = _having(group, last if group == "encoder" else name)
    if group not in PASSED_ON or not having:
        return None
    where, missing = (f"{group}={choice}", name) if parent == group else (f"the encoder at {parent}", last)
    others = "data sets" if group == "data" else f"{group}s"
    part = OmegaConf.select(config, parent)
    own = [str(one) for one in part if one != last and not str(one).startswith("_")] if part else []
    return (
        f"{where} has no {missing}: nothing reads {key}; {others} that do: {', '.join(having)}; "
        f"keys of {where}: {', '.join(own) or 'none'}"
    )


def is_unread(key: str, config: DictConfig) -> bool:
    """Whether a key would be one of a class of the harness that does not take it; False where only the code can tell.

    A class takes the keys of the choices that name it, and no others.
    """
    group, (parent, _, last) = key.partition(".")[0], key.rpartition(".")
    if group not in EXACT:
        return False
    module, _, name = str(OmegaConf.select(config, f"{parent}._target_")).rpartition(".")
    line = f".{group}s.{name}\n"
    files = (conf_dir() / group).glob("*.yaml") if module.startswith("harness.") else ()
    naming = [file.stem for file in files if line in file.read_text("utf-8")]
    return bool(naming) and not any(f"{group}.{last}" in keys_of(group, choice) for choice in naming)


def _having(group: str, name: str) -> list[str]:
    """The choices of a group that have a key."""
    return [choice for choice in choices(group) if f"{group}.{name}" in keys_of(group, choice)]


def _with_choices(arguments: list[str]) -> DictConfig:
    """The config of a command's choices, without its other overrides; of several choices, the first."""
    chosen = [
        f"{key}={options[0]}"
        for key, value in given(arguments).items()
        if key.lstrip("+").split("@")[0] in (*PASSED_ON, EXPERIMENT) and (options := options_of(key, value))
    ]
    try:
        return compose_whole(*chosen)
    except HydraException:
        return compose_whole()


def _to_be_swept(key: str, arguments: list[str]) -> str | None:
    """How to set the refused key, where choices that are swept over have it; None where none has it.

    Hydra first composes what the runs of a sweep have in common. For a swept group it takes the default choice, which
    lacks the key.
    """
    set_to = given(arguments)
    group, value = key.partition(".")[0], set_to.get(key, "")
    options = options_of(group, set_to.get(group, ""))
    if not value or set(",(") & set(value) or options == [set_to.get(group, "")]:
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
        return set(keys(OmegaConf.to_container(compose_whole(*overrides), resolve=False)))
    except HydraException:
        return set()


def options_of(key: str, value: str) -> list[str]:
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


def nearest(wrong: str, config: DictConfig) -> str | None:
    """The key of a config whose last name is nearest to the wrong key's: ``epochs`` finds ``trainer.epochs``.

    A key beside the wrong one comes before keys of other parts: ``encoder.heads`` finds ``encoder.num_heads``. The name
    of one part is never meant by a key of another: ``data.name`` does not find ``name``.
    """
    parent, _, last = wrong.rpartition(".")
    others = [key for key in keys(OmegaConf.to_container(config, resolve=False)) if key != wrong]
    beside = [key for key in others if parent and key.rpartition(".")[0] == parent]
    elsewhere = [key for key in others if not parent or key.rpartition(".")[2] != "name"]
    if near := _alike(wrong, beside):
        return near
    meant = ALSO_CALLED.get(last, "")
    is_meant = meant in others and (not parent or meant.startswith(f"{parent}."))
    return meant if is_meant else _alike(wrong, elsewhere)


def _alike(wrong: str, keys: list[str]) -> str | None:
    """The one of these keys whose last name is nearest to the wrong key's, and of several the nearest as a whole."""
    names = get_close_matches(wrong.rpartition(".")[2], {key.rpartition(".")[2] for key in keys}, n=1)
    alike = [key for key in keys if names and key.rpartition(".")[2] == names[0]]
    return next(iter(get_close_matches(wrong, alike, n=1, cutoff=0)), None)


def keys(part: Any, where: str = "") -> Iterator[str]:
    """Every dotted key of a config, parts included, without Hydra's own settings and the names of the choices."""
    for key, value in part.items():
        if where or key not in ("hydra", "choices"):
            yield f"{where}{key}"
            yield from keys(value, f"{where}{key}.") if isinstance(value, dict) else ()
