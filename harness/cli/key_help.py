"""``--help``: a line for each group and key; ``--help KEY``: the choices of a group, and the keys below it.

The words are those of the shipped files and of the schema; neither Hydra nor a framework is asked.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from functools import cache
from typing import get_args

from pydantic import BaseModel

from harness.cli import suggestions
from harness.cli.arguments import config_folder, split
from harness.config.descriptions import (
    Key,
    choices,
    default_choices,
    groups,
    including,
    keys_of,
    keys_of_config,
    of_choice,
)
from harness.config.schema import Config
from harness.config.sentences import must_be
from harness.errors import UserError
from harness.notices import notify

WIDTH = 80
USER_ERROR = 2
HEAD = """\
python -m harness KEY=VALUE ...           one run; --all: all of its numbers
python -m harness -m KEY=VALUE,VALUE ...  a sweep: every combination, compared
python -m harness choose KEY=VALUE ...    which encoder to take, within a budget
python -m harness report                  compare the recorded runs again
python -m harness predict RUN --file F    answer new rows with a run's model
python -m harness export RUN              write a run's model as ONNX, or others
python -m harness ui                      open MLflow's pages
python -m harness selfcheck               check the measurements here
Each of the last six has --help. --cfg job prints the whole config of a command.

Examples:
  python -m harness encoder=self_attention encoder.num_heads=4 data=imdb
  python -m harness -m encoder=lstm,gru seed=0,1,2 hydra/launcher=devices
  python -m harness experiment=keras_self_attention_imdb
  python -m harness -m mode=profile encoder=lstm,gru 'profile.lengths=[128,256]'

Groups and keys; --help KEY, such as --help encoder, shows what is below one:
"""
OTHERS = {
    "experiment": "settings of published models, and tuned ones",
    "hydra/launcher": "what runs a sweep's runs; else one after another",
    "hydra/sweeper": "what chooses a sweep's runs",
}
"""The groups that are no part of the config of a run."""
SET_BY_SWEEPS = ("sweep", "worker", "trial", "choices")
LONGEST_NAME = 36
"""A longer name has a line of its own, so that the texts beside the names have room."""


def main(arguments: list[str]) -> int:
    """Print the help for a command's words, or all groups and keys where it has none; returns the exit code."""
    try:
        _, words = split(arguments)
        folder = config_folder(arguments)
        with including(folder) if folder else nullcontext():
            print("\n\n".join(map(of_word, words)) if words else overview())
    except UserError as error:
        notify(error)
        return USER_ERROR
    return 0


def overview() -> str:
    """All groups and keys of the first level, each in one line."""
    described = {name: str(field.description) for name, field in Config.model_fields.items()} | OTHERS
    rows = [(name, text) for name, text in described.items() if name not in SET_BY_SWEEPS]
    room = WIDTH - 4 - max(len(name) for name, _ in rows)
    return HEAD + table((name, text + _choices_in_short(name, room - len(text))) for name, text in rows)


def _choices_in_short(group: str, room: int) -> str:
    """The choices of a group, or their number where there is no room for them; nothing for one choice or a key."""
    options = choices(group)
    if len(options) < 2:
        return ""
    listed = f": {', '.join(options)}"
    return listed if len(listed) <= room else f": {len(options)} choices"


def of_word(word: str) -> str:
    """The help for ``encoder``, ``encoder=lstm`` or ``encoder.hidden_size``.

    Raises:
        UserError: there is no such group, choice or key.
    """
    key, _, choice = word.lstrip("+~").partition("=")
    group = key.partition("@")[0]
    text = _of_choice(group, choice) if choice and group in groups() else _of_group(group) or _of_key(key)
    if not text:
        raise UserError(suggestions.of_unknown_word(key))
    return text


