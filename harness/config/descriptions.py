"""The choices and keys of the configs, in the words of their files: Hydra composes nothing for them.

The comment at the head of a file describes the choice, the comment behind a key describes the key. The schema describes
the keys of the other parts (``harness.config.schema``).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from harness.config.shipped import conf_dir
from harness.errors import UserError

GLOBAL = "# @package _global_"
"""The first line of a file whose keys are those of the whole config, such as ``encoder.ngrams``."""
EXPERIMENT = "experiment"
"""The group whose files set keys of all parts."""
LINE = re.compile(r"( *)(\w+):(?: +([^ #].*?))?(?: +# (.*))?")
"""A line with a key: its indent, its name, its value and its comment."""

_folders = [conf_dir()]
"""Where configs are; of two files with the same name, the first counts, as for Hydra."""


@contextmanager
def including(folder: Path) -> Iterator[None]:
    """A block in which the configs of a folder of the user's own count too, as with ``--config-dir``."""
    _folders.append(folder)
    keys_of.cache_clear()
    try:
        yield
    finally:
        _folders.pop()
        keys_of.cache_clear()


class Key(NamedTuple):
    """A key of a file: the value as it is written there, empty where further keys follow, and the comment behind it."""

    value: str
    comment: str


def groups() -> list[str]:
    """The config groups, also those of Hydra, such as ``hydra/launcher``."""
    conf = conf_dir()
    return sorted({file.parent.relative_to(conf).as_posix() for file in conf.glob("*/**/*.yaml")})


def choices(group: str) -> list[str]:
    """The choices of a group."""
    return sorted({file.stem for folder in _folders for file in (folder / group).glob("*.yaml")})


def default_choices() -> dict[str, str]:
    """The choice of each group where a command names none."""
    entries = yaml.safe_load((conf_dir() / "config.yaml").read_text("utf-8"))["defaults"]
    pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
    return {group.removeprefix("override "): choice for group, choice in pairs if choice}


def of_choice(group: str, choice: str) -> str:
    """The comment at the head of the file of a choice, as one paragraph; without one, the file."""
    file = _file(f"{group}/{choice}")
    lines = _text(file).splitlines()
    head = []
    for line in lines[lines[:1] == [GLOBAL] :]:
        if not line.startswith("# "):
            break
        head.append(line.removeprefix("# "))
    return " ".join(head) or str(file)


@cache
def keys_of(group: str, choice: str) -> dict[str, Key]:
    """The keys of a choice with their group, also those that it inherits; of an experiment, those that it sets."""
    place = "" if group == EXPERIMENT else f"{group.replace('/', '.')}."
    return {f"{place}{key}": one for key, one in _keys(f"{group}/{choice}").items()}


@cache
def keys_of_config() -> dict[str, Key]:
    """The keys that ``config.yaml`` has itself: those of no group, and what it adds to a group."""
    own = dict(_own("", _text(_file("config"))))
    return {key: one for key, one in own.items() if key.partition(".")[0] != "hydra"}


def _file(name: str) -> Path:
    """The file of a config such as ``encoder/gru``.

    Raises:
        UserError: no folder has it.
    """
    files = [folder / f"{name}.yaml" for folder in _folders]
    if found := next((file for file in files if file.is_file()), None):
        return found
    raise UserError(f"{files[-1]}: there is no such file, and another one inherits from it")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error})") from None


def _defaults(file: Path) -> list[Any]:
    """What a file inherits from: the names of files, and a choice for each of other groups.

    Raises:
        UserError: the file is not YAML, or not that of a config.
    """
    try:
        content = yaml.safe_load(_text(file)) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{file} is not YAML ({' '.join(str(error).split())})") from None
    entries = content.get("defaults", []) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(one, str) or _is_choice(one) for one in entries):
        raise UserError(f"{file} is not a config: it must hold keys, and its defaults must be a list of files")
    return entries


def _is_choice(entry: Any) -> bool:
    """Whether an entry of a file's defaults is ``GROUP: CHOICE``."""
    return isinstance(entry, dict) and len(entry) == 1


def _keys(name: str) -> dict[str, Key]:
    """The keys of a file and of those that it inherits from; one without a comment keeps the inherited one."""
    file = _file(name)
    text, entries, group = _text(file), _defaults(file), name.rpartition("/")[0]
    found: dict[str, Key] = {}
    for entry in entries if "_self_" in entries else [*entries, "_self_"]:
        for key, (value, comment) in _own(group, text) if entry == "_self_" else _inherited(group, entry):
            found[key] = Key(value, comment or found.get(key, Key("", "")).comment)
    return found


def _inherited(group: str, entry: str | dict[str, str | None]) -> Iterator[tuple[str, Key]]:
    """The keys that an entry of a file's defaults brings: of another file, or of the choice of a group at a place.

    A choice that replaces the default one is a key of an experiment, and none of the group of another file.
    """
    ((target, choice),) = entry.items() if isinstance(entry, dict) else ((entry, None),)
    name, _, place = target.partition("@")
    if isinstance(entry, str):
        path, where = name, ""
    elif name.startswith("override "):
        if group == EXPERIMENT:
            yield target.removeprefix("override /"), Key(str(choice), "")
        return
    else:
        path, where = f"{name}/{choice}", f"{place}."
    beside = path if path.startswith("/") else f"{group}/{path}"
    for key, one in _keys(beside.lstrip("/")).items():
        yield f"{where}{key}", one


def _own(group: str, text: str) -> Iterator[tuple[str, Key]]:
    """The keys that a file itself has; of one with keys of several groups, those of its own, except an experiment."""
    is_experiment = group == EXPERIMENT
    before = f"{group.rpartition('/')[2]}." if text.startswith(GLOBAL) and not is_experiment else ""
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        if not (match := LINE.fullmatch(line)):
            continue
        indent, name, value, comment = match.groups(default="")
        path = [*(one for one in path if one[0] < len(indent)), (len(indent), name)]
        key = ".".join(part for _, part in path)
        is_code = name.startswith("_") and value != "???"  # which class, and how it is called
        is_part = not value and is_experiment  # whose choice may be set as well
        if key.startswith(before) and key != "defaults" and not (is_code or is_part):
            yield key.removeprefix(before), Key(value, comment)
