"""The subcommands: ``python -m harness WORD ...``. Each word is the name of a module here that has a ``main``."""

import os
import sys
import tempfile
import traceback
from difflib import get_close_matches
from importlib import import_module

from harness.notices import notify

NAMES = ("choose", "export", "predict", "report", "selfcheck", "ui")
USER_ERROR, INTERRUPTED = 2, 130


def is_one(arguments: list[str]) -> bool:
    """Whether the first word of a command is a subcommand rather than an override or a flag."""
    return bool(arguments) and "=" not in arguments[0] and not arguments[0].startswith(("-", "+", "~"))


def run(arguments: list[str]) -> int:
    """Run a subcommand with its arguments; returns the exit code.

    1 is a verdict, such as that a gate failed. So it is never the code of an error, not even of one in our code.
    """
    word, *rest = arguments
    if rest and rest[0].startswith("="):
        notify(f"write it without blanks: {word}{''.join(rest[: 1 + (rest[0] == '=')])}")
        return USER_ERROR
    if word not in NAMES:
        near = get_close_matches(word, NAMES, n=1)
        question = f"; did you mean {near[0]}?" if near else ""
        notify(f"there is no subcommand {word!r}, only {', '.join(NAMES)}{question}")
        return USER_ERROR
    try:
        code: int = import_module(f"harness.cli.{word}").main(rest)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _closed()
    except SystemExit as stop:
        if stop.code != 1:
            raise
        return _closed()  # Rich exits with 1 where a pipe is closed
    except Exception as error:
        return _fault(word, error)


def _closed() -> int:
    """What reads standard output has ended, such as ``head``: nothing more can be said there, at the exit neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    notify("standard output was closed before everything was printed")
    return USER_ERROR


def _fault(word: str, error: Exception) -> int:
    """Say that our code failed, and keep the traceback in a file."""
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf8", errors="replace", prefix=f"harness-{word}-", suffix=".txt", delete=False
        ) as file:
            file.write(traceback.format_exc())
        where = f"the traceback is in {file.name}"
    except OSError as unwritten:
        where = f"its traceback could not be written ({unwritten.strerror})"
    notify(f"{word} failed by a fault of the harness ({what}); {where}")
    return USER_ERROR
