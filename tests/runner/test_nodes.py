"""What nodes that share a training learn of each other: here two, with one clock that only the test moves."""

import os
import platform
import threading
from types import SimpleNamespace

import pytest

from harness.errors import UserError
from harness.runner import nodes as nodes_module
from harness.runner.messages import Outcome
from harness.runner.nodes import OWN_WORD_WITHIN, SILENT_AFTER, TOUCHED_EVERY, Nodes
from harness.runner.run_lock import Held

HOST = platform.node()


@pytest.fixture
def node(tmp_path, monkeypatch, clock):
    """Make a node of two that meet at the same place; a file's time is that of the clock."""
    monkeypatch.setattr(nodes_module, "time", SimpleNamespace(monotonic=clock, sleep=clock.passes))
    monkeypatch.setattr(nodes_module, "threading", SimpleNamespace(Thread=NoThread, Event=threading.Event))
    for name, value in {"MASTER_ADDR": "a", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)

    def make(rank):
        monkeypatch.setenv("NODE_RANK", str(rank))
        return Nodes(tmp_path, 2)

    return make


class NoThread:
    """Touches no file: a test does."""

    def __init__(self, **_):
        pass

    def start(self):
        pass


def wrote_at(node, seconds):
    """Set when a node wrote its word."""
    os.utime(node.folder / f"{node.own}.json", (seconds, seconds))


def test_one_node_alone_writes_nothing(tmp_path):
    with Nodes(tmp_path, 1) as alone:
        assert alone.agree(Outcome("failed", "why"), stopped=False) == Outcome("failed", "why")
        assert (alone.own, alone.others, alone.trouble()) == (0, [], None)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_told_to_the_other_node_which_gets_time_for_its_own_word(node, clock):
    with node(0) as first, node(1) as second:
        assert first.trouble() is None
        second._fail("killed by SIGKILL")
        assert first.trouble() is None
        clock.passes(OWN_WORD_WITHIN)
        assert first.trouble() == f"node 1 on {HOST} failed: killed by SIGKILL"
        ended = Outcome("failed", first.trouble())
        assert first.agree(ended, stopped=True) == ended


def test_of_two_failures_the_first_one_is_named_first(node):
    with node(0) as first, node(1) as second:
        second._fail("ValueError: its own")
        wrote_at(second, 3)
        first._fail = lambda reason, follows: (Nodes._fail(first, reason, follows), wrote_at(first, 5))
        outcome = first.agree(Outcome("failed", "RuntimeError: connection closed"), stopped=False)
        assert outcome.reason == (
            f"node 1 on {HOST} failed: ValueError: its own; node 0 on {HOST} failed: RuntimeError: connection closed"
        )
        wrote_at(second, 7)
        outcome = first.agree(Outcome("failed", "ValueError: other"), stopped=False)
        assert outcome.reason.startswith(f"node 0 on {HOST} failed: ValueError: other; node 1 on")


def test_a_node_that_gives_no_sign_of_life_is_taken_for_dead_and_one_that_never_came_is_waited_for(node, clock):
    with node(0) as first:
        clock.passes(1000)
        assert first.trouble() is None
        second = node(1).__enter__()
        wrote_at(second, 1)
        assert first.trouble() is None
        clock.passes(SILENT_AFTER)
        wrote_at(second, 2)  # it touched its file
        assert first.trouble() is None
        clock.passes(SILENT_AFTER + 1)
        assert first.trouble() is None
        clock.passes(OWN_WORD_WITHIN)
        assert "node 1 on" in first.trouble()
        assert "no sign of life for 30 s" in first.trouble()


def test_a_node_that_came_before_this_one_is_watched_too(node, clock):
    with node(1) as second:
        wrote_at(second, 1)
        with node(0) as first:
            clock.passes(1000)
            assert first.trouble() is None  # its file may be left of an earlier attempt
            wrote_at(second, 2)  # it touched its file
            assert first.trouble() is None
            clock.passes(SILENT_AFTER + 1)
            assert first.trouble() is None
            clock.passes(OWN_WORD_WITHIN)
            assert "no sign of life for 30 s" in first.trouble()


def test_a_node_that_waits_for_the_lock_of_the_run_has_not_failed(node, clock, tmp_path):
    with node(1) as second:
        with pytest.raises(Held), node(0):
            raise Held("process 3 on another", tmp_path / "lock.json")
        clock.passes(1000)
        assert second.trouble() is None


def test_words_of_an_earlier_attempt_count_for_nothing(node, clock):
    with pytest.raises(UserError), node(1):
        raise UserError("data.path=x does not exist")
    with node(0) as first:
        clock.passes(1000)
        assert first.trouble() is None
        with pytest.raises(KeyboardInterrupt), node(1):
            raise KeyboardInterrupt
        assert first.trouble() is None
        clock.passes(OWN_WORD_WITHIN)
        assert first.trouble() == f"node 1 on {HOST} failed: interrupted by Ctrl-C"


def test_a_node_that_finds_the_run_ended_waits_until_the_other_one_has_left(node, clock, tmp_path, monkeypatch):
    """The other one waits already to train with it, and is told to end; then nothing is left of either."""
    with node(1) as second:
        wrote_at(second, 1)

        def sleep(seconds):
            clock.passes(seconds)
            wrote_at(second, clock())  # it lives
            if second.trouble():
                assert second.trouble() == f"node 0 on {HOST} found the run ended, and trains nothing"
                assert second.skipped
                second.__exit__(None, None, None)

        monkeypatch.setattr(nodes_module.time, "sleep", sleep)
        began = clock()
        with node(0) as first:
            assert not second.skipped
            first.skip()
        assert OWN_WORD_WITHIN <= clock() - began < OWN_WORD_WITHIN + 3
        assert list((tmp_path / "locks").iterdir()) == []
        with node(0) as alone:
            alone.skip()  # nobody is there
        assert clock() - began < OWN_WORD_WITHIN + 3
        second.folder.mkdir()
        second._write(second._word)  # of an attempt that was killed: nobody touches it
        monkeypatch.setattr(nodes_module.time, "sleep", clock.passes)
        began = clock()
        with node(0) as later:
            later.skip()
        assert TOUCHED_EVERY < clock() - began < 3 * TOUCHED_EVERY


def test_a_node_that_is_done_is_no_trouble_and_leaves_nothing(node, clock, tmp_path):
    with node(0) as first:
        with node(1):
            assert first.trouble() is None
        clock.passes(1000)
        assert first.trouble() is None
    assert list((tmp_path / "locks").iterdir()) == []
