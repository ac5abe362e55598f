"""The subcommands: ``python -m harness WORD ...``; each word is the name of a module here with a ``main``."""

import sys
from difflib import get_close_matches
from importlib import import_module

NAMES = ("report", "selfcheck", "ui")


def is_one(arguments: list[str]) -> bool:
    """Whether a command's first word is a subcommand rather than an override or a flag."""
    return bool(arguments) and "=" not in arguments[0] and not arguments[0].startswith(("-", "+", "~"))


def run(arguments: list[str]) -> int:
    """Run a subcommand with its arguments; returns the exit code."""
    word, *rest = arguments
    if word not in NAMES:
        near = get_close_matches(word, NAMES, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        print(f"there is no subcommand {word!r}; there are {', '.join(NAMES)}{meant}", file=sys.stderr)
        return 2
    return import_module(f"harness.cli.{word}").main(rest)
