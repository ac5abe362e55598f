"""Refuses a file of the user's that has a library's name and that Python would load in the library's place.

Python looks into the working folder first: with a ``datasets.py`` there, ``import datasets`` gives that file to
whichever library asks for it. Only such an import is refused: the user's own code may import its own files, and a file
that nobody imports harms nothing. This module imports little, since its own imports come before its watch.
"""

import sys
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import UserError

PACKAGE = Path(__file__).parent.parent
STAND_INS = {"pynvml", "example"}
"""Modules that may be replaced: one that tells of graphics cards, and an example that its package installs."""


def watch() -> None:
    """From now on refuse imports of files that shadow a library, in this process; costs nothing where none does.

    An import that is refused raises UserError: one sentence that names the file.
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    if found := dict(_shadowing()):
        sys.meta_path.insert(0, _Finder(found))


def _shadowing() -> Iterator[tuple[str, str]]:
    """The name of every module that shadows a library, with the folder that it lies in."""
    library = Path(sysconfig.get_path("stdlib"))
    ahead = list(takewhile(lambda entry: Path(entry) != library, sys.path))
    resolved = {entry: Path(entry).resolve() for entry in sys.path}
    for folder in dict.fromkeys(ahead):
        path = Path(folder)
        if _is_installed(path):  # a library's own copies of others, as Ray has them
            continue
        others = [entry for entry in sys.path if resolved[entry] != resolved[folder]]
        names = [file.stem for file in path.glob("*.py")] if path.is_dir() else []
        names += [file.parent.name for file in path.glob("*/__init__.py")]
        for name in set(names) - sys.modules.keys() - STAND_INS:
            spec = PathFinder.find_spec(name, others)
            if spec is not None and spec.has_location and _is_installed(Path(str(spec.origin))):
                yield name, folder


def _is_installed(file: Path) -> bool:
    return any(Path(sysconfig.get_path(kind)) in file.parents for kind in ("stdlib", "purelib", "platlib"))


class _Finder:
    """Finds the files that shadow a library, and guards them."""

    def __init__(self, shadowing: dict[str, str]) -> None:
        self._shadowing = shadowing

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        folder = self._shadowing.get(fullname)
        spec = PathFinder.find_spec(fullname, [folder]) if folder is not None else None
        if spec is not None and spec.loader is not None:  # only looked for: no harm is done yet
            spec.loader = _Guard(spec.loader, fullname, Path(str(spec.origin)))  # type: ignore[assignment]
        return spec


class _Guard:
    """Loads a file for the user's own code, and refuses it to everyone else."""

    def __init__(self, loader: Any, name: str, file: Path) -> None:
        self._loader, self._name, self._file = loader, name, file

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        importer = _importer()
        if PACKAGE in importer.parents or _is_installed(importer):
            raise UserError(
                f"{self._file} has the name of the library {self._name}, and Python would load it in its place; "
                "rename it, or run the command in another folder"
            )
        self._loader.exec_module(module)


def _importer() -> Path:
    """The file with the statement that imports, behind the frames of Python's import system and of this module."""
    frames = (frame for frame, _ in traceback.walk_stack(None))
    own = ("importlib", __name__)
    return next(
        (
            Path(frame.f_globals["__file__"])
            for frame in frames
            if "__file__" in frame.f_globals and not str(frame.f_globals.get("__name__")).startswith(own)
        ),
        Path(),
    )
