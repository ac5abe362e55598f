"""The lock of a run: one owner at a time, and none that is dead."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.runner import run_lock
from harness.runner.run_lock import Held, RunLock

FINGERPRINT = "0123456789abcdef" * 4


def write(file: Path, owner: run_lock.Owner) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(owner)))


@pytest.fixture(autouse=True)
def _nothing_watched(monkeypatch):
    monkeypatch.setattr(run_lock, "_watched", {})


@pytest.fixture
def dead() -> run_lock.Owner:
    """A process of this machine that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return replace(run_lock.this_process(), pid=ended.pid)


def test_a_run_is_held_in_the_block_only(tmp_path):
    with RunLock(tmp_path, FINGERPRINT) as lock:
        assert lock.is_ours()
        assert run_lock.read(lock.file) == lock.owner
        with pytest.raises(Held, match=f"held by process {os.getpid()} on ") as held, RunLock(tmp_path, FINGERPRINT):
            pytest.fail("it has two owners")
        assert held.value.file == lock.file
        assert run_lock.is_held(lock.file)
        with RunLock(tmp_path, "f" + FINGERPRINT):
            pass  # another run is free
    assert not lock.file.exists()
    assert not run_lock.is_held(lock.file)
    with RunLock(tmp_path, FINGERPRINT):
        pass


def test_a_job_that_another_process_holds_is_known_by_its_label(tmp_path, dead):
    """By that of its sweep: the run of another sweep may have other settings under the same label."""
    job = run_lock.name_of_job("s1", "lstm/seed=0")
    elsewhere = replace(run_lock.this_process(), host="far", machine="far 1 pid:[1]", pid=7, job=job)
    with RunLock(tmp_path, FINGERPRINT, job) as lock:
        assert run_lock.read(lock.file).job == job
        assert run_lock.held_by_another(tmp_path, job) is None, "it is held by this process"
    write(lock.file, elsewhere)
    held = run_lock.held_by_another(tmp_path, job)
    assert (str(held), held.file) == ("held by process 7 on far", lock.file)
    assert run_lock.held_by_another(tmp_path, run_lock.name_of_job("s2", "lstm/seed=0")) is None
    write(lock.file, replace(dead, job=job))
    assert run_lock.held_by_another(tmp_path, job) is None


def test_a_lock_that_is_kept_is_held_beyond_its_block(tmp_path):
    with RunLock(tmp_path, FINGERPRINT) as lock:
        lock.keep()
    assert run_lock.is_held(lock.file)
    lock.release()
    assert not lock.file.exists()


