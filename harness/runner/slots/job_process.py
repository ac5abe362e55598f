"""The process in which the jobs of one slot run, one after the other.

``python -m harness.runner.slots.job_process REQUESTS REPLIES`` takes two file descriptors. ``JobProcess`` is its other
end, in the process of the command. Ctrl-C, and the end of the terminal, reach both; the launcher passes them on by
SIGTERM, and this process then ends its run as the command itself would.
"""

import atexit
import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

from harness.config import shadowing, streams
from harness.measure import processors
from harness.runner import fork_server, variables, wire
from harness.runner.processes import let_signals_in, start_piped
from harness.runner.slots.messages import Begin, Done, Interrupted, SlotJob

PIPE_BYTES = 2**20
"""What a pipe to a process holds, where the system allows so much: what begins a process, and its first job."""
SECONDS_TO_END = 5.0
"""An idle process ends with all that it has started in this time, or it is killed."""


class JobProcess:
    """The process of a slot, pinned to these processors until a job brings others."""

    def __init__(self, begin: Begin, pinned_to: list[int]) -> None:
        with processors.pinned(pinned_to):
            self.process, self._requests, self._replies = start_piped(
                "harness.runner.slots.job_process", [], os.environ
            )
        with suppress(AttributeError, OSError):  # so that the command need not wait until the process has started
            fcntl.fcntl(self._requests, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._unread = b""
        _processes.add(self)
        self._write(begin)

    def fileno(self) -> int:
        """What ``select`` waits for: an answer, or the end of the process."""
        return self._replies

    def give(self, job: SlotJob) -> None:
        """Begin a job; the one before must have ended."""
        self._write(job)

    def _write(self, message: Any) -> None:
        with suppress(BrokenPipeError):  # it has ended, which ``receive`` says
            wire.write(self._requests, message)

    def receive(self) -> Done | Interrupted | None:
        """The next answer; None if the process has ended without one."""
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                if line.strip():
                    answer: Done | Interrupted = wire.read(line)
                    return answer
            elif chunk := os.read(self._replies, 65536):
                self._unread += chunk
            else:
                return None

    def interrupt(self) -> None:
        """Ask the process to end as after Ctrl-C."""
        self.process.terminate()

    def let_go(self) -> None:
        """Give no further job, so that the process ends after its last one."""
        if self._requests >= 0:
            os.close(self._requests)
            self._requests = -1

    def close(self) -> int:
        """End the process, if it has not ended, with all that it started; returns its exit code."""
        self.let_go()
        try:
            code = self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if self in _processes:
            _processes.remove(self)
            os.close(self._replies)
        return code


_processes: set[JobProcess] = set()


@atexit.register
def close_all() -> None:
    """End the processes of all slots."""
    for process in list(_processes):
        process.let_go()
    for process in list(_processes):
        process.close()


def serve(requests: int, replies: int) -> None:
    """Run one job after the other, until the pipe is closed or the process is asked to end."""
    fork_server.die_with_parent()
    for of_parent in (signal.SIGINT, signal.SIGHUP):
        signal.signal(of_parent, signal.SIG_IGN)
    let_signals_in()
    begin: Begin | None = None
    before: dict[str, str | None] = {}
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        streams.prepare()
        streams.outlive_readers()
        shadowing.watch()
        with open(requests, "rb") as incoming:
            for line in incoming:
                if not line.strip():
                    continue
                message = wire.read(line)
                if isinstance(message, Begin):
                    begin = message
                    _enter(begin)
                    continue
                assert begin is not None
                # what the last job's slots had changed; what libraries have set for themselves stays
                variables.set_all(before)
                before = variables.values_of(message.environment)
                variables.set_all(message.environment)
                wire.write(replies, _run(begin, message))
    except KeyboardInterrupt as stop:
        wire.write(replies, Interrupted(str(stop)))


def _enter(begin: Begin) -> None:
    """Bring Hydra into the state that it has in the process of the command, without a search for its plugins."""
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.utils import JobRuntime, setup_globals

    setup_globals()
    GlobalHydra.instance().hydra = begin.hydra
    ConfigStore.instance().repo = begin.configs
    JobRuntime.instance().set("name", begin.name)


def _run(begin: Begin, job: SlotJob) -> Done:
    from hydra.core.utils import run_job

    processors.pin(job.processors)
    done = run_job(
        hydra_context=begin.hydra_context, task_function=begin.task, config=job.config,
        job_dir_key="hydra.sweep.dir", job_subdir_key="hydra.sweep.subdir",
    )  # fmt: skip
    try:
        returned = done.return_value
    except Exception as error:  # the task raises nothing; a callback might
        returned = RuntimeError(f"{type(error).__name__}: {error}")
    return Done(done.status, returned, str(done.working_dir))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # who ends all processes of a command sends a second one, which must not disturb the writing of the record
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
