"""The words of a command before Hydra reads them: what is not text, what is given twice, what is not installed."""

import re
import shlex
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException

from harness.cli import refused_keys, subcommands
from harness.config import per_encoder as settings
from harness.config.compose import compose_whole, conf_dir
from harness.config.descriptions import groups
from harness.errors import UserError
from harness.records.secrets import masked

MULTIRUN = ("-m", "--multirun")
HELP = ("-h", "--help")
CONFIG_DIR = ("--config-dir", "-cd")
"""The flags of Hydra that name a folder of the user's own configs."""
WITH_VALUE = (*CONFIG_DIR, "--config-path", "-cp", "--config-name", "-cn", "--cfg", "-c", "--package", "-p")
"""The flags of Hydra whose value is the next word."""
FLAGS = (
    *("--help", "--hydra-help", "--version", "--cfg", "--resolve", "--package", "--run", "--multirun", "--info"),
    *("--shell-completion", "--config-path", "--config-name", "--config-dir", "--experimental-rerun"),
)
"""The long flags of Hydra, which takes the beginning of one for the whole."""
ALL = "--all"
"""The flag for all numbers of each run, where the terminal otherwise shows the most important ones."""
PLUGINS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "joblib"),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "submitit_slurm": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "ray": ("ray", "ray"),
    "optuna": ("optuna", "optuna"),
}
"""Launchers and sweepers that need an extra: the module and the extra."""
IN_THE_WAY = {"optuna": ("hydra_plugins.hydra_optuna_sweeper", "hydra-optuna-sweeper")}
"""Plugins that bring a config of the same name, whose schema Hydra would apply to ours: the module and the package."""


def refused(arguments: list[str]) -> str | None:
    """A sentence for the first argument that nobody may give: no UTF-8, what a sweep sets, a list of choices."""
    for argument in arguments:
        try:
            argument.encode("utf8")
        except UnicodeEncodeError:
            shown = argument.encode("utf8", "surrogateescape").decode("utf8", "replace")
            return f"{shown} is not UTF-8: write it in UTF-8, such as with LANG=C.UTF-8"
    by_the_sweep = {
        "sweep": "the id of a sweep", "worker": "the name of its command", "tune.trial": "the number of a trial",
        "trial": "the number of a trial",
    }  # fmt: skip
    for key, argument in _overrides(arguments):
        if key in by_the_sweep:
            return f"{argument}: -m sets {by_the_sweep[key]}; leave it out"
        name, _, value = argument.partition("=")
        if value.startswith("[") and key.partition("@")[0] in groups():
            return f"{argument} is a list, and a run has one {name}; a sweep has several: -m {name}={value.strip('[]')}"
    return None


def split(arguments: Iterable[str]) -> tuple[list[list[str]], list[str]]:
    """The flags of a command, each with its value, and its other words."""
    flags: list[list[str]] = []
    words: list[str] = []
    given = iter(arguments)
    for argument in given:
        if argument.startswith("-"):
            flags.append([argument, *islice(given, argument in WITH_VALUE)])
        else:
            words.append(argument)
    return flags, words


def flags_first(arguments: Iterable[str]) -> list[str]:
    """The arguments with ``-m`` and the other flags in front: Hydra takes no flag between overrides."""
    flags, words = split(arguments)
    flags.sort(key=lambda flag: flag[0] not in MULTIRUN)
    return [*chain.from_iterable(flags), *words]


def asks_for_help(arguments: list[str]) -> bool:
    """Whether a command asks for the help on groups and keys, and not for that of a subcommand."""
    return bool(set(HELP) & set(arguments)) and (not subcommands.is_one(arguments) or arguments[0] in groups())


def missing_plugin(arguments: list[str]) -> str | None:
    """One sentence for a launcher or sweeper whose extra is not installed, or which another plugin is in the way of."""
    for argument in arguments:
        key, _, choice = argument.partition("=")
        if key in ("hydra/launcher", "hydra/sweeper") and choice in PLUGINS:
            module, extra = PLUGINS[choice]
            lacking = module.rpartition(".")[2]
            if not _is_installed(module):
                return f"{argument} needs {lacking}: in the harness's folder, pip install '.[{extra}]'"
            other, package = IN_THE_WAY.get(choice, ("", ""))
            if other and _is_installed(other):
                return f"{argument} is a sweeper of the harness, and {package} is in its way: pip uninstall {package}"
    return None


def class_for_all(arguments: list[str]) -> str | None:
    """A sentence for a sweep over encoders that would hand the class of the user's own encoder to all of them."""
    values = {key: argument.partition("=")[2] for key, argument in _overrides(arguments)}
    target = values.get("encoder._target_")
    options = refused_keys.options_of("encoder", values["encoder"]) if target and "encoder" in values else []
    if len(set(options)) < 2:
        return None
    target = "my_file.MyEncoder" if "," in str(target) else target
    swept = ",".join(["mine", *(option for option in options if option != "custom")])
    return (
        f"encoder._target_ would be the class of every encoder of encoder={values['encoder']}: write the lines "
        f"'_target_: {target}' and '_partial_: true', and its other keys, into my_conf/encoder/mine.yaml, and sweep by "
        f"--config-dir my_conf encoder={swept}"
    )


