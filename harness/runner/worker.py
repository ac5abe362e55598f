"""A fresh process for every run, forked from a server that has imported the backend's libraries already.

The server (``fork_server``) runs nothing itself. So every run's memory peak is its own, a crash ends
one run and no other, and starting one takes a fraction of a second instead of the seconds that the imports take. The
parent sleeps in ``select`` meanwhile. Server and run die with their parent.
"""

import atexit
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.runner.wire import Ended, Request, Started, read, write


@dataclass(frozen=True)
class End:
    """How a run's process ended: its exit code, minus the signal's number where it was killed."""

    code: int
    timed_out: bool = False
    memory_kills: int = 0

    @property
    def out_of_memory(self) -> bool:
        """Whether the system killed the process for its memory."""
        return self.code == -signal.SIGKILL and self.memory_kills > 0

    @property
    def reason(self) -> str | None:
        """One sentence for what went wrong with the process itself; None where nothing did."""
        if self.timed_out:
            return "time-out: the run took longer than run_timeout"
        if self.out_of_memory:
            return "out of memory: the system killed the process"
        if self.code == -signal.SIGKILL:
            return "killed by SIGKILL from outside (of the system's memory guard there is no trace)"
        if self.code < 0:
            return f"crashed: signal {signal.Signals(-self.code).name}"
        return f"the process ended with exit code {self.code}" if self.code else None


class Server:
    """A process that has the modules it was given imported, and forks one child per job.

    It is up as soon as it is made; its imports go on while the parent does something else.
    """

    def __init__(self, modules: list[str]) -> None:
        here, self._requests = os.pipe()
        self._replies, there = os.pipe()
        command = [sys.executable, "-m", "harness.runner.fork_server", str(here), str(there), *modules]
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            command, pass_fds=(here, there), stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}
        )
        os.close(here)
        os.close(there)
        self._pipes = [self._requests, self._replies]
        self._unread = b""

    def run(
        self,
        function: str,
        job: Any,
        on_message: Callable[[Any], None],
        timeout: float | None = None,
        processes: int = 1,
        meets_elsewhere: bool = False,
    ) -> End:
        """Run ``module:function(job, tell)`` in a fresh child and pass on what it tells, until it ends.

        With several ``processes`` as many children run it, numbered by ``LOCAL_RANK`` in their environment; when one of
        them fails, so do the others. ``meets_elsewhere``: they share a training with processes of other machines, at
        the meeting point that the environment names already.
        Whatever interrupts the waiting, the child is gone when this returns or raises.
        """
        child, deadline, timed_out, kills = None, None, False, _memory_kills()
        path = [entry or os.getcwd() for entry in sys.path]
        write(self._requests, Request(function, job, processes, meets_elsewhere, os.getcwd(), path))
        try:
            while True:
                message = self._receive(deadline)
                if message is None:  # the deadline has passed
                    timed_out, deadline = True, None
                    os.kill(child, signal.SIGKILL)
                elif isinstance(message, Started):
                    child = message.pid
                    deadline = None if timeout is None else time.monotonic() + timeout
                elif isinstance(message, Ended):
                    child = None
                    return End(message.code, timed_out, _memory_kills() - kills)
                else:
                    on_message(message)
        finally:
            if child is not None:
                self.close()

    def _receive(self, deadline: float | None) -> Any | None:
        """The next message; None when the deadline passes first."""
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                if (message := read(line)) is not None:
                    return message
                continue
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._replies], [], [], wait)[0]:
                return None
            chunk = os.read(self._replies, 65536)
            if not chunk:
                return Ended(self._process.wait() or 1)
            self._unread += chunk

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the server, and with it a child that still runs."""
        self._process.kill()
        self._process.wait()
        while self._pipes:
            os.close(self._pipes.pop())


_servers: dict[tuple[str, ...], Server] = {}


def server(modules: list[str]) -> Server:
    """The server that has these modules, started where there is none."""
    key = tuple(modules)
    if key not in _servers or not _servers[key].alive:
        _servers[key] = Server(modules)
    return _servers[key]


def server_of_backend(name: str) -> Server:
    """The server for runs and profiles of a backend."""
    drawing = "matplotlib.backends.backend_agg"  # loaded anew, it would take each run a third of a second
    return server(["harness.runner.train", "harness.runner.profile_point", drawing, f"harness.backends.{name}"])


@atexit.register
def close_all() -> None:
    """End every server of this process."""
    for running in _servers.values():
        if running.alive:
            running.close()
    _servers.clear()


def _memory_kills() -> int:
    """How often the system's memory guard has killed a process since the system started; 0 where it does not say."""
    try:
        with open("/proc/vmstat") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0
