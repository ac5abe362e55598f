"""Sentences on the terminal, of which no line ends within a path or a number."""

import io
from itertools import pairwise

import pytest
from rich.console import Console

from harness.report.sentences import print_sentence

PATH = "/scratch/some-user/long-experiments/" + "outputs/runs/" * 5 + "record.json"
SENTENCE = f"Left out: {PATH} is not a record (empty), and 1,234,567 rows of [other] files took 12.5 ms or 0.25 s each."


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_are_filled_and_only_a_path_that_is_longer_than_a_line_is_too_long(width):
    out = Console(width=width, file=io.StringIO(), no_color=True, color_system=None)
    print_sentence(out, SENTENCE, head="note    ", style="yellow")
    lines = out.file.getvalue().splitlines()
    assert [len(line) > width for line in lines].count(True) == 1
    assert PATH in lines
    words = f"note    {SENTENCE}".split()
    assert [word for line in lines for word in line.split()] == words
    after = lines[lines.index(PATH) + 1 :]
    for line, following in pairwise(after):
        assert len(line) + 1 + len(following.split()[0]) > width, "each line takes all the words that fit"


def test_only_the_head_of_a_sentence_has_a_style_and_without_one_all_of_it():
    out = Console(width=80, file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False)
    print_sentence(out, "a [red]b", head="note    ", style="yellow")
    print_sentence(out, "failed rnn", style="red")
    assert out.file.getvalue() == "\x1b[33mnote    \x1b[0ma [red]b\n\x1b[31mfailed rnn\x1b[0m\n"
