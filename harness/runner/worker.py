"""A fresh process for every run, forked from a server that has already imported the backend's libraries.

The server (``fork_server``) runs no job itself. So the memory peak of a run is its own, a crash ends one run and no
other, and a run starts in a fraction of a second instead of the seconds that the imports take. The parent sleeps in
``select`` while a run is under way. Server and run end when their parent ends.
"""

import atexit
import math
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.errors import UserError
from harness.measure import processors as system
from harness.measure.accelerators import ORDER
from harness.measure.memory import memory_kills
from harness.runner.processes import start_piped
from harness.runner.wire import TORN, Ended, ForkRequest, Ready, Started, Unusable, read, write

ASKS_EVERY = 1.0
"""Seconds between two questions of a waiting parent for what may end the child."""


@dataclass(frozen=True)
class End:
    """How the process of a run ended: its exit code, or minus the number of the signal that killed it.

    ``trouble`` is why it was ended by its parent.
    """

    code: int
    timed_out: bool = False
    trouble: str | None = None
    memory_kills: int = 0

    @property
    def out_of_memory(self) -> bool:
        """Whether the system killed the process for its memory."""
        return self.code == -signal.SIGKILL and self.memory_kills > 0

    @property
    def reason(self) -> str | None:
        """One sentence for what went wrong with the process itself; None where nothing did."""
        if self.trouble is not None:
            return self.trouble
        if self.timed_out:
            return "time-out: the run took longer than run_timeout"
        if self.out_of_memory:
            return "out of memory: the system killed the process"
        if self.code == -signal.SIGKILL:
            return "killed by SIGKILL from outside (there is no sign of the system's out-of-memory killer)"
        if self.code < 0:
            return f"crashed: signal {signal.Signals(-self.code).name}"
        return f"the process ended with exit code {self.code}" if self.code else None


def run_environment() -> dict[str, str]:
    """The environment of a run's process: the present one, with what the run needs whatever other tools have set.

    A notebook's MPLBACKEND names a module that may not be there; pictures only go into files.
    """
    return {**ORDER, **os.environ, "MPLBACKEND": "agg"}


class Child:
    """A child that runs for its parent, which ends it after ``timeout`` seconds, or where ``trouble`` gives a reason.

    ``told`` is that reason.
    """

    def __init__(self, timeout: float | None, trouble: Callable[[], str | None] | None) -> None:
        self.timeout, self.trouble = timeout, trouble
        self.pid: int | None = None
        self.timed_out = False
        self.told: str | None = None
        self._deadline = self._asks_at = math.inf

    def begins(self, pid: int) -> None:
        """Its process runs under this number now."""
        self.pid = pid
        self._deadline = math.inf if self.timeout is None else time.monotonic() + self.timeout

    def next_look(self) -> float | None:
        """When to look at it next, on the monotonic clock; None where only its messages matter."""
        asks = self.trouble is not None and self.pid is not None and self.told is None
        self._asks_at = time.monotonic() + ASKS_EVERY if asks else math.inf
        first = min(self._deadline, self._asks_at)
        return None if first == math.inf else first

    def look(self) -> None:
        """Ask whether there is trouble, or note that its time is over; either ends it."""
        if self.trouble is not None and self._asks_at <= self._deadline:
            self.told = self.trouble()
        else:
            self.timed_out, self._deadline = True, math.inf
        if self.pid is not None and (self.timed_out or self.told is not None):
            os.kill(self.pid, signal.SIGKILL)


class Server:
    """A process that imports the given modules, and forks the children of each job.

    It starts at once, and imports while the parent does something else.
    """

    def __init__(self, modules: list[str]) -> None:
        self._process, self._requests, self._replies = start_piped(
            "harness.runner.fork_server", modules, run_environment()
        )
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
        trouble: Callable[[], str | None] | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> End:
        """Run ``module:function(job, tell)`` in a fresh child and pass its messages on until it ends.

        With several ``processes``, that many children run it, numbered by ``LOCAL_RANK`` in their environment; when one
        fails, the others are killed. ``meets_elsewhere``: they share a training with processes of other machines, and
        the environment already names the meeting point. Whatever interrupts the wait, the child is gone when this
        returns or raises. ``timeout`` is in seconds. ``trouble`` is asked from time to time, and says why the child
        has to end. ``meanwhile`` is what the parent does while the child starts; a child that tells ``Ready`` waits
        for it, so that nothing disturbs what it measures.

        Raises:
            UserError: a library that the server needs cannot be loaded.
        """
        child, kills = Child(timeout, trouble), memory_kills()
        path = [entry or os.getcwd() for entry in sys.path]
        request = ForkRequest(
            function, job, processes, meets_elsewhere, os.getcwd(), path, run_environment(), system.affinity()
        )  # fmt: skip
        try:
            write(self._requests, request)
        except BrokenPipeError:  # the server crashed while it imported
            return End(self._process.wait() or 1)
        try:
            meanwhile()
            last = self._follow(child, on_message)
        except BaseException:
            self._end(on_message)
            raise
        finally:
            if child.pid is not None:
                self.close()
        if isinstance(last, Unusable):
            raise UserError(last.sentence)
        return End(last.code, child.timed_out, child.told, memory_kills() - kills)

    def _follow(self, child: Child, on_message: Callable[[Any], None]) -> Ended | Unusable:
        """Pass the child's messages on until it ends, or is never started; returns the last one."""
        while True:
            message = self._receive(child.next_look())
            if message is None:
                child.look()
            elif isinstance(message, Started):
                child.begins(message.pid)
            elif isinstance(message, Ended):
                child.pid = None
                return message
            elif isinstance(message, Ready):
                with suppress(BrokenPipeError):  # the server crashed, and the next message says so
                    os.write(self._requests, b"\n")
            elif isinstance(message, Unusable):
                return message
            else:
                on_message(message)

    def _end(self, on_message: Callable[[Any], None]) -> None:
        """End the server and its children, and pass on the messages that they had sent before."""
        self._process.kill()
        deadline = time.monotonic() + 5  # the children end with the server, and then the pipe does
        while not isinstance(message := self._receive(deadline), Ended | None):
            if not isinstance(message, Started | Ready):
                on_message(message)
        self.close()

    def _receive(self, deadline: float | None) -> Any | None:
        """The next message; None when the deadline passes first."""
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                if line.strip():
                    with suppress(*TORN):  # a child that was killed may leave half a line
                        return read(line)
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
    """The server with these modules; it is started if there is none."""
    key = tuple(modules)
    if key not in _servers or not _servers[key].alive:
        _servers[key] = Server(modules)
    return _servers[key]


def server_of_backend(name: str) -> Server:
    """The server for runs and profiles of a backend."""
    drawing = "matplotlib.backends.backend_agg"  # loading it in each run would take a third of a second
    return server(["harness.runner.train", "harness.runner.profile_point", drawing, f"harness.backends.{name}"])


@atexit.register
def close_all() -> None:
    """End every server of this process."""
    for running in _servers.values():
        if running.alive:
            running.close()
    _servers.clear()
