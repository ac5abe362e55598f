"""Which process it is: numbers, times and machines that look alike."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.measure import process_identity


@pytest.fixture
def clock_set(monkeypatch, tmp_path):
    """Let the kernel say what it says after the clock was set forward by so many seconds."""

    def forward(seconds):
        lines = Path("/proc/stat").read_text().splitlines()
        said = [f"btime {int(line.split()[1]) + seconds}" if line.startswith("btime") else line for line in lines]
        (tmp_path / "stat").write_text("\n".join(said) + "\n")
        (tmp_path / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
        monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))

    return forward


@pytest.mark.parametrize("seconds", [1, -3600, 86400])
def test_a_process_is_the_same_after_the_clock_was_set(clock_set, seconds):
    own, since = process_identity.machine(), process_identity.started(os.getpid())
    created = psutil.Process().create_time()
    clock_set(seconds)
    assert psutil.Process().create_time() == pytest.approx(created + seconds, abs=0.01)
    assert process_identity.started(os.getpid()) == pytest.approx(since, abs=0.01)
    assert process_identity.machine() == own
    assert not process_identity.is_gone(os.getpid(), since)


def test_a_process_that_nobody_has_waited_for_is_gone():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    since = process_identity.started(process.pid)
    assert not process_identity.is_gone(process.pid, since)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.pid_exists(process.pid)
    assert process_identity.is_gone(process.pid, since)
    process.communicate()
    assert process_identity.is_gone(process.pid, since)


def test_a_later_process_of_the_same_number_is_another_one():
    assert process_identity.is_gone(os.getpid(), process_identity.started(os.getpid()) - 3)
