"""What the Markdown files of reports and searches share."""

from collections.abc import Iterable, Sequence

SPECIAL = "\\|*~<>[]_`"
"""The characters that mean something in Markdown, the backslash first."""


def escaped(text: str) -> str:
    """Text with Markdown's special characters escaped, also for tables."""
    for sign in SPECIAL:
        text = text.replace(sign, f"\\{sign}")
    return text


def table_row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(escaped, cells))} |"


def paragraph(lines: Sequence[tuple[str, str]]) -> str:
    """The head of a report as one paragraph: MLflow folds a description after a few lines, before the answer."""
    return " · ".join(f"**{label}** {escaped(text)}" for label, text in lines)
