"""Sentences on the terminal: a line ends between two words, so that no path and no number is cut."""

import textwrap

from rich.console import Console
from rich.text import Text

COLUMNS = 80
"""The width of sentences that do not go to a terminal themselves, such as through ``tee``: any terminal has it."""


def print_sentence(out: Console, sentence: str, head: str = "", style: str = "") -> None:
    """Print a sentence; where it has a ``head``, such as ``note``, this alone has the style."""
    width = out.width if out.is_terminal else min(out.width, COLUMNS)
    lines = textwrap.wrap(f"{head}{sentence}", width, break_long_words=False, break_on_hyphens=False)
    text = Text("\n".join(lines))
    text.stylize(style, 0, len(head) or None)
    out.print(text, soft_wrap=True)
