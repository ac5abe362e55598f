"""The wheel: all that a run needs and nothing else, and it works unpacked anywhere."""

import os
import subprocess
import sys
import zipfile

import pytest
from conftest import REPOSITORY

pytest.importorskip("hatchling", reason="hatchling is not installed; it comes with the extra .[test]")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The folder into which the wheel was unpacked, made of this tree."""
    built, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("unpacked")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = built.iterdir()
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def contents(folder):
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_it_holds_the_package_and_its_configs_and_nothing_else(unpacked):
    package = {name for name in contents(REPOSITORY / "harness") if "__pycache__" not in name}
    configs = {f"conf/{name}" for name in contents(REPOSITORY / "conf")}
    some = {"conf/config.yaml", "py.typed", "report/html/page.js", "report/html/templates/document.html.jinja"}
    assert some <= package | configs
    assert contents(unpacked / "harness") == package | configs
    (about,) = (folder for folder in unpacked.iterdir() if folder.name != "harness")
    assert about.name.endswith(".dist-info")
    assert "harness = harness.__main__:main" in (about / "entry_points.txt").read_text()


def test_it_runs_from_an_empty_folder_with_its_own_configs(unpacked, tmp_path):
    code = "from harness.__main__ import main; from harness.config.compose import conf_dir; print(conf_dir()); main()"
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    ended = subprocess.run(
        [sys.executable, "-c", code, "--cfg", "job", "encoder=gru"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.startswith(str(unpacked / "harness" / "conf"))
    assert "encoders.GRU" in ended.stdout
    assert not list(tmp_path.iterdir())
