"""Standard streams: closed ones, characters that a terminal does not have, and outputs that nobody reads any more."""

import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from harness.config import streams

CLOSED = """
import os, subprocess, sys
from harness.config import streams
assert (sys.stdin, sys.stdout, sys.stderr) == (None, None, None)
streams.prepare()
print("dropped"), print("dropped", file=sys.stderr)
again = "import sys; sys.exit(None in (sys.stdin, sys.stdout, sys.stderr))"
sys.exit(sys.stdin.read() or min(os.pipe()) < 3 or subprocess.run([sys.executable, "-c", again]).returncode)
"""
UNREAD = """
import sys
from harness.config import streams
streams.prepare()
streams.outlive_readers()
for place in range(10):
    print("line", place, flush=True)
    print("line", place, file=sys.stderr)
    if place == 0:
        sys.stdin.read()  # until nobody reads
open(sys.argv[1], "w").write("the end")
"""


def script(code, *arguments, **settings):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=environment, **settings)


def test_closed_streams_are_open_here_and_in_other_processes_and_lend_their_numbers_to_nothing():
    def close():
        for number in range(3):
            os.close(number)

    assert script(CLOSED, preexec_fn=close).wait() == 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_a_process_outlives_who_reads_what_it_prints(tmp_path, monkeypatch, kind, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reading, writing = os.pipe() if kind == "pipe" else os.openpty()
    process = script(UNREAD, tmp_path / "end", stdin=subprocess.PIPE, stdout=writing, stderr=writing)
    os.close(writing)
    printed = b""
    while printed.count(b"line 0") < 2:
        printed += os.read(reading, 100)
    os.close(reading)
    process.communicate()
    assert process.returncode == 0
    assert (tmp_path / "end").read_text() == "the end"


def test_what_a_terminal_does_not_have_is_spelled_otherwise():
    streams.prepare()
    assert "0.91 ±0.02, lstm ↑, ü".encode("ascii", "spelled") == b"0.91 +-0.02, lstm ^, ?"
    assert "0.91 ±0.02, lstm ↑, ü".encode("latin1", "spelled") == b"0.91 \xb10.02, lstm ^, \xfc"
    assert "caf\udce9 ↑".encode("utf8", "spelled") == "caf? ↑".encode()
