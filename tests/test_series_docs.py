"""What docs/DATA.md says about sequences of numbers: its commands compose, and its example runs."""

import re
import shlex
import subprocess
import sys

import pytest
from conftest import QUICK, REPOSITORY

TEXT = (REPOSITORY / "docs" / "DATA.md").read_text(encoding="utf8")
(SECTION,) = re.findall(r"^## Sequences of numbers\n(.*?)(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
LINES = re.findall(r"^python -m harness (.*)$", SECTION, re.MULTILINE)
COMMANDS = [shlex.split(line, comments=True) for line in LINES]
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_composes(command, arguments):
    swept = [one if "=[" in one else one.split(",")[0] for one in arguments if one != "-m"]
    ended = command("--cfg", "job", *swept)
    assert ended.code == 0, ended.err
    assert "load_timeseries" in ended.out


def test_the_nodes_of_graphs_are_a_set(command, tmp_path):
    subprocess.run([sys.executable, "-c", EXAMPLE], cwd=tmp_path, check=True)
    (arguments,) = (arguments for arguments in COMMANDS if "data.train=graphs.npz" in arguments)
    swept = [one.replace("bag_of_embeddings,", "") for one in arguments if one != "-m"]
    ended = command(*swept, *QUICK, "tracking=none", "data.standardise=true")
    assert ended.code == 0, ended.err
    record = ended.record
    assert record.data.sizes == {"train": 1280, "validation": 320, "test": 400}
    assert record.data.classes == ["connected", "in parts"]
    assert len(record.data.notes["scale"]["mean"]) == 2
