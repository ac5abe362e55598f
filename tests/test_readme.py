"""Every command in the README composes or names a subcommand, and its examples in Python run."""

import re
import shlex
import subprocess
import sys

import pytest
from conftest import QUICK, REPOSITORY
from shipped import choices, encoders_of

from harness.cli import choose, subcommands

TEXT = (REPOSITORY / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
LINES = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
ARGUMENTS = [line.removeprefix("python -m harness ") for line in LINES if line.startswith("python -m harness ")]
COMMANDS = [line for line in ARGUMENTS if not subcommands.is_one(line.split())]
CHOICES = [line for line in ARGUMENTS if line.startswith("choose ")]
PROBES = (REPOSITORY / "docs" / "PROBES.md").read_text(encoding="utf8")
ON_PROBES = [
    line
    for line in re.findall(r"^python -m harness (.*)$", PROBES, re.MULTILINE)
    if not subcommands.is_one(line.split())
]
SUBCOMMANDS = sorted({line.split()[0] for line in ARGUMENTS if subcommands.is_one(line.split())})
OLD_FORMS = sorted(set(re.findall(r"`python -m harness\.(\w+)`", TEXT)))


EXAMPLES = {
    "my_data.py": "def load",
    "my_encoder.py": "class Convolution",
    "my_conf/encoder/mine.yaml": "_target_: my_encoder",
}
"""The user's files that the README shows, each with words that only its block has."""


def write_examples(folder):
    blocks = re.findall(r"```(?:python|yaml)\n(.*?)```", TEXT, re.DOTALL)
    for name, words in EXAMPLES.items():
        (content,) = (block for block in blocks if words in block)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.mark.parametrize("line", [*COMMANDS, *ON_PROBES])
def test_every_command_composes(command, tmp_path, line):
    write_examples(tmp_path)
    arguments = [argument for argument in shlex.split(line) if argument != "-m"]
    swept = [argument if "=[" in argument else argument.split(",")[0] for argument in arguments]
    ended = command("--cfg", "job", *swept)
    assert ended.code == 0, ended.err
    assert "_target_: " in ended.out


@pytest.mark.parametrize("line", CHOICES)
def test_every_command_of_choose_composes(command, line):
    translated = [word for word in choose.translated(shlex.split(line)[1:]) if word != "-m"]
    ended = command("--cfg", "all", *[word if "=[" in word else word.split(",")[0] for word in translated])
    assert ended.code == 0, ended.err
    assert "ChooseSweeper" in ended.out


def test_there_are_commands_to_test():
    assert len(CHOICES) >= 3
    assert len(COMMANDS) >= 10


def test_the_commands_of_the_probes_table_name_every_probe_and_known_encoders():
    sweeps = [line for line in ON_PROBES if "name=probes" in line]
    probes = re.findall(r"^\| `(\w+)` \|", PROBES, re.MULTILINE)
    encoders = [name for line in sweeps for name in re.search(r"encoder=(\S+)", line)[1].split(",")]
    assert len(sweeps) == 3
    assert all(re.search(r"data=(\S+)", line)[1].split(",") == probes for line in sweeps)
    assert len(set(encoders)) == len(encoders)
    assert set(encoders) <= set(choices("encoder"))


def the_command_with(words):
    (line,) = (line for line in COMMANDS if words in line)
    return shlex.split(line)


def test_the_example_of_your_own_data_learns_its_task(command, tmp_path):
    write_examples(tmp_path)
    ended = command(*the_command_with("my_data.load"), *QUICK)  # in two epochs; the command has five
    assert ended.code == 0, ended.err
    assert ended.record.data.sizes == {"train": 1000, "validation": 1000, "test": 1000}
    assert ended.record.metrics["test/accuracy"] > 0.95  # chance is 0.5


def test_the_example_of_your_own_encoder_learns(command, tmp_path):
    write_examples(tmp_path)
    ended = command(*the_command_with("my_encoder.Convolution"), *QUICK)
    assert ended.code == 0, ended.err
    assert ended.record.metrics["test/accuracy"] > 0.3  # of ten classes, after two epochs


def test_your_own_encoder_is_compared_by_the_name_of_its_file(command, tmp_path):
    write_examples(tmp_path)
    line = the_command_with("per.mine.kernel")
    ended = command(*line, *QUICK, "trainer.epochs=1", "seed=0", "tracking=none")
    assert ended.code == 0, ended.err
    kernels = {(record.choices["encoder"], record.config["encoder"].get("kernel")) for record in ended.records}
    assert kernels == {("mine", 5), ("gru", "auto")}


def test_every_subcommand_is_in_the_readme():
    assert sorted(subcommands.NAMES) == SUBCOMMANDS
    assert OLD_FORMS == ["report", "selfcheck", "ui"]


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, ["harness", name]) for name in SUBCOMMANDS), *((name, [f"harness.{name}"]) for name in OLD_FORMS)],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_every_subcommand_that_is_named_prints_its_options_in_both_forms(name, form):
    ended = subprocess.run([sys.executable, "-m", *form, "--help"], capture_output=True, text=True, check=True)
    assert f"usage: python -m harness {name} " in ended.stdout


