"""Who may depend on whom, who may load which framework, and what holds for every file."""

import ast
import re
from collections.abc import Iterator

import pytest
from conftest import REPOSITORY

PACKAGE = REPOSITORY / "harness"
ORDER = [
    {"errors", "notices"},
    {"records"},
    {"measure"},
    {"config"},
    {"data"},
    {"tasks"},
    {"backends"},
    {"tracking", "analysis"},
    {"report"},
    {"runner"},
    {"cli"},
]
"""Each package may import from those above it and from itself; the two that share a line know nothing of each other."""

OWNERS = {
    "torch": "backends/pytorch",
    "pytorch_lightning": "backends/pytorch",
    "transformers": "backends/pytorch",
    "keras": "backends/tensorflow",
    "tensorflow": "backends/tensorflow",
    "onnx": "runner/export",
    "onnxruntime": "runner/export",
    "mlflow": "tracking/",
    "sqlalchemy": "tracking/",
    "ray": "runner/ray",
    "sklearn": "backends/sklearn",
}
EVERYONES = ("sklearn.datasets.", "sklearn.model_selection.")
"""What a framework has besides models: data sets and splits."""
LONGEST_FILE = 250
FILES = sorted(PACKAGE.rglob("*.py"))
IDS = [str(file.relative_to(PACKAGE)) for file in FILES]


def imports(source: str) -> Iterator[str]:
    """What a module imports, in full, wherever in the module it does so."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def level(part: str) -> int:
    return next(number for number, parts in enumerate(ORDER) if part in parts)


def forbidden(relative: str, source: str) -> list[str]:
    """What a module imports from a package that stands after its own, or beside it."""
    own = relative.split("/")[0].removesuffix(".py")
    parts = [name.split(".")[1] for name in imports(source) if name.startswith("harness.")]
    return [part for part in parts if part != own and part != "conf" and level(part) >= level(own)]


def is_entry_point(relative: str) -> bool:
    """``python -m harness`` and ``python -m harness.report`` start the command line, and are imported by nobody."""
    return relative.endswith("__main__.py")


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_a_package_depends_on_earlier_packages_only(file):
    relative = file.relative_to(PACKAGE).as_posix()
    if relative == "__init__.py" or is_entry_point(relative):
        return
    assert forbidden(relative, file.read_text(encoding="utf8")) == []


@pytest.mark.parametrize(
    ("relative", "source", "found"),
    [
        ("records/store.py", "from harness.report import text", ["report"]),
        ("records/store.py", "def f():\n    import harness.report.text", ["report"]),
        ("analysis/comparison.py", "from harness.runner.run import run", ["runner"]),
        ("analysis/comparison.py", "from harness.tracking import OFF", ["tracking"]),
        ("analysis/comparison.py", "from harness.records import store\nfrom harness.analysis import variants", []),
        ("errors.py", "from harness.records import store", ["records"]),
    ],
)
def test_a_planted_import_is_noticed(relative, source, found):
    assert forbidden(relative, source) == found


def test_every_package_has_its_place_in_the_order():
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py") and path.stem[:2] != "__"}
    assert there - {"conf"} == set.union(*ORDER)


def test_no_modules_import_each_other_in_a_circle():
    """Wherever in a module it imports."""
    names = {".".join(("harness", *file.relative_to(PACKAGE).with_suffix("").parts)): file for file in FILES}
    edges: dict[str, set[str]] = {}
    for name, file in names.items():
        wanted = set(imports(file.read_text(encoding="utf8")))
        edges[name] = {other for one in wanted for other in (one, one.rpartition(".")[0]) if other in names} - {name}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in edges[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in names:
        visit(name, ())


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_frameworks_are_loaded_by_their_owners_only(file):
    relative = file.relative_to(PACKAGE).as_posix()
    for name in imports(file.read_text(encoding="utf8")):
        owner = None if name.startswith(EVERYONES) else OWNERS.get(name.split(".")[0])
        assert owner is None or relative.startswith(owner), f"{relative} imports {name}"


def test_the_backends_do_not_know_each_other():
    names = {path.name for path in (PACKAGE / "backends").iterdir() if path.is_dir() and path.name[:2] != "__"}
    for file in FILES:
        relative = file.relative_to(PACKAGE)
        if relative.parts[0] == "backends" and relative.parts[1] in names:
            others = names - {relative.parts[1]}
            found = [name.split(".")[2] for name in imports(file.read_text()) if name.startswith("harness.backends.")]
            assert not others & set(found), relative


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_no_module_reaches_into_a_library(file):
    """No internal modules, no patched classes, nothing read off an exception."""
    assert not re.search(r"_internal|__context__|__deepcopy__", file.read_text(encoding="utf8"))


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_a_file_is_read_in_five_minutes(file):
    assert len(file.read_text(encoding="utf8").splitlines()) <= LONGEST_FILE


def test_the_first_level_is_small():
    # py.typed has no content: it says that the package has types (PEP 561)
    entries = [path.name for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "py.typed")]
    assert len(entries) <= 15


def test_the_tests_mirror_the_packages():
    packages = {part for parts in ORDER for part in parts} - {"errors", "notices"}
    there = {path.name for path in (REPOSITORY / "tests").iterdir() if path.is_dir() and path.name[:2] != "__"}
    assert there >= packages
    assert there - packages <= {"benchmarks"}


def test_no_two_test_files_have_one_name():
    """pytest imports them by name alone."""
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
