"""Names in a row, of which a sentence has room for a few."""

from collections.abc import Sequence

MOST_NAMED = 6
"""A sentence names at most so many; of more it gives the number."""


def in_a_row(names: Sequence[str]) -> str:
    """Names in a row, with semicolons between them where one has a comma, as the name ``lstm, threads=2``."""
    return ("; " if any("," in name for name in names) else ", ").join(names)


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return in_a_row(names[:most]) + more
