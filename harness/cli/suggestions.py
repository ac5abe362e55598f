"""What the user probably meant with a command that was refused: our sentence first, then Hydra's own words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness.cli import refused_keys
from harness.config.compose import compose_whole
from harness.config.descriptions import choices, groups
from harness.errors import UserError


def explain(error: Exception, arguments: list[str]) -> Iterator[str]:
    """The lines to print for a command that Hydra could not compose."""
    if key := refused_keys.key_of(error):
        yield refused_keys.of_loader(error, arguments) or refused_keys.sentence(key, arguments)
        return
    if unknown := _unknown_choice(error):
        yield unknown
        return
    if ambiguous := re.match(r"Ambiguous value for argument '((.*?)=(.*))'", str(error).strip()):
        override, key, value = ambiguous.groups()
        yield f"several values make a sweep: -m {override}; one value with a comma in it is '{key}=\"{value}\"'"
        return
    if meant := _without_blanks(error, arguments) or _stray(error, arguments):
        yield meant
        return
    if closed := _to_be_closed(error):
        yield f"a bracket is not closed: {closed}"
    elif unclosed := _with_an_open_quote(error):
        yield f"a quote is not closed: {unclosed}"
    elif quoted := _to_be_quoted(error):
        yield f"a value with characters other than a-z needs its own quotes: {quoted}"
    if str(error).startswith("Error merging override tune.space."):
        yield "tune.space has a list where this is a range, or the reverse; add the key to an empty space instead:"
        yield "tune=none '+tune.space.optimizer.lr={low:1e-4,high:1e-2,log:true}' tune.trials=8"
    if "INTERVAL_SWEEP" in str(error):
        yield "an interval needs a sweeper that searches: add hydra/sweeper=optuna"
    yield str(error).strip()
    if isinstance(error.__cause__, OmegaConfBaseException):
        yield str(error.__cause__).strip()


def _unknown_choice(error: Exception) -> str | None:
    """A sentence for a choice that Hydra did not find, with the nearest one and all others; None for other errors."""
    if not isinstance(error, MissingConfigException) or not error.options:
        return None
    group, _, wrong = (error.missing_cfg_file or "").rpartition("/")
    return of_unknown_choice(group, wrong, error.options)


def of_unknown_choice(group: str, wrong: str, options: Sequence[str]) -> str:
    """The sentence for a choice that a group lacks, with the nearest one and all others."""
    near = get_close_matches(wrong.lower(), options, n=1)
    there_are = f"did you mean {group}={near[0]}? There are" if near else "there are"
    return f"there is no {group}={wrong}; {there_are}: {', '.join(sorted(options))}"


def of_unknown_word(word: str) -> str:
    """The sentence for a word after ``--help`` that is neither a group nor a key: a choice, or one that is near."""
    meant = [f"{group}={word}" for group in groups() if word in choices(group)]
    meant = meant or ([] if "." in word else get_close_matches(word, groups(), n=1))
    if not meant and (near := refused_keys.nearest(word, compose_whole())):
        meant = [near]
    advice = f"did you mean {' or '.join(meant)}?" if meant else "python -m harness --help lists all groups and keys"
    return f"there is no group or key {word}; {advice}"


def of_empty_sweep(arguments: list[str]) -> str:
    """A sentence for a sweep that left no run: which override has no value, or what its launcher's machines lack."""
    for key, value in refused_keys.given(arguments).items():
        if not refused_keys.options_of(key, value):
            return f"{key}={value} matches nothing, so there is no run; python -m harness --help lists all choices"
    if (launcher := refused_keys.given(arguments).get("hydra/launcher", "basic")) != "basic":
        return (
            f"no job of the sweep left a result in output_dir: the machines of hydra/launcher={launcher} must share "
            "that folder, and every override must have a value"
        )
    return "the sweep has no run: an override has no value"


