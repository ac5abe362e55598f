"""``python -m harness ...`` as a process of its own, which a test starts, signals and waits for.

It is forked from a server that has a command's imports (``command_server``), which take most of the time of a short
run; what depends on the start of Python itself needs ``cold``.
"""

import array
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import psutil
from conftest import REPOSITORY

SERVER = Path(__file__).with_name("command_server.py")
WARM_JOBS = Path(__file__).parent / "runner" / "warm_jobs"
Changes = Mapping[str, str | None]


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Command:
    """A command that runs; it has the methods of a ``Popen``, and what it prints is text."""

    def __init__(self, pid: int, code: Future[int], stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        self.pid, self.stdout, self.stderr = pid, stdout, stderr
        self._code = code

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        return self._code.result() if self._code.done() else None

    def wait(self, timeout: float | None = None) -> int:
        try:
            return self._code.result(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired("harness", timeout or 0) from None

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it printed on standard output and on standard error."""
        with ThreadPoolExecutor(2) as readers:
            reads = [readers.submit(stream.read) if stream else None for stream in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()  # or nothing would end the readers
                raise
            printed = [read.result() if read else "" for read in reads]
        self.close()
        return printed[0], printed[1]

    def close(self) -> None:
        for stream in (self.stdout, self.stderr):
            if stream:
                stream.close()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def processes_of_runs(command: Command) -> list[psutil.Process]:
    """The processes that train for a command, below its fork server; none once it has ended."""
    try:
        return [one for server in psutil.Process(command.pid).children() for one in server.children()]
    except psutil.NoSuchProcess:
        return []


class Server:
    """Forks commands from a process that has their imports, and learns how each one ends."""

    def __init__(self) -> None:
        self._connection, other = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), str(other.fileno())],
            pass_fds=[other.fileno()], env=environment({}), stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        other.close()
        self._started: Future[int] = Future()
        self._codes: dict[int, Future[int]] = {}
        self._one_at_a_time = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self._process.kill)

    def fork(self, request: dict, descriptors: list[int]) -> tuple[int, Future[int]]:
        """Start a command with these as its standard input, output and error; its number, and its exit code to be."""
        with self._one_at_a_time:
            self._started = Future()
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
            self._connection.sendmsg([json.dumps(request).encode()], [rights])
            pid = self._started.result(timeout=300)
            return pid, self._codes[pid]

    def _listen(self) -> None:
        with self._connection.makefile("r") as lines:
            for line in lines:
                pid, code = json.loads(line)
                if code is None:
                    self._codes[pid] = Future()
                    self._started.set_result(pid)
                else:
                    self._codes.pop(pid).set_result(code)


@cache
def server() -> Server:
    return Server()


def environment(changes: Changes, *folders: Path | str) -> dict[str, str]:
    """This process's environment with changes, of which None removes a variable; modules are found in the folders."""
    paths = os.pathsep.join(map(str, (*folders, REPOSITORY)))
    everything = {**os.environ, "PYTHONPATH": paths, **changes}
    return {name: value for name, value in everything.items() if value is not None}


def start(
    folder: Path, *arguments: str, into: Path | None = None, session: bool = False, changes: Changes | None = None,
    program: str = "harness",
) -> Command:  # fmt: skip
    """Start a command in a folder. What it prints can be read from it, or is added to the file ``into``.

    ``session``: it begins a session of its own, so that all its processes can be signalled together.
    """
    request = {
        "program": program, "arguments": arguments, "folder": str(folder), "environment": environment(changes or {}),
        "session": session,
    }  # fmt: skip
    with open(os.devnull) as nothing:
        if into:
            with open(into, "a") as printed:
                pid, code = server().fork(request, [nothing.fileno(), printed.fileno(), printed.fileno()])
            return Command(pid, code, None, None)
        (out, to_out), (err, to_err) = os.pipe(), os.pipe()
        pid, code = server().fork(request, [nothing.fileno(), to_out, to_err])
    os.close(to_out)
    os.close(to_err)
    return Command(pid, code, open(out), open(err))


def run(folder: Path, *arguments: str, changes: Changes | None = None, timeout: float = 300) -> Ended:
    """Run a command in a folder to its end."""
    command = start(folder, *arguments, changes=changes)
    out, err = command.communicate(timeout)
    return Ended(command.wait(), out, err)


@contextmanager
def warm_jobs(*modules: str) -> Iterator[dict[str, str]]:
    """Let jobs of submitit be forked from a process that has the imports of a command, and these modules.

    Yields what the command that submits them needs in its environment.
    """
    with tempfile.TemporaryDirectory() as name:  # the path of a socket must be short
        folder = Path(name)
        path, printed = folder / "socket", folder / "printed"
        server = start(folder, str(path), *modules, program="jobs", into=printed)
        try:
            while not path.exists():
                assert server.poll() is None, printed.read_text()
                time.sleep(0.05)
            yield {"HARNESS_TEST_JOBS": str(path), "PYTHONPATH": os.pathsep.join(map(str, (WARM_JOBS, REPOSITORY)))}
        finally:
            server.kill()
            server.wait()


def cold(folder: Path, *arguments: str, changes: Changes | None = None, paths: tuple[Path, ...] = ()) -> Ended:
    """The same as a process that Python starts anew; modules are found in ``paths`` too."""
    line = [sys.executable, "-m", "harness", *arguments]
    ended = subprocess.run(
        line, cwd=folder, env=environment(changes or {}, *paths), capture_output=True, text=True, timeout=300
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
