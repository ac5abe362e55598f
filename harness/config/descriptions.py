"""The choices and keys of the shipped configs, in the words of their files: Hydra composes nothing for them.

The comment at the head of a file describes the choice, the comment behind a key describes the key. The schema describes
the keys of the other parts (``harness.config.schema``).
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from harness.config.shipped import conf_dir

GLOBAL = "# @package _global_"
"""The first line of a file whose keys are those of the whole config, such as ``encoder.ngrams``."""
EXPERIMENT = "experiment"
"""The group whose files set keys of all parts."""
LINE = re.compile(r"( *)(\w+):(?: +([^ #].*?))?(?: +# (.*))?")
"""A line with a key: its indent, its name, its value and its comment."""


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
    return sorted(file.stem for file in (conf_dir() / group).glob("*.yaml"))


def default_choices() -> dict[str, str]:
    """The choice of each group where a command names none."""
    entries = yaml.safe_load((conf_dir() / "config.yaml").read_text("utf-8"))["defaults"]
    pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
    return {group.removeprefix("override "): choice for group, choice in pairs if choice}


def of_choice(group: str, choice: str) -> str:
    """The comment at the head of the file of a choice, as one paragraph."""
    lines = (conf_dir() / group / f"{choice}.yaml").read_text("utf-8").splitlines()
    head = []
    for line in lines[lines[:1] == [GLOBAL] :]:
        if not line.startswith("# "):
            break
        head.append(line.removeprefix("# "))
    return " ".join(head)


@cache
def keys_of(group: str, choice: str) -> dict[str, Key]:
    """The keys of a choice with their group, also those that it inherits; of an experiment, those that it sets."""
    place = "" if group == EXPERIMENT else f"{group.replace('/', '.')}."
    return {f"{place}{key}": one for key, one in _keys(conf_dir() / group / f"{choice}.yaml").items()}


@cache
def keys_of_config() -> dict[str, Key]:
    """The keys that ``config.yaml`` has itself: those of no group, and what it adds to a group."""
    file = conf_dir() / "config.yaml"
    own = dict(_own(file, file.read_text("utf-8")))
    return {key: one for key, one in own.items() if key.partition(".")[0] != "hydra"}


def _keys(file: Path) -> dict[str, Key]:
    """The keys of a file and of those that it inherits from; one without a comment keeps the inherited one."""
    text = file.read_text("utf-8")
    entries = (yaml.safe_load(text) or {}).get("defaults", [])
    found: dict[str, Key] = {}
    for entry in entries if "_self_" in entries else [*entries, "_self_"]:
        for key, (value, comment) in _own(file, text) if entry == "_self_" else _inherited(file, entry):
            found[key] = Key(value, comment or found.get(key, Key("", "")).comment)
    return found


def _inherited(file: Path, entry: str | dict[str, str | None]) -> Iterator[tuple[str, Key]]:
    """The keys that an entry of a file's defaults brings: of another file, or of the choice of a group at a place.

    A choice that replaces the default one is a key of an experiment, and none of the group of another file.
    """
    ((target, choice),) = entry.items() if isinstance(entry, dict) else ((entry, None),)
    name, _, place = target.partition("@")
    if isinstance(entry, str):
        path, where = name, ""
    elif name.startswith("override "):
        if file.parent.name == EXPERIMENT:
            yield target.removeprefix("override /"), Key(str(choice), "")
        return
    else:
        path, where = f"{name}/{choice}", f"{place}."
    parent = conf_dir() if path.startswith("/") else file.parent
    for key, one in _keys(parent / f"{path.lstrip('/')}.yaml").items():
        yield f"{where}{key}", one


def _own(file: Path, text: str) -> Iterator[tuple[str, Key]]:
    """The keys that a file itself has; of one with keys of several groups, those of its own, except an experiment."""
    group = f"{file.parent.name}." if text.startswith(GLOBAL) and file.parent.name != EXPERIMENT else ""
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        if not (match := LINE.fullmatch(line)):
            continue
        indent, name, value, comment = match.groups(default="")
        path = [*(one for one in path if one[0] < len(indent)), (len(indent), name)]
        key = ".".join(part for _, part in path)
        is_code = name.startswith("_") and value != "???"  # which class, and how it is called
        is_part = not value and file.parent.name == EXPERIMENT  # whose choice may be set as well
        if key.startswith(group) and key != "defaults" and not (is_code or is_part):
            yield key.removeprefix(group), Key(value, comment)
