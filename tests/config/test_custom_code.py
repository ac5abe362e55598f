"""Which files the user's own code is, by the path that Python imports it from."""

import sys
from pathlib import Path

import pytest
from conftest import refused

from harness.config import custom_code


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A module that imports another one beside it, and a package; a file that nobody imports, and one of data."""
    (tmp_path / "mine_code.py").write_text("import json\nimport mine_part\n")
    (tmp_path / "mine_part.py").write_text("")
    (tmp_path / "mine_other.py").write_text("")
    (tmp_path / "mine_package" / "deep").mkdir(parents=True)
    for name in ("__init__.py", "one.py", "deep/two.py", "data.csv"):
        (tmp_path / "mine_package" / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    assert not [name for name in sys.modules if name.startswith("mine_")]  # nothing was imported


def test_the_targets_of_a_config_are_those_outside_the_harness_once_each():
    settings = {
        "encoder": {"_target_": "mine_code.Encoder", "cell": {"_target_": "harness.backends.pytorch.Cell"}},
        "list": [{"_target_": "mine_package.one.Part"}, {"_target_": "mine_code.Encoder"}],
    }
    assert custom_code.targets_of(settings) == ["mine_code.Encoder", "mine_package.one.Part"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("mine_code.Encoder", {"mine_code.py", "mine_part.py"}),
        ("mine_package.one.Part", {"mine_package/__init__.py", "mine_package/one.py", "mine_package/deep/two.py"}),
        ("torch.nn.Linear", set()),
        ("json.JSONDecoder", set()),
    ],
)
def test_own_files_keep_their_path_below_the_folder_that_they_are_imported_from(code, target, expected):
    assert custom_code.own_files_of(target) == {code / name: Path(name) for name in expected}
    if expected:
        assert set(custom_code.files_of(target)) == {code / name for name in expected}


def test_of_what_is_installed_the_top_level_module_stands_for_all():
    (file,) = custom_code.files_of("torch.nn.Linear")
    assert file.parts[-2:] == ("torch", "__init__.py")


def test_a_missing_module_is_a_user_error():
    assert "there is no module 'mine_absent'" in refused(custom_code.own_files_of, "mine_absent.Encoder")