GROUPS = ["backend", "input", "encoder", "pooling", "position", "data", "optimizer", "hardware", "experiment"]


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_is_in_the_readme(group):
    (row,) = re.findall(rf"^\| `{group}=` \| (.*) \|$", TEXT, re.MULTILINE)
    named = set(re.findall(r"`([a-z0-9_]+)`", row)) - {"cosine", "inverse_time", "plateau"}
    assert named == set(choices(group))


CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf8")
NAMED = re.findall(r"`((?:harness|tests|conf|docs)/[\w/]+\.\w+)`", TEXT + CONTRIBUTING)


@pytest.mark.parametrize("file", sorted({file for file in NAMED if "NAME" not in file}))
def test_every_named_file_exists(file):
    assert (REPOSITORY / file).is_file()


def test_every_named_make_target_exists():
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^)make ([a-z-]+)", TEXT, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_make_run_is_the_command_of_the_first_run():
    (line,) = re.findall(r"-m harness (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    first = TEXT.split("## The first run")[1].split("python -m harness ")[1].splitlines()[0]
    assert line == first


ENCODERS = (REPOSITORY / "docs" / "ENCODERS.md").read_text(encoding="utf8")


@pytest.mark.parametrize("file", re.findall(r"\]\((docs/[\w./]+)\)", TEXT))
def test_every_linked_document_exists(file):
    assert (REPOSITORY / file).is_file()


def test_every_encoder_has_one_line_below_the_backends_that_have_it():
    there = REPOSITORY / "harness" / "backends"
    torch, keras = ((there / name / "encoders" / "__init__.py").read_text() for name in ("pytorch", "tensorflow"))
    parts = re.split(r"Only the \S+ backend has:", ENCODERS)
    shared, own, baselines = (re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in parts)
    assert sorted([*shared, *own, *baselines]) == choices("encoder")
    assert sorted(baselines) == encoders_of("sklearn")
    for name in {*shared, *own} - {"custom"}:
        target = re.search(r"encoders\.(\w+)", (REPOSITORY / f"conf/encoder/{name}.yaml").read_text())[1]
        assert f'"{target}"' in torch
        assert (f'"{target}"' in keras) == (name in shared), name


def test_the_example_of_a_custom_cell_runs(command, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", ENCODERS, re.DOTALL)
    (tmp_path / "my_cell.py").write_text(code)
    (line,) = re.findall(r"^python -m harness (.*)$", ENCODERS, re.MULTILINE)
    ended = command(*shlex.split(line), *QUICK, "trainer.epochs=1")
    assert ended.code == 0, ended.err
    # one kernel and one bias; no cost, because the cell has no flops
    assert ended.record.metrics["cost/encoder_parameters"] == 128 * 128 + 128
    assert "cost/forward_flops" not in ended.record.metrics
