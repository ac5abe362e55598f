"""Names in a row, of which a sentence has room for a few."""

from collections.abc import Sequence

MOST_NAMED = 6
"""A sentence names at most so many; of more it gives the number."""


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """The first of these names, and how many more there are."""
    return ", ".join(names[:most]) + and_more(len(names), most)


def and_more(count: int, most: int = MOST_NAMED) -> str:
    """`` and 3 more`` behind the first ``most`` of ``count`` names; empty where these are all."""
    return f" and {count - most} more" if count > most else ""
