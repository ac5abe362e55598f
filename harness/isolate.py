"""A fresh process for every run, forked from a server that has imported the backend's libraries already.

The server runs nothing itself: it reads a job, forks, and waits. So every run's memory peak is its own, a crash ends
one run and no other, and starting one takes a fraction of a second instead of the seconds that the imports take. The
parent sleeps in ``select`` meanwhile. Server and run die with their parent.
"""

import atexit
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

Message = dict[str, Any]
PR_SET_PDEATHSIG = 1


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
        command = [sys.executable, "-m", "harness.isolate", str(here), str(there), *modules]
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
        job: Message,
        on_message: Callable[[Message], None],
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
        where = {"folder": os.getcwd(), "path": [entry or os.getcwd() for entry in sys.path]}
        many = {"processes": processes, "meets_elsewhere": meets_elsewhere}
        _write(self._requests, {"function": function, "job": job, **many, **where})
        try:
            while True:
                message = self._receive(deadline)
                if message is None:  # the deadline has passed
                    timed_out, deadline = True, None
                    os.kill(child, signal.SIGKILL)
                elif "pid" in message:
                    child = message["pid"]
                    deadline = None if timeout is None else time.monotonic() + timeout
                elif "exit" in message:
                    child = None
                    return End(message["exit"], timed_out, _memory_kills() - kills)
                else:
                    on_message(message)
        finally:
            if child is not None:
                self.close()

    def _receive(self, deadline: float | None) -> Message | None:
        """The next message; None when the deadline passes first."""
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                try:
                    return json.loads(line)
                except ValueError:
                    continue  # the torn last word of a child that was killed, or an empty line
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._replies], [], [], wait)[0]:
                return None
            chunk = os.read(self._replies, 65536)
            if not chunk:
                return {"exit": self._process.wait() or 1}
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
    return server(["harness.run", "harness.profile_point", drawing, f"harness.backends.{name}"])


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


def offer_to_memory_guard() -> None:
    """Make this process the one that the system ends where memory runs out, before anybody else's (proc(5))."""
    with suppress(OSError):  # elsewhere the system decides by itself
        Path("/proc/self/oom_score_adj").write_text("1000")


def _die_with_parent() -> None:
    """Ask the system to kill this process when its parent is gone (Linux, prctl(2))."""
    with suppress(AttributeError, OSError):  # elsewhere the server ends at the end of its pipe
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve(requests: int, replies: int, modules: list[str]) -> None:
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    gc.disable()  # what is imported stays: to look through it for garbage again and again took half a second
    for module in modules:
        import_module(module)
    gc.freeze()  # nor need a child look through it: that took half a second of every run's start
    gc.enable()
    with open(requests, "rb") as incoming:
        while line := incoming.readline():
            if not line.strip():
                continue
            request = json.loads(line)
            alone = request["processes"] == 1 or request["meets_elsewhere"]
            shared = {} if alone else _meeting_point()
            children = []
            for rank in range(request["processes"]):
                child = os.fork()
                if child == 0:
                    incoming.close()
                    os.environ.update(shared, LOCAL_RANK=str(rank))
                    _child(request, replies)
                children.append(child)
            _write(replies, {"exit": _wait_for(children)})


def _meeting_point() -> dict[str, str]:
    """Where the processes of one training find each other (the names are torch.distributed's)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1]), "NODE_RANK": "0"}


def _wait_for(children: list[int]) -> int:
    """The exit code of the first that fails, 0 if none does; the others of one that fails are killed."""
    first = 0
    while children:
        child, status = os.wait()
        children.remove(child)
        code = os.waitstatus_to_exitcode(status)
        if code and not first:
            first = code
            for other in children:
                os.kill(other, signal.SIGKILL)
    return first


def _child(request: Message, replies: int) -> None:
    """Run the job and leave without the clean-up of what belongs to the server."""
    _die_with_parent()
    if os.environ["LOCAL_RANK"] == "0":
        _write(replies, {"pid": os.getpid()})
    os.chdir(request["folder"])
    sys.path[:] = request["path"]
    module, function = request["function"].split(":")
    code = 1
    try:
        getattr(import_module(module), function)(request["job"], lambda message: _write(replies, message))
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _write(descriptor: int, message: Message) -> None:
    rest = b"\n" + json.dumps(message).encode() + b"\n"
    while rest:
        rest = rest[os.write(descriptor, rest) :]


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
