"""The user's own code that a config names as a ``_target_``: which files it is."""

import ast
import os
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.errors import UserError


def targets_of(settings: Any) -> list[str]:
    """The targets in a part of a config that are not the harness's own, sorted."""
    return sorted({target for target in _targets(settings) if not target.startswith("harness.")})


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("_target_"), str):
            yield value["_target_"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _targets(item)


def files_of(target: str) -> list[Path]:
    """The source of a target.

    Of a package all its modules; of a single file those beside it that it imports, and that these import. What is
    installed is known by its version: of it, the file of the top-level module stands for all.

    Raises:
        UserError: there is no such module.
    """
    spec = _spec_of(target)
    return [Path(str(spec.origin))] if _is_installed(spec) else list(_own_files(spec))


def own_files_of(target: str) -> dict[Path, Path]:
    """The files of a target that is not installed, each with its path below the folder that Python imports it from.

    Raises:
        UserError: there is no such module.
    """
    spec = _spec_of(target)
    return {} if _is_installed(spec) else _own_files(spec)


def _spec_of(target: str) -> ModuleSpec:
    top = target.split(".")[0]
    spec = find_spec(top)
    if spec is None:
        raise UserError(
            f"_target_ {target}: there is no module {top!r} in {os.getcwd()} or among the installed packages "
            f"(looked in {len(sys.path)} places)"
        )
    return spec


def _is_installed(spec: ModuleSpec) -> bool:
    installed = [Path(sysconfig.get_path(kind)) for kind in ("stdlib", "purelib", "platlib")]
    return bool(spec.origin) and any(folder in Path(str(spec.origin)).parents for folder in installed)


def _own_files(spec: ModuleSpec) -> dict[Path, Path]:
    folders = [Path(folder) for folder in spec.submodule_search_locations or []]
    if folders:
        return {file: file.relative_to(folder.parent) for folder in folders for file in sorted(folder.rglob("*.py"))}
    top = Path(spec.origin or "")
    return {file: file.relative_to(top.parent) for file in _with_neighbours(top)}


def _with_neighbours(file: Path) -> list[Path]:
    """A file and, of what stands beside it, whatever it imports, directly or through another."""
    found, waiting = [], [file]
    while waiting:
        one = waiting.pop()
        if one in found or not one.is_file():
            continue
        found.append(one)
        for name in _imported(one):
            waiting += [file.parent / f"{name}.py", *sorted((file.parent / name).rglob("*.py"))]
    return sorted(found)


def _imported(file: Path) -> set[str]:
    """The top-level names that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names
