"""The configs that are shipped."""

from conftest import REPOSITORY

from harness.config.shipped import overridden_by


def encoders_of(backend: str) -> list[str]:
    """The encoders of ``encoder=`` whose file chooses this backend; of pytorch, those whose file chooses none."""
    return [name for name in choices("encoder") if overridden_by(name).get("backend", "pytorch") == backend]


def choices(group: str) -> list[str]:
    """The names of a config group's files."""
    return sorted(path.stem for path in (REPOSITORY / "conf" / group).glob("*.yaml"))
