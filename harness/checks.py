"""What is asked of settings in more than one place; what is said about them is said there."""

from typing import Any

LIBRARY = {"pytorch": "torch", "tensorflow": "tensorflow"}
"""What each backend needs; the second comes with an extra of the backend's name."""


def is_whole(value: Any, least: int) -> bool:
    """Whether a value is a whole number of at least so much; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
