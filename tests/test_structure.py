"""Who may depend on whom, and who may load which framework."""

import ast
from pathlib import Path

import pytest
from conftest import REPOSITORY

PACKAGE = REPOSITORY / "harness"
ORDER = [
    {"records", "checks"},
    {"data", "measure", "quality", "ctc", "tasks"},
    {"backends"},
    {
        *("pictures", "attention", "tracking"),
        *("statistics", "cells", "cell_names", "boards", "comparison", "wording", "tables", "page"),
        *("terminal", "gate", "report", "profile_report"),
    },
    {"config", "machine", "fingerprint", "isolate", "fork_server", "keeping"},
    {"run", "profile", "profile_point"},
    {"cli", "composing", "misspelt", "naming", "sweep", "ui", "selfcheck", "__main__"},
]
"""Each level may import from those above it and from its own."""

OWNERS = {
    "torch": "backends/pytorch",
    "pytorch_lightning": "backends/pytorch",
    "keras": "backends/tensorflow",
    "tensorflow": "backends/tensorflow",
    "mlflow": "tracking/",
}
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def level(part: str) -> int:
    return next(number for number, parts in enumerate(ORDER) if part in parts)


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(PACKAGE)) for file in FILES])
def test_a_module_depends_on_earlier_levels_only(file):
    relative = file.relative_to(PACKAGE)
    if relative.name == "__init__.py" and len(relative.parts) == 1:
        return
    own = level(relative.parts[0].removesuffix(".py"))
    for name in imports(file):
        if name.startswith("harness."):
            part = name.split(".")[1]
            assert level(part) <= own, f"{relative} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(PACKAGE)) for file in FILES])
def test_frameworks_are_loaded_by_their_owners_alone(file):
    relative = str(file.relative_to(PACKAGE))
    for name in imports(file):
        owner = OWNERS.get(name.split(".")[0])
        assert owner is None or relative.startswith(owner), f"{relative} imports {name}"


def test_the_backends_do_not_know_each_other():
    for file in FILES:
        relative = str(file.relative_to(PACKAGE))
        for one, other in (("pytorch", "tensorflow"), ("tensorflow", "pytorch")):
            if relative.startswith(f"backends/{one}"):
                assert not any(f"backends.{other}" in name for name in imports(file)), relative
