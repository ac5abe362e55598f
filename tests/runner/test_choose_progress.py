"""What a choice shows while it runs."""

import pytest

from harness.analysis.statistics import Standing
from harness.runner.choose import progress
from harness.runner.choose.plan import Contender, Run

CONTENDERS = [
    Contender("lstm", (1, 2, 3), standing=Standing("best")),
    Contender("gru", (1, 2, 3), standing=Standing("open", 0.01, 0.02, seeds_needed=7)),
    Contender("rnn", (1, 2, 3), standing=Standing("worse", 0.1, 0.2)),
    Contender("slow", (1, 2, 3), excluded="7 ms"),
    Contender("bag", (1,), failed=(2, 3)),
    Contender("cnn"),
]
RUNS = [Run("lstm", "seeds", 4), Run("gru", "seeds", 4)]


def test_a_file_gets_one_line(capsys):
    progress.show("look 2 of 8, to 4 seeds", CONTENDERS, RUNS, 90.0, (60.0, 300.0))
    assert capsys.readouterr().err == (
        "choose: look 2 of 8, to 4 seeds: 2 runs, about 1.5 min; 1 min of 5 min spent; lstm best, gru undecided, "
        "rnn worse, slow excluded (7 ms), bag failed\n"
    )


def test_before_the_first_run_nothing_is_predicted(capsys):
    progress.show("tuning: a first of 8 trials each", CONTENDERS[-1:], RUNS[:1], None, (3.0, 300.0))
    assert capsys.readouterr().err == "choose: tuning: a first of 8 trials each: 1 run; 3 s of 5 min spent\n"


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_terminal_gets_a_table(capsys, monkeypatch, name):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    progress.show("look 2 of 8, to 4 seeds", CONTENDERS, RUNS, 90.0, (60.0, 300.0))
    lines = capsys.readouterr().err.splitlines()
    assert "candidate" in lines[0]
    (row,) = [line for line in lines if name in line]
    assert "3" in row
    assert "+1" in row
    assert "look 2 of 8, to 4 seeds: 2 runs, about 1.5 min; 1 min of 5 min spent" in lines[-1]
