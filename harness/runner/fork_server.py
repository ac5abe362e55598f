"""The process that every run is forked from: it imports a backend's libraries, reads requests, forks, and waits.

``python -m harness.runner.fork_server REQUESTS REPLIES MODULE ...`` takes two file descriptors and the modules to
import. It runs no job itself; ``worker.Server`` is its other end.
"""

import ctypes
import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.config import shadowing, streams
from harness.errors import UserError
from harness.measure import processors
from harness.runner.processes import let_signals_in
from harness.runner.wire import Ended, ForkRequest, Ready, Started, Unusable, read, write

PR_SET_PDEATHSIG = 1
OF_PARENT = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Signals that go to all processes of a command, such as Ctrl-C or the warning before a job's time limit: the parent
acts on them, and ends the others."""


def serve(requests: int, replies: int, modules: list[str]) -> None:
    """Import the modules, then fork the processes of one request after the other until the pipe is closed."""
    die_with_parent()
    for name in OF_PARENT:
        if (number := getattr(signal, name, None)) is not None:  # Windows lacks some
            signal.signal(number, signal.SIG_IGN)
    let_signals_in()
    gc.disable()  # imported modules stay: searching them for garbage again and again took half a second
    started_with = dict(os.environ)
    streams.prepare()
    streams.outlive_readers()
    shadowing.watch()
    unusable = import_all(modules)
    gc.freeze()  # a child need not search them either: that took half a second of every run's start
    gc.enable()
    with open(requests, "rb") as incoming:
        while line := incoming.readline():
            if not line.strip():
                continue
            request: ForkRequest = read(line)
            if unusable:
                write(replies, unusable)
                continue
            alone = request.processes == 1 or request.meets_elsewhere
            shared = {} if alone else _meeting_point()
            children = []
            for rank in range(request.processes):
                child = os.fork()
                if child == 0:
                    take_over(request.environment, started_with)
                    os.environ.update(shared, LOCAL_RANK=str(rank))
                    _child(request, requests, replies)
                children.append(child)
            write(replies, Ended(_wait_for(children)))


def import_all(modules: list[str]) -> Unusable | None:
    """Import the modules; what to tell the user if one of them, or a library that it needs, cannot be loaded."""
    try:
        for module in modules:
            import_module(module)
    except UserError as error:
        return Unusable(str(error))
    except Exception as error:
        cause = f"{type(error).__name__}: {error}".splitlines()[0]
        return Unusable(f"{module} cannot be loaded ({cause}); repair the installation of the library that fails")
    return None


def take_over(environment: dict[str, str], started_with: dict[str, str]) -> None:
    """Change this process's environment by what has changed since the server started.

    What the imported libraries have set for themselves stays.
    """
    for name in started_with.keys() - environment.keys():
        os.environ.pop(name, None)
    os.environ.update({name: value for name, value in environment.items() if started_with.get(name) != value})


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


def let_processes_be_ended() -> None:
    """Let processes that the job starts be ended by SIGTERM, as an encoder's own code expects; this one stays.

    A signal that a process ignores is ignored by those that it starts, too. One that has a handler is not.
    """
    with suppress(AttributeError):  # Windows lacks some of it
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.siginterrupt(signal.SIGTERM, False)  # no system call of a library fails for it
        os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))


def _child(request: ForkRequest, requests: int, replies: int) -> None:
    """Run the job and leave without the clean-up of what belongs to the server."""

    def tell(message: Any) -> None:
        write(replies, message)
        # one byte: further processes of the job wait for one of their own
        if isinstance(message, Ready) and not os.read(requests, 1):
            os._exit(1)  # the parent is gone

    die_with_parent()
    let_processes_be_ended()
    if os.environ["LOCAL_RANK"] == "0":
        write(replies, Started(os.getpid()))
    processors.pin(request.processors)
    os.chdir(request.folder)
    sys.path[:] = request.path
    module, function = request.function.split(":")
    code = 1
    try:
        result = getattr(import_module(module), function)(request.job, tell)
        if result is not None:
            write(replies, result)
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def die_with_parent() -> None:
    """Ask the system to kill this process when its parent is gone (Linux, prctl(2))."""
    with suppress(AttributeError, OSError):  # elsewhere the server ends at the end of its pipe
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def prefer_for_out_of_memory_kill() -> None:
    """Make this process the first that the system kills when memory runs out (proc(5))."""
    with suppress(OSError):  # elsewhere the system decides by itself
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
