"""The subcommands, their old forms, and words that are none."""

import re
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from harness.cli import key_help, subcommands


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """``python WORDS`` in the repository."""
    line = [sys.executable, *words]
    return subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", subcommands.NAMES)
def test_each_has_help(name):
    ended = run("-m", "harness", name, "--help")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"usage: python -m harness {name} ")


@pytest.mark.parametrize("name", ["report", "selfcheck", "ui"])
def test_old_forms_are_the_same(name):
    new, old = run("-m", "harness", name, "--help"), run("-m", f"harness.{name}", "--help")
    assert (old.returncode, old.stdout) == (0, new.stdout), old.stderr


@pytest.mark.parametrize("form", [("-m", "harness", "report"), ("-m", "harness.report")])
def test_the_exit_code_of_a_subcommand_is_that_of_the_command(form, tmp_path):
    ended = run(*form, str(tmp_path / "none"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert str(tmp_path / "none") in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("word", "question"),
    [("reprot", "; did you mean report?"), ("self-check", "; did you mean selfcheck?"), ("zzz", "")],
)
def test_an_unknown_word_is_one_sentence_with_the_nearest(command, word, question):
    ended = command(word, "--help")
    assert (ended.code, ended.out) == (2, "")
    names = "choose, export, predict, report, selfcheck, ui"
    assert ended.err == f"there is no subcommand {word!r}, only {names}{question}\n"


@pytest.mark.parametrize("first", ["seed=1", "+encoder.new=1", "~optimizer.betas", "-m", "--help"])
def test_overrides_and_flags_are_no_subcommands(first):
    assert not subcommands.is_one([first, "report"])
    assert not subcommands.is_one([])


def test_help_names_each_subcommand_and_no_other():
    header = key_help.HEAD.split("Examples:")[0]
    names = ["choose", "report", "predict", "export", "ui", "selfcheck"]
    assert re.findall(r"python -m harness ([a-z]+)", header) == names
    assert sorted(subcommands.NAMES) == ["choose", "export", "predict", "report", "selfcheck", "ui"]


@pytest.mark.parametrize("words", [["encoder", "=", "lstm", "seed=1"], ["encoder", "=lstm", "seed=1"]])
def test_a_setting_with_blanks_around_its_sign_is_no_subcommand(capsys, words):
    assert subcommands.run(words) == 2
    assert capsys.readouterr().err == "write it without blanks: encoder=lstm\n"
