"""The configs that are shipped."""

from conftest import REPOSITORY


def choices(group: str) -> list[str]:
    """The names of a config group's files."""
    return sorted(path.stem for path in (REPOSITORY / "conf" / group).glob("*.yaml"))
