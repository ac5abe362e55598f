"""Sentences on the terminal: a line ends between two words, so that no path and no number is cut."""

from rich.console import Console
from rich.text import Text

from harness.notices import wrapped


def print_sentence(out: Console, sentence: str, head: str = "", style: str = "") -> None:
    """Print a sentence; where it has a ``head``, such as ``note``, this alone has the style."""
    text = Text("\n".join(wrapped(f"{head}{sentence}", out.width)))
    text.stylize(style, 0, len(head) or None)
    out.print(text, soft_wrap=True)
