"""The subcommands: ``python -m harness WORD ...``. Each word is the name of a module here that has a ``main``."""

import sys
from difflib import get_close_matches
from importlib import import_module

NAMES = ("report", "selfcheck", "ui")


def is_one(arguments: list[str]) -> bool:
    """Whether the first word of a command is a subcommand rather than an override or a flag."""
    return bool(arguments) and "=" not in arguments[0] and not arguments[0].startswith(("-", "+", "~"))


def run(arguments: list[str]) -> int:
    """Run a subcommand with its arguments; returns the exit code."""
    word, *rest = arguments
    if word not in NAMES:
        near = get_close_matches(word, NAMES, n=1)
        question = f"; did you mean {near[0]}?" if near else ""
        print(f"there is no subcommand {word!r}, only {', '.join(NAMES)}{question}", file=sys.stderr)
        return 2
    code: int = import_module(f"harness.cli.{word}").main(rest)
    return code
