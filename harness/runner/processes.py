"""Processes that a command starts and that end with it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any


def start_piped(
    module: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> "tuple[subprocess.Popen[bytes], int, int]":
    """Start ``python -m MODULE REQUESTS REPLIES ARGUMENT ...``, which ends with this process and finds its modules.

    SIGINT is blocked in it until it has decided what that does, and calls ``let_signals_in``.

    Returns the process, and the descriptors of this process's ends of the pipes: to write requests, to read replies.
    """
    here, requests = os.pipe()
    replies, there = os.pipe()
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    # Ctrl-C goes to all processes of a terminal: one that still imports must not be interrupted in it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process = start(
            [sys.executable, "-m", module, str(here), str(there), *arguments],
            pass_fds=(here, there), stdin=subprocess.DEVNULL, env={**environment, "PYTHONPATH": path},
        )  # fmt: skip
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(here)
    os.close(there)
    return process, requests, replies


def let_signals_in() -> None:
    """In a process that ``start_piped`` has started: let SIGINT do what this process has decided."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def start(command: list[str], **settings: Any) -> "subprocess.Popen[bytes]":
    """Start a process that ends with this one.

    Linux ends it with the *thread* that started it (prctl(2)). The main thread lasts as long as this process; in place
    of any other thread, one starts it that lasts as long as the server, which later runs of other threads use too.
    """
    if threading.current_thread() is threading.main_thread():
        return subprocess.Popen(command, **settings)
    started: Future[subprocess.Popen[bytes]] = Future()

    def start_and_stay() -> None:
        try:
            process = subprocess.Popen(command, **settings)
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(process)
        process.wait()

    threading.Thread(target=start_and_stay, daemon=True).start()
    return started.result()
