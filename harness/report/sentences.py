"""Sentences on the terminal: a line ends between two words, so that no path and no number is cut."""

import textwrap

from rich.console import Console
from rich.text import Text

UNBROKEN = "\xa0"
"""A blank at which no line ends, in a text to be wrapped; it is printed as any other."""


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """The lines of a text, all but the first with this indent; each ends between two words."""
    lines = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace(UNBROKEN, " ") for line in lines]


def print_sentence(out: Console, sentence: str, head: str = "", style: str = "") -> None:
    """Print a sentence; where it has a ``head``, such as ``note``, this alone has the style."""
    text = Text("\n".join(wrapped(f"{head}{sentence}", out.width)))
    text.stylize(style, 0, len(head) or None)
    out.print(text, soft_wrap=True)
