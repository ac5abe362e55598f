"""Messages on standard error: whole words on each line of a terminal, one line each in a file or a pipe."""

import io
import os
import pty
import termios
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from harness import notices

PATH = "/scratch/some-user/long-experiments/" + "outputs/runs/" * 5 + "record.json"
SENTENCE = f"Left out: {PATH} is not a record (empty), and 1,234,567 rows of other files took 12.5 ms or 0.25 s each."


class Terminal(io.StringIO):
    """A terminal that does not know its width, as one that nobody sized."""

    def isatty(self):
        return True


def test_on_a_terminal_no_line_ends_within_a_word(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    notices.notify(SENTENCE, "  an indented\nsecond line", "")
    shown = notices.sys.stderr.getvalue()
    *lines, indented, second, empty = shown.removesuffix("\n").split("\n")
    assert (indented, second, empty) == ("  an indented", "second line", "")
    assert " ".join(lines) == SENTENCE
    assert [line for line in lines if len(line) > 80] == [PATH]


@pytest.mark.parametrize("width", [30, 100])
def test_lines_are_as_wide_as_the_terminal(monkeypatch, width):
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb") as shown, os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        termios.tcsetwinsize(theirs, (24, width))
        notices.notify("word " * 60)
        received = b""
        while received.count(b"\n") < 300 // width:  # a terminal may pass it on in parts
            received += shown.read1()
    assert [len(line) for line in received.decode().splitlines()] == [width - 1] * (300 // width)


def test_the_characters_of_a_path_are_not_changed(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    notices.notify("no file /x/my\xa0file\tA.csv")
    assert notices.sys.stderr.getvalue() == "no file /x/my\xa0file\tA.csv\n"


@pytest.mark.parametrize("more", [{}, {"isatty": lambda: True}])
def test_another_programs_object_in_place_of_standard_error_needs_no_more_than_write(monkeypatch, more):
    written = []
    monkeypatch.setattr("sys.stderr", SimpleNamespace(write=written.append, flush=lambda: None, **more))
    notices.notify("a note")
    assert "".join(written) == "a note\n"


def test_in_a_file_a_sentence_is_one_line(capsys):
    notices.notify(SENTENCE, ValueError("wrong"))
    notices.notify()
    assert capsys.readouterr().err == f"{SENTENCE}\nwrong\n"


def test_a_bar_is_drawn_on_a_terminal_that_no_other_run_prints_to(monkeypatch):
    monkeypatch.delenv(notices.SHARED, raising=False)
    assert not notices.draws_bars()
    monkeypatch.setattr("sys.stderr", Terminal())
    assert notices.draws_bars()
    monkeypatch.setenv(notices.SHARED, "1")
    assert not notices.draws_bars()


def test_a_bar_shows_the_loss_and_the_speed_of_long_trainings_whole_in_80_columns():
    numbers = "loss=0.5105, tokens/s=102,612"
    shown = tqdm.format_meter(
        1234, 1234, 59.0, ncols=79, prefix="epoch 100/200", bar_format=notices.BAR, postfix=numbers
    )
    assert shown.startswith("epoch 100/200: 100%|")
    assert shown.endswith(f"1234/1234 [00:59<00:00, {numbers}]")
    assert len(shown) < 80
