"""Messages on standard error: whole words on each line of a terminal, one line each in a file or a pipe."""

import io

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
