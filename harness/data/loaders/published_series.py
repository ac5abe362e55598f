"""Published sets of series: in a folder, or in a package that is installed."""

from importlib.util import find_spec
from pathlib import Path

from harness.data.loaders.hub import local_copy
from harness.errors import UserError

PACKAGES = ("sktime", "aeon")
"""Packages with sets of the UCR and UEA archives in their folder datasets/data. Nothing of them is imported."""
ENDINGS = (".ts", ".tsv", ".txt")
INSTALL = "pip install --no-deps sktime"


def published_files(source: str) -> dict[str, Path]:
    """The files NAME_TRAIN and, if it is there, NAME_TEST of a set: a folder, or the name of a shipped set.

    Raises:
        UserError: there is no such set, or a file cannot be told from others.
    """
    folder = local_copy(source) or next((path for path in _shipped() if path.name == source), None)
    if folder is None:
        names = sorted({path.name for path in _shipped() if [*path.glob("*_TRAIN.ts")]})
        known = f"the installed sets are {', '.join(names)}" if names else f"no sets are installed ({INSTALL})"
        raise UserError(f"data.source={source} is neither a folder nor the name of an installed set; {known}")
    files = {role: file for role in ("train", "test") if (file := _file(folder, role))}
    if "train" not in files:
        raise UserError(f"data: {folder} has no file NAME_TRAIN{' or '.join(ENDINGS)}; name files by data.train")
    return files


def _shipped() -> list[Path]:
    """The folders of all sets that installed packages ship."""
    specs = [spec for name in PACKAGES if (spec := find_spec(name))]
    roots = [Path(root, "datasets", "data") for spec in specs for root in spec.submodule_search_locations or ()]
    return [folder for root in roots if root.is_dir() for folder in sorted(root.iterdir()) if folder.is_dir()]


def _file(folder: Path, role: str) -> Path | None:
    """The file of a split: of several, the one with the folder's name, and ``.ts`` before older forms."""
    for ending in ENDINGS:
        found = sorted(folder.glob(f"*_{role.upper()}{ending}"))
        own = [file for file in found if file.stem == f"{folder.name}_{role.upper()}"] or found
        if len(own) > 1:
            names = " and ".join(file.name for file in own)
            raise UserError(f"data: {folder} has {names}; name one of them in data.train or data.test")
        if own:
            return own[0]
    return None
