"""Every command in the README composes, and its examples in Python run."""

import re
import shlex
import subprocess

import pytest
from conftest import QUICK, REPOSITORY
from shipped import choices

TEXT = (REPOSITORY / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
LINES = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line.removeprefix("python -m harness ") for line in LINES if line.startswith("python -m harness ")]
PROBES = (REPOSITORY / "docs" / "PROBES.md").read_text(encoding="utf8")
ON_PROBES = re.findall(r"^python -m harness (.*)$", PROBES, re.MULTILINE)
MODULES = sorted({line.split()[2] for line in LINES if line.startswith("python -m harness.")})


def write_examples(folder):
    for name in ("my_data", "my_encoder"):
        (code,) = (block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if EXAMPLE[name] in block)
        (folder / f"{name}.py").write_text(code)


EXAMPLE = {"my_data": "def load", "my_encoder": "class Convolution"}


@pytest.mark.parametrize("line", [*COMMANDS, *ON_PROBES])
def test_every_command_composes(command, line):
    arguments = [argument for argument in shlex.split(line) if argument != "-m"]
    swept = [argument if "=[" in argument else argument.split(",")[0] for argument in arguments]
    ended = command("--cfg", "job", *swept)
    assert ended.code == 0, ended.err
    assert "_target_: " in ended.out


def test_there_are_commands_to_test():
    assert len(COMMANDS) >= 10


def test_the_table_of_probes_is_made_of_all_of_them_by_encoders_that_there_are():
    made = [line for line in ON_PROBES if "name=probes" in line]
    probes = re.findall(r"^\| `(\w+)` \|", PROBES, re.MULTILINE)
    encoders = [name for line in made for name in re.search(r"encoder=(\S+)", line)[1].split(",")]
    assert len(made) == 3
    assert all(re.search(r"data=(\S+)", line)[1].split(",") == probes for line in made)
    assert len(set(encoders)) == len(encoders)
    assert set(encoders) <= set(choices("encoder"))


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


GROUPS = ["backend", "input", "encoder", "pooling", "position", "data", "optimizer", "hardware", "experiment"]


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


ENCODERS = (REPOSITORY / "docs" / "ENCODERS.md").read_text(encoding="utf8")


@pytest.mark.parametrize("file", re.findall(r"\]\((docs/[\w./]+)\)", TEXT))
def test_every_document_that_is_linked_is_there(file):
    assert (REPOSITORY / file).is_file()


def test_every_encoder_has_one_line_under_the_backends_that_have_it():
    there = REPOSITORY / "harness" / "backends"
    torch, keras = ((there / name / "encoders" / "__init__.py").read_text() for name in ("pytorch", "tensorflow"))
    shared, own = (re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in ENCODERS.split("alone has:"))
    assert sorted([*shared, *own]) == choices("encoder")
    for name in {*shared, *own} - {"custom"}:
        target = re.search(r"encoders\.(\w+)", (REPOSITORY / f"conf/encoder/{name}.yaml").read_text())[1]
        assert f'"{target}"' in torch
        assert (f'"{target}"' in keras) == (name in shared), name


def test_the_example_of_ones_own_cell_runs(command, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", ENCODERS, re.DOTALL)
    (tmp_path / "my_cell.py").write_text(code)
    (line,) = re.findall(r"^python -m harness (.*)$", ENCODERS, re.MULTILINE)
    ended = command(*shlex.split(line), *QUICK, "trainer.epochs=1")
    assert ended.code == 0, ended.err
    # one kernel and one bias, and no cost, as it does not say its own
    assert ended.record.metrics["cost/encoder_parameters"] == 128 * 128 + 128
    assert "cost/forward_flops" not in ended.record.metrics