def checked(arguments: list[str]) -> list[str]:
    """The arguments of a run or a sweep, for Hydra: each setting of one encoder alone in the words of its run.

    Raises:
        UserError: Hydra would misread one of them, or something that they need is missing.
    """
    config_folder(arguments)
    if refused := unknown_flag(arguments) or missing_plugin(arguments) or class_for_all(arguments):
        raise UserError(refused)
    return per_encoder(arguments)


def unknown_flag(arguments: list[str]) -> str | None:
    """A sentence for a word such as ``--seed`` that is no flag: what to write for the setting that it names."""
    for flag, *_ in split(arguments)[0]:
        name, equals, value = flag.partition("=")
        if not name.startswith("--") or any(known.startswith(name) for known in FLAGS):
            continue
        if near := get_close_matches(name.replace("_", "-"), FLAGS, n=1, cutoff=0.8):
            return f"there is no flag {name}; did you mean {near[0]}?"
        following = next(iter(arguments[arguments.index(flag) + 1 :]), "")
        if not equals and "=" not in following and not re.match(r"-(?![\d.])", following):
            value = following
        setting = shlex.quote(masked(f"{name.strip('-').replace('-', '_')}={value or '...'}"))
        return f"{name} is no flag: settings are written without dashes, {setting}"
    return None


def _is_installed(module: str) -> bool:
    return find_spec(module.partition(".")[0]) is not None and find_spec(module) is not None


def last_of_each(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The arguments without those that a later one replaces, and a sentence for each key that was given repeatedly.

    So a command's runs are named and counted by what was used: ``seed=0,1 seed=2`` is one run, not twice the same.
    """
    values: dict[str, list[str]] = {}
    for key, argument in _overrides(arguments):
        values.setdefault(key, []).append(argument)
    repeated = {key: given for key, given in values.items() if len(given) > 1}
    names = [argument.partition("=")[0] for argument in arguments]
    notes = [
        f"{key} is given {'twice' if len(given) == 2 else f'{len(given)} times'}: the last one counts, {given[-1]}"
        for key, given in repeated.items()
    ]
    kept = [
        argument for place, argument in enumerate(arguments)
        # an addition (+key=value) before a key=value stays, because Hydra needs both
        if names[place].lstrip("+") not in repeated or names[place] not in names[place + 1 :]
    ]  # fmt: skip
    return kept, notes


def as_sweep_to_tune(arguments: list[str]) -> list[str]:
    """The arguments with ``-m`` if they ask for tuning, which takes several runs; ``--cfg`` and the like stay."""
    flags = [one for one in arguments if one.startswith("-") and not one.startswith("--config-")]
    tuned = any(
        key.startswith("tune.space") or (key == "tune" and argument.partition("=")[2] != "none")
        for key, argument in _overrides(arguments)
    )
    return ["-m", *arguments] if tuned and not flags else arguments


def per_encoder(arguments: list[str]) -> list[str]:
    """The arguments with ``encoder.kernel_size=5`` for ``per.cnn.kernel_size=5``, if the run has that encoder.

    For a sweep, this is done for each of its runs; here the setting gets its ``+`` where that was left out.

    Raises:
        UserError: the run has another encoder, or its encoder has no such setting.
    """
    given = [argument for _, argument in _overrides(arguments)]
    if not any(settings.read(argument) for argument in given):
        return arguments
    if set(MULTIRUN) & set(arguments):
        return [f"+{one.lstrip('+')}" if one in given and settings.read(one) else one for one in arguments]
    try:
        folder = config_folder(arguments)
        own_folder = [_as_source(folder)] if folder else []
        with hydra.initialize_config_dir(str(conf_dir().absolute()), version_base="1.3"):
            settings.check([*given, *own_folder], GlobalHydra.instance().config_loader())
        own = settings.rewritten(given, lambda others: compose_whole(*others, *own_folder))
    except HydraException:  # Hydra says what it is
        return arguments
    return [*(argument for argument in arguments if argument not in given), *own]


def config_folder(arguments: list[str]) -> Path | None:
    """The folder of the user's own configs: ``--config-dir my_conf`` or ``--config-dir=my_conf``; of several the last.

    Raises:
        UserError: a flag has no folder, or there is no such folder.
    """
    folder = None
    for flag in split(arguments)[0]:
        name, _, value = "=".join(flag).partition("=")
        if name not in CONFIG_DIR:
            continue
        folder = Path(value)
        if not value or ("=" in value and not folder.is_dir()):
            raise UserError(f"{name} needs a folder, such as {name} my_conf")
        if not folder.is_dir():
            raise UserError(f"{name} {folder}: there is no such folder")
    return folder


def _as_source(folder: Path) -> str:
    """A folder as the quoted value of ``hydra.searchpath``; backslashes before a quote must be doubled there."""
    path = re.sub(r'(\\*)"', r'\1\1\\"', str(folder.absolute()))
    path = re.sub(r"(\\+)$", r"\1\1", path)
    return f'hydra.searchpath=["file://{path}"]'


def _overrides(arguments: list[str]) -> Iterator[tuple[str, str]]:
    """The key of each ``key=value``, without the signs of an addition, and the argument."""
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and not key.startswith(("-", "~")) and not value.startswith("{"):  # Hydra merges groups of keys
            yield key.lstrip("+"), argument
