"""Downloads from a hub, as a user has them: each in a process of its own, from a hub on this machine."""

import os
import pty
import re
import subprocess
import sys
import termios
import threading
from contextlib import suppress

import pytest
from conftest import REPOSITORY
from hub_server import SOURCE, Hub

SCRIPT = """
import sys
from harness.data.loaders import hub
from harness.errors import UserError
try:
    key = hub.content_key(sys.argv[1], "main")
    print(key, len(hub.read_source(sys.argv[1], None, "main")["train"]))
except UserError as error:
    sys.exit(str(error))
"""


def rows(count):
    return ("text,label\n" + "".join(f"film number {row},{row % 2}\n" for row in range(count))).encode()


@pytest.fixture
def hub():
    made = Hub(rows(5003))
    yield made
    made.stop()


@pytest.fixture
def read(tmp_path, hub):
    """Read a source of the hub in a new process, with a cache of its own."""

    def start(source=SOURCE, **more):
        settings = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
        environment = {**os.environ, **settings, "PYTHONPATH": str(REPOSITORY)}
        for name in ("HF_HUB_OFFLINE", "HARNESS_DATA_MIRROR"):
            environment.pop(name, None)
        command = [sys.executable, "-c", SCRIPT, source]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.run(command, cwd=tmp_path, env=environment, text=True, timeout=120, **streams)

    return start


def read_all(terminal, pieces):
    with suppress(OSError), open(terminal, "rb", buffering=0) as screen:  # a terminal ends with an error
        while piece := screen.read(4096):
            pieces.append(piece)


def test_the_first_download_shows_its_progress_and_the_second_needs_no_network(read, hub):
    terminal, its_end = pty.openpty()  # the client draws its bar on a terminal only
    termios.tcsetwinsize(terminal, (24, 100))
    pieces = []
    reader = threading.Thread(target=read_all, args=(terminal, pieces))
    reader.start()
    first = read(stderr=its_end)
    os.close(its_end)
    reader.join()
    shown = b"".join(pieces).decode()
    assert first.returncode == 0, shown
    assert first.stdout.split() == ["hub", SOURCE, hub.commit, "5003"]
    assert re.search(r"train.csv: 100%\|█+\|", shown)
    hub.stop()
    second = read()
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout


def test_a_newer_commit_is_downloaded(read, hub):
    before = read().stdout
    hub.content = rows(5009)
    after = read().stdout.split()
    assert after == ["hub", SOURCE, hub.commit, "5009"]
    assert before.split()[2] != after[2]


def test_a_data_set_that_the_hub_does_not_have_is_one_sentence(read):
    ended = read("owner/none")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("data: no source 'owner/none':")
    assert "Traceback" not in ended.stderr


def test_a_broken_download_goes_on_where_it_broke(read, hub):
    words = "word " * 20_000  # the client keeps what has come in pieces of 10 MiB
    hub.content = ("text,label\n" + "".join(f"{words}{row},{row % 2}\n" for row in range(307))).encode()
    hub.cut = True
    ended = read()
    if ended.returncode:  # the client gave up: the same command again takes what is there
        ended = read()
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[-1] == "307"
    assert hub.ranges[0] == 0
    assert hub.ranges[-1] >= 10 * 2**20