def _without_blanks(error: Exception, arguments: list[str]) -> str | None:
    """How to write a refused list of values: without blanks, and without a comma at its end; None for others."""
    if not isinstance(error, OverrideParseException) or error.override not in arguments:
        return None
    first = last = arguments.index(error.override)
    while first > 0 and "=" not in arguments[first]:
        first -= 1
    while last + 1 < len(arguments) and not ("=" in arguments[last + 1] or arguments[last + 1].startswith("-")):
        last += 1
    words = arguments[first : last + 1]
    joined = "".join(words).replace(" ", "").rstrip(",")
    if not all(before.endswith((",", "=")) or after.startswith(",") for before, after in pairwise(words)):
        return None
    if "=" not in joined or joined == error.override or not (last > first or error.override.endswith(",")):
        return None
    remedy = "write the values without a blank" if last > first else "leave out the comma at the end"
    return f"{remedy}: {joined}"


def _stray(error: Exception, arguments: list[str]) -> str | None:
    """What was meant by a word that sets nothing, beside the word before or after it; None for other errors."""
    word = (error.override or "") if isinstance(error, OverrideParseException) else ""
    if not word or "=" in word or word not in arguments:
        return None
    place = arguments.index(word)
    before, after = (arguments[beside] if 0 <= beside < len(arguments) else "" for beside in (place - 1, place + 1))
    if after.startswith("="):
        return f"write it without a blank: {word}{after}"
    key, _, value = before.partition("=")
    if value and word in choices(key.lstrip("+").partition("@")[0]):
        return f"{word} is no KEY=VALUE; for several values in a sweep write -m {before},{word}"
    return f"{word} is no KEY=VALUE, such as encoder=lstm; python -m harness --help lists all keys"


def _to_be_closed(error: Exception) -> str | None:
    """The refused override with the brackets that it lacks at its end; None where it lacks none."""
    if not isinstance(error, OverrideParseException):
        return None
    text, missing = error.override or "", ""
    for opening, closing in ("()", "[]", "{}"):
        missing += closing * (text.count(opening) - text.count(closing))
    return f"'{text}{missing}'" if len(missing) == 1 else None


def _with_an_open_quote(error: Exception) -> str | None:
    """The refused override, if a double quote in it has no partner; None for others."""
    text = (error.override or "") if isinstance(error, OverrideParseException) else ""
    return text if text.replace('\\"', "").count('"') % 2 else None


def _to_be_quoted(error: Exception) -> str | None:
    """The override that Hydra could not parse, quoted for the shell and for Hydra; None where quotes would not help."""
    if not isinstance(error, OverrideParseException):
        return None
    key, equals, value = (error.override or "").partition("=")
    if items := re.fullmatch(r"\[([^\[\]{}()\"']+)\]", value):
        quoted = ",".join(f'"{item.strip()}"' for item in items[1].split(","))
        return f"'{key}=[{quoted}]'"
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
        if not override.startswith("+") or key.startswith("tune.space."):
            continue
        group = key.split("@")[0].split(".")[0]
        if group in refused_keys.PASSED_ON and not refused_keys.is_unread(key, config):
            continue
        before = _composed([other for other in overrides if other != override]) if override.startswith("++") else None
        if before is not None and key in refused_keys.keys(OmegaConf.to_container(before, resolve=False)):
            continue
        if group not in refused_keys.PASSED_ON:
            near = refused_keys.new_name(key) or refused_keys.nearest(key, before or config)
            raise UserError(f"nothing reads {key}; " + (f"did you mean {near}?" if near else "leave it out"))
        if elsewhere := refused_keys.of_others(key, config.choices[group], config):
            raise UserError(elsewhere)  # other keys are refused by the class, which may know what was meant


def refuse_words_for_parts(overrides: list[str], choices: Mapping[str, str]) -> None:
    """Refuse ``encoder.inner=gru``, which would put a word where the encoder has another encoder with its settings.

    ``choices`` are Hydra's: ``encoder@encoder.inner`` is the group and the place of such a part.

    Raises:
        UserError: one sentence with the override that chooses the part.
    """
    groups = {place: group for group, at, place in (choice.partition("@") for choice in choices) if at}
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        if key in groups:
            raise UserError(f"{key} is a part with settings of its own; choose it by {groups[key]}@{key}={value}")


def _composed(overrides: list[str]) -> DictConfig:
    """The config of a run with these overrides."""
    return GlobalHydra.instance().config_loader().load_configuration("config", overrides, RunMode.RUN)