def test_a_block_that_raises_releases_the_run(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunLock(tmp_path, FINGERPRINT):
        raise KeyboardInterrupt
    with RunLock(tmp_path, FINGERPRINT):
        pass


def test_the_run_of_a_process_that_is_gone_is_taken_over_at_once(tmp_path, dead):
    lock = RunLock(tmp_path, FINGERPRINT)
    write(lock.file, dead)
    with lock:
        assert run_lock.read(lock.file) == lock.owner


def test_a_later_process_with_the_same_number_does_not_hold_the_run(tmp_path):
    lock = RunLock(tmp_path, FINGERPRINT)
    write(lock.file, replace(run_lock.this_process(), started=1.0))
    with lock:
        assert lock.is_ours()


@pytest.mark.parametrize("content", ["another machine", "cut", "empty"])
def test_an_owner_that_cannot_be_seen_is_dead_after_a_minute_without_a_touch(tmp_path, monkeypatch, content):
    lock = RunLock(tmp_path, FINGERPRINT)
    elsewhere = replace(run_lock.this_process(), host="far", machine="far 1 pid:[1]", pid=1)
    write(lock.file, elsewhere)
    if content != "another machine":
        lock.file.write_text(lock.file.read_text()[: 20 if content == "cut" else 0])
    clock = [1000.0]
    monkeypatch.setattr(run_lock.time, "monotonic", lambda: clock[0])
    who = "process 1 on far" if content == "another machine" else "another process"
    for seconds in (0, 30, 29):  # 59 s after the first look
        clock[0] += seconds
        with pytest.raises(Held, match=f"held by {who}"), lock:
            pytest.fail("its owner may live")
    os.utime(lock.file, (0, 0))  # touched: whatever its clock says
    for seconds in (2, 59):
        clock[0] += seconds
        with pytest.raises(Held), lock:
            pytest.fail("its owner lives")
    clock[0] += 2
    with lock:
        assert lock.is_ours()


def test_an_owner_touches_its_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(run_lock, "TOUCHED_EVERY", 0.01)
    with RunLock(tmp_path, FINGERPRINT) as lock:
        os.utime(lock.file, (0, 0))
        while lock.file.stat().st_mtime == 0:  # the test's time-out ends it
            time.sleep(0.01)
        assert lock.is_ours()


def test_who_was_taken_for_dead_knows_it_and_leaves_the_new_owner_its_lock(tmp_path):
    with RunLock(tmp_path, FINGERPRINT) as lock:
        write(lock.file, other := replace(run_lock.this_process(), host="far"))
        assert not lock.is_ours()
    assert run_lock.read(lock.file) == other


def take_often(folder: Path, turns: int, dead: run_lock.Owner) -> None:
    """Take the run again and again; leave it as a dead process would every second time."""
    for turn in range(turns):
        try:
            with RunLock(folder, FINGERPRINT) as lock:
                inside = folder / "inside"
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails where another process is inside
                time.sleep(0.001)
                inside.unlink()
                with open(folder / "taken", "a") as taken:
                    taken.write("x")
                if turn % 2:
                    write(lock.file, dead)
        except Held:
            time.sleep(0.001)


def test_of_processes_that_want_the_same_run_one_has_it_at_a_time(tmp_path, dead):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=take_often, args=(tmp_path, 40, dead)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert len((tmp_path / "taken").read_text()) >= 40
    assert not (tmp_path / "inside").exists()


def test_who_waits_goes_on_when_the_first_run_is_free(tmp_path, monkeypatch, dead):
    monkeypatch.setattr(run_lock.time, "sleep", lambda _: write(tmp_path / "b.json", dead))
    for name in ("a", "b"):
        write(tmp_path / f"{name}.json", run_lock.this_process())
    run_lock.wait([tmp_path / "a.json", tmp_path / "b.json"])
    assert [run_lock.is_held(tmp_path / f"{name}.json") for name in ("a", "b")] == [True, False]


def test_who_waited_for_a_dead_owner_leaves_no_lock_that_a_fresh_process_would_have_to_watch(tmp_path, monkeypatch):
    """A launcher may run each job in a new process, which cannot tell an owner elsewhere from a dead one."""
    lock, clock = RunLock(tmp_path, FINGERPRINT), [1000.0]
    write(lock.file, replace(run_lock.this_process(), host="far", machine="far 1 pid:[1]", pid=1))
    monkeypatch.setattr(run_lock.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(run_lock.time, "sleep", lambda _: clock.append(clock.pop() + 31))
    run_lock.wait([lock.file])
    assert clock[0] > 1060
    monkeypatch.setattr(run_lock, "_watched", {})
    with lock:
        assert lock.is_ours()


def test_a_lock_that_somebody_removed_or_that_cannot_be_read_is_not_lost(tmp_path):
    with RunLock(tmp_path, FINGERPRINT) as lock:
        lock.file.write_text("{")
        assert (lock.is_ours(), lock.is_lost()) == (False, False)
        lock.file.unlink()
        assert (lock.is_ours(), lock.is_lost()) == (False, False)
        write(lock.file, run_lock.this_process())
        assert lock.is_lost()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "locks").write_text("in the way")
    with pytest.raises(UserError, match=r"locks cannot be written to \(.*\); set output_dir to another folder"):
        RunLock(tmp_path, FINGERPRINT).__enter__()


def test_a_full_disk_leaves_no_lock_behind(tmp_path, monkeypatch):
    def write_part(content, opened):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(run_lock.json, "dump", write_part)
        with pytest.raises(UserError, match=r"locks cannot be written to \(No space left on device\)"):
            RunLock(tmp_path, FINGERPRINT).__enter__()
    with RunLock(tmp_path, FINGERPRINT) as lock:
        assert lock.is_ours()