def _of_choice(group: str, choice: str) -> str:
    """What a choice is, and its keys."""
    if choice not in choices(group):
        raise UserError(suggestions.of_unknown_choice(group, choice, choices(group)))
    return _paragraphs(_wrapped(f"{group}={choice}: {of_choice(group, choice)}"), _keys_in(group, choice))


def _of_group(group: str) -> str:
    """The choices of a group, and the keys of its default; empty where it is no group."""
    if group not in groups():
        return ""
    options, default = choices(group), default_choices().get(group)
    about = _wrapped(f"{group}: {schema().get(group) or OTHERS[group]}")
    if len(options) == 1:
        return _paragraphs(about, _keys_in(group, options[0]))
    listed = table((one, re.split(r"(?<=\.) (?=[A-Z])", of_choice(group, one))[0].removesuffix(".")) for one in options)
    keys = _keys_in(group, default) if default else ""
    more = f"--help {group}=NAME has the keys of a choice"
    more = f"{more}; those of {group}={default}, the default:" if keys else f"{more}."
    return _paragraphs(about, listed, _wrapped(more), keys)


def _of_key(key: str) -> str:
    """What a key means, its values in the choices that have it, and the keys below it; empty where there is none."""
    group = next((one for one in groups() if key.startswith(f"{one.replace('/', '.')}.")), "")
    options = choices(group) if group else []
    sources = {"": keys_of_config()} | {choice: keys_of(group, choice) for choice in options}
    having: dict[Key, list[str]] = {}
    for choice, keys in sources.items():
        if key in keys:
            having.setdefault(keys[key], []).append(choice)
    inside = [{one: found for one, found in keys.items() if one.startswith(f"{key}.")} for keys in sources.values()]
    below, text = max(inside, key=len), schema().get(key, "")
    if not (having or below or text):
        return ""
    head = f"{key}: {text}" if text else key
    if text and not below:
        head += f"; it {must_be(Config, key)}"
    rows = []
    for (value, comment), names in having.items():
        where = "" if names in ([""], options) else f"in {group}={', '.join(names)}"
        said = "; ".join(filter(None, ["" if text else comment, where]))
        if value and not value.startswith("${"):
            rows.append((f"{key}={value}", said or "the default"))
    return _paragraphs(_wrapped(head), table(rows), table(_rows(below)))


def _keys_in(group: str, choice: str) -> str:
    """The keys of a choice with their values, and what they mean; also those that ``config.yaml`` adds to its group."""
    added = {key: one for key, one in keys_of_config().items() if key.startswith(f"{group}.")}
    return table(_rows(keys_of(group, choice) | added))


def _rows(keys: Mapping[str, Key]) -> Iterator[tuple[str, str]]:
    """Keys with their values and what they mean; not those that only hold further keys."""
    for key, (value, comment) in keys.items():
        if value:
            text = schema().get(key.removeprefix("tune.space."), comment)
            is_missing = "must be given" if value == "???" else ""
            yield key if value.startswith("${") else f"{key}={value}", "; ".join(filter(None, [text, is_missing]))


@cache
def schema(part: type[BaseModel] = Config, where: str = "") -> dict[str, str]:
    """What the schema says of each key, also of those of parts inside parts."""
    found = {}
    for name, field in part.model_fields.items():
        found[f"{where}{name}"] = str(field.description)
        for one in (field.annotation, *get_args(field.annotation)):
            if isinstance(one, type) and issubclass(one, BaseModel):
                found |= schema(one, f"{where}{name}.")
    return found


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Names and texts in two columns; a long name has a line of its own."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows if len(name) <= LONGEST_NAME), default=LONGEST_NAME)
    lines = []
    for name, text in rows:
        first, *others = _wrapped(text, WIDTH - width - 4).split("\n")
        lines += [f"  {name:{width}}  {first}"] if len(name) <= width else [f"  {name}", f"{'':{width + 4}}{first}"]
        lines += [f"{'':{width + 4}}{line}" for line in others]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _wrapped(text: str, width: int = WIDTH) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
