"""Notes and errors on standard error: on a terminal, a line ends between two words, so that no path is cut.

This module imports little, since every command begins with it.
"""

import os
import sys
import textwrap

UNBROKEN = "\xa0"
"""A blank at which no line ends, in a text to be wrapped; it is printed as any other."""
SHARED = "HARNESS_SHARED_TERMINAL"
"""The variable that is set for a run which prints to the same terminal as others beside it."""
BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
"""The form of a bar of tqdm: its loss and its speed fit 80 columns, where a further number would be cut."""


def notify(*sentences: object) -> None:
    """Print sentences at once. Into a file or a pipe each goes as one line."""
    lines = [line for sentence in sentences for line in str(sentence).split("\n")]
    if _is_terminal():
        lines = [part for line in lines for part in _on_terminal(line)]
    print(*lines, sep="\n", end="\n" * bool(lines), file=sys.stderr, flush=True)


def draws_bars() -> bool:
    """Whether a bar may be redrawn in place: on a terminal that no other run prints to."""
    return _is_terminal() and not os.environ.get(SHARED)


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """The lines of a text, all but the first with this indent; each ends between two words."""
    lines = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace(UNBROKEN, " ") for line in lines]


def _on_terminal(line: str) -> list[str]:
    """The lines that a terminal gets of one; its characters stay what they are, since it may be a path."""
    found = textwrap.wrap(
        line, _width(), break_long_words=False, break_on_hyphens=False, expand_tabs=False, replace_whitespace=False
    )
    return found or [line]


def _is_terminal() -> bool:
    return bool(getattr(sys.stderr, "isatty", bool)())  # another program may have put any object in its place


def _width() -> int:
    """The columns of the terminal; 80 where it does not know them."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80
