"""``harness.run``: one run from Python, composed, named and refused as by the command line."""

import os
import re
import shlex
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from harness.cli import arguments as words
from harness.cli import one_run, secret_arguments, suggestions
from harness.config.compose import aside, composed
from harness.errors import UserError
from harness.notices import notify
from harness.records.record import Record
from harness.runner import run_names
from harness.runner.lifecycle import Request

_ONE_AT_A_TIME = threading.RLock()
"""Two runs at a time would slow each other down, and their speed is measured."""


def run(overrides: str | Iterable[str] = ()) -> Record:
    """See ``harness.run``."""
    started = time.time()
    given = _words(overrides)
    with _ONE_AT_A_TIME, _own_environment():
        given, notes = words.last_of_each(secret_arguments.into_environment(given))
        notify(*notes)
        with aside():
            request = _request(given, started)
        return one_run.record_of(request)


def _words(overrides: str | Iterable[str]) -> list[str]:
    """The overrides one by one; a string is read as a shell reads it.

    Raises:
        UserError: something is no override of a single run.
    """
    try:
        given = shlex.split(overrides) if isinstance(overrides, str) else list(overrides)
    except ValueError:  # a quote without its partner
        raise UserError(f"a quote is not closed: {overrides}; a list has each override as it is") from None
    for one in given:
        if not isinstance(one, str):
            raise UserError(f"{one!r} is no override; harness.run takes strings, such as encoder=lstm")
        if one.startswith("-") or re.match(r"[+~]*hydra([./=]|$)", one):
            raise UserError(f"{one} is for the command line: python -m harness {shlex.join(given)}")
        if "=" not in one and not one.startswith("~"):
            raise UserError(f"{one!r} is no override; write KEY=VALUE, such as encoder=lstm")
    if refused := words.refused(given):
        raise UserError(refused)
    return given


def _request(given: list[str], started: float) -> Request:
    """The request that the command with these overrides makes.

    Raises:
        UserError: it makes none; where Hydra says why, in the words of the command line.
    """
    try:
        _refuse_several(given)
        with composed(*words.per_encoder(given)) as config:
            label = run_names.label(config)
            notify(f"{label}: {'profiling' if config.mode == 'profile' else 'preparing data'}")
            return one_run.request_of(config, label, started)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError("\n".join(suggestions.explain(error, given))) from None


def _refuse_several(given: list[str]) -> None:
    """Refuse what asks for several runs.

    Raises:
        UserError: a key has several values, or the run is to be tuned.
        HydraException: an override cannot be read.
    """
    command = f"python -m harness -m {shlex.join(given)}"
    for override in OverridesParser.create().parse_overrides(given):
        if override.is_sweep_override():
            raise UserError(
                f"{override.input_line} asks for several runs, and harness.run makes one: call it in a loop, or use "
                f"the command line: {command}"
            )
    if words.as_sweep_to_tune(given) != given:
        raise UserError(f"tune takes several runs, and harness.run makes one: use the command line: {command}")


@contextmanager
def _own_environment() -> Iterator[None]:
    """A block that may set the address of the tracking server, which it hands to the run's process."""
    before = os.environ.get(secret_arguments.VARIABLE)
    try:
        yield
    finally:
        os.environ.pop(secret_arguments.VARIABLE, None)
        if before is not None:
            os.environ[secret_arguments.VARIABLE] = before
