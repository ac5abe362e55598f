"""The time that a choice has spent: it survives the command, and is only ever added to."""

import time

import pytest

from harness.runner.choose import spending
from harness.runner.choose.plan import Run
from harness.runner.choose.spending import Spending


def test_stages_add_up_over_commands(tmp_path, clock):
    file = tmp_path / "sweep" / "choose.json"
    first = Spending(file, clock)
    with first.counted(already=2):
        clock.passes(1)
        first.begin("tuning")
        clock.passes(7)
        first.begin("seeds")
        clock.passes(3)
        assert first.total == 13
        first.keep({Run("lstm", "seeds", 1): 2.5, Run("gru", "tuning", 0): 4.0}, trials=5, asked={1: ["lstm"]})
    second = Spending(file, clock)
    assert second.by_stage == {"start": 3, "tuning": 7, "seeds": 3}
    assert second.finished == {Run("lstm", "seeds", 1): 2.5, Run("gru", "tuning", 0): 4.0}
    assert (second.trials, second.asked) == (5, {1: ["lstm"]})
    clock.passes(1000)  # outside, nothing counts
    assert second.total == 13
    with second.counted():
        second.begin("seeds")
        clock.passes(2)
    assert (second.total, Spending(file).total) == (15, 15)
    assert second.by_stage == {"start": 3, "tuning": 7, "seeds": 5}


def test_time_of_a_block_that_raises_counts(tmp_path, clock):
    counted = Spending(tmp_path / "choose.json", clock)

    def interrupted():
        with counted.counted():
            clock.passes(4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Spending(counted.file).total == 4


def test_time_is_written_while_it_passes(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(spending, "HEARTBEAT", 0.001)
    counted = Spending(tmp_path / "choose.json", clock)
    with counted.counted():
        clock.passes(5)
        deadline = time.monotonic() + 10
        while Spending(counted.file).total < 5 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert Spending(counted.file).total == 5  # what a killed command leaves


def test_a_clock_that_goes_back_takes_no_seconds_back(tmp_path, clock):
    counted = Spending(tmp_path / "choose.json", clock)
    with counted.counted():
        clock.passes(3)
        counted.begin("seeds")
        clock.passes(-2)
        assert counted.total == 3
    assert counted.total == 3


def test_showing_an_answer_again_takes_nothing_of_the_budget(tmp_path, clock):
    first = Spending(tmp_path / "choose.json", clock)
    with first.counted():
        first.begin("seeds")
        clock.passes(3)
        first.keep(ended=True)
    again = Spending(first.file, clock)
    with again.counted(already=9):
        clock.passes(50)
        again.keep({Run("lstm", "seeds", 1): 3.0})
        assert again.total == 3
        again.begin("seeds")  # a run begins after all, such as one that had failed
        clock.passes(2)
    assert again.total == Spending(first.file).total == 5
    assert not again.ended


@pytest.mark.parametrize("content", ["", "{", "[]", '{"spent_seconds": {"seeds": 4}}', '{"spent_seconds": 3}'])
def test_a_damaged_file_is_a_new_count(tmp_path, clock, content):
    file = tmp_path / "choose.json"
    file.write_text(content)
    counted = Spending(file, clock)
    assert (counted.total, counted.finished, counted.trials) == (0, {}, None)
    with counted.counted():
        clock.passes(1)
    assert Spending(file).total == 1
