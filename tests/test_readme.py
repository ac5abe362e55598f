"""Every command in the README composes, and its examples in Python run."""

import re
import shlex
import subprocess

import pytest
from conftest import QUICK, REPOSITORY
from test_config import choices

TEXT = (REPOSITORY / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
LINES = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line.removeprefix("python -m harness ") for line in LINES if line.startswith("python -m harness ")]
MODULES = sorted({line.split()[2] for line in LINES if line.startswith("python -m harness.")})


def write_examples(folder):
    for name in ("my_data", "my_encoder"):
        (code,) = (block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if EXAMPLE[name] in block)
        (folder / f"{name}.py").write_text(code)


EXAMPLE = {"my_data": "def load", "my_encoder": "class Convolution"}


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_composes(command, line):
    arguments = [argument for argument in shlex.split(line) if argument != "-m"]
    swept = [argument if "=[" in argument else argument.split(",")[0] for argument in arguments]
    ended = command("--cfg", "job", *swept)
    assert ended.code == 0, ended.err
    assert "_target_: " in ended.out


def test_there_are_commands_to_test():
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("line", [line for line in COMMANDS if "custom" in line])
def test_examples_of_ones_own_data_and_encoder_run(command, tmp_path, line):
    write_examples(tmp_path)
    ended = command(*shlex.split(line), *QUICK)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_is_named_says_its_options(module):
    import sys

    ended = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True)
    assert "usage: python -m " + module in ended.stdout


GROUPS = ["backend", "encoder", "pooling", "position", "data", "optimizer", "hardware", "experiment"]


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_is_in_the_readme(group):
    (row,) = re.findall(rf"^\| `{group}=` \| (.*) \|$", TEXT, re.MULTILINE)
    named = set(re.findall(r"`([a-z0-9_]+)`", row)) - {"cosine", "inverse_time"}
    assert named == set(choices(group))


@pytest.mark.parametrize("file", re.findall(r"`(harness/[\w/]+\.py)`", TEXT))
def test_every_file_that_is_named_is_there(file):
    assert (REPOSITORY / file).is_file()


def test_make_targets_that_are_named_are_there():
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^)make ([a-z-]+)", TEXT, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
