"""Help and ``--cfg``: complete, correct, and nothing heavy is loaded for them."""

import re
import shlex
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from harness.config.compose import compose, conf_dir

HEAVY = (
    *("torch", "pytorch_lightning", "tensorflow", "keras", "mlflow", "datasets", "pyarrow", "transformers", "ray"),
    *("numpy", "pandas", "scipy", "sklearn", "matplotlib", "optuna", "submitit", "joblib", "psutil", "rich"),
    *("pydantic", "jinja2", "plotly"),
)


@pytest.mark.parametrize("flags", ["--help", "--cfg job", "--info searchpath", "--hydra-help"])
def test_help_and_config_load_nothing_heavy(flags):
    code = (
        f"import sys; sys.argv = ['harness', *{flags.split()}]\n"
        "from harness.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        f"sys.exit(', '.join(set({HEAVY}) & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == "", ended.stdout[-300:]


def listed_choices(help_text: str) -> dict[str, list[str]]:
    """The groups that the help lists, with their choices."""
    listed = help_text.split("(group=option)")[1].split("== Config ==")[0]
    return {group: names.split(", ") for group, names in re.findall(r"^(\S+): (.+)$", listed, re.MULTILINE)}


def test_help_lists_every_choice_and_nothing_else(command):
    conf = conf_dir()
    groups = [folder for folder in conf.iterdir() if folder.is_dir() and folder.name != "hydra"]
    ended = command("--help")
    assert ended.code == 0
    assert listed_choices(ended.out) == {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in groups
    }
    assert not [name for names in listed_choices(ended.out).values() for name in names if name.startswith("_")]


def test_help_shows_the_config_with_the_overrides(command):
    out = command("--help", "encoder=cnn", "seed=7").out
    assert "encoders.CNN" in out
    assert "\nseed: 7\n" in out


def test_the_examples_in_the_help_are_commands_that_compose(command):
    examples = re.findall(r"^python -m harness (?!.*KEY)(.+)$", command("--help").out.split("== Examples ==")[1], re.M)
    assert len(examples) == 6
    for example in examples:
        sets = [word.split(",")[0] if "[" not in word else word for word in shlex.split(example) if word != "-m"]
        compose(*sets)  # raises a UserError for an invalid config


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("all", ["FileConfigSource", "file://", "data/digits", "seed: 0"]),
        ("defaults-tree", ["data: digits", "encoder: lstm"]),
    ],
)
def test_hydra_shows_its_own_state(what, shown):
    words = [sys.executable, "-m", "harness", "--info", what, "encoder=lstm"]
    ended = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [part for part in shown if part not in ended.stdout] == []
