"""The process that the tests' commands are forked from: it has imported what a command and its fork server import.

``python command_server.py SOCKET`` takes a descriptor. ``commands.start`` is its other end. A forked command is as a
new one but for its imports, which take most of the time of a short run. One of its programs is a server itself, for
the jobs of submitit.
"""

import array
import gc
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any

from harness import __main__
from harness.runner import fork_server, processes, worker

MODULES = (
    *("harness.cli.main", "harness.cli.one_run", "harness.report.build", "harness.runner.sweep_summary"),
    *("harness.runner.train", "harness.runner.profile_point", "harness.backends.pytorch"),
    *("matplotlib.backends.backend_agg", "mlflow", "mlflow.store.tracking.sqlalchemy_store"),
)


class Forked:
    """A process forked from this one, with what the harness uses of a ``Popen``."""

    def __init__(self, pid: int) -> None:
        self.pid, self.returncode = pid, None

    def poll(self) -> int | None:
        return self._ended(os.WNOHANG)

    def wait(self) -> int | None:
        return self._ended(0)

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def _ended(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def start_piped(module: str, arguments: list[str], environment: dict[str, str]) -> tuple[Any, int, int]:
    """In place of ``processes.start_piped``: a fork server is forked from this process, which has its imports."""
    if module != "harness.runner.fork_server" or threading.current_thread() is not threading.main_thread():
        return start_anew(module, arguments, environment)
    here, requests = os.pipe()
    replies, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for name in os.listdir("/proc/self/fd"):  # a new process has none but its own
            if int(name) not in (0, 1, 2, here, there):
                with suppress(OSError):  # that of the listing itself
                    os.close(int(name))
        os.environ.clear()
        os.environ.update(environment)
        fork_server.serve(here, there, list(arguments))
        os._exit(0)
    os.close(here)
    os.close(there)
    return Forked(pid), requests, replies


def open_streams() -> None:
    """Open standard output and error as a new process does: the streams of before know what kind of file was there."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = open(number, "w", buffering=1, encoding="utf8", closefd=False)  # noqa: SIM115 (it stays open)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def serve(connection: socket.socket) -> tuple[str, list[str]]:
    """Fork a child for every request and tell how it ended; returns the child's program and arguments, in the child.

    The children end with this process.
    """

    def tell_ended(*_: object) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            connection.sendall(json.dumps([pid, os.waitstatus_to_exitcode(status)]).encode() + b"\n")

    signal.signal(signal.SIGCHLD, tell_ended)
    while True:
        message, ancillary, *_ = connection.recvmsg(2**20, socket.CMSG_SPACE(3 * 4))
        if not message:
            os._exit(0)
        descriptors = array.array("i", ancillary[0][2]).tolist()
        request = json.loads(message)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # its start is told before its end
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            fork_server.die_with_parent()
            connection.close()
            if request["session"]:
                os.setsid()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            open_streams()
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["environment"])
            return request["program"], list(request["arguments"])
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(json.dumps([pid, None]).encode() + b"\n")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def serve_jobs(path: str, *modules: str) -> None:
    """Import these modules, and let a process of its own serve each job that connects to a socket at this path."""
    from submitit.core.submission import submitit_main

    for module in modules:
        import_module(module)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                break
            connection.close()
    fork_server.die_with_parent()
    program, arguments = serve(connection)
    sys.argv[:] = [program, *arguments]
    submitit_main()


if __name__ == "__main__":
    for module in MODULES:
        import_module(module)
    gc.collect()
    gc.freeze()
    start_anew = processes.start_piped
    program, arguments = serve(socket.socket(fileno=int(sys.argv[1])))
    processes.start_piped = worker.start_piped = start_piped
    sys.argv[:] = [program, *arguments]
    sys.path[0] = ""  # in place of the folder of this file
    if program == "jobs":
        serve_jobs(*arguments)
    else:
        __main__.main()
