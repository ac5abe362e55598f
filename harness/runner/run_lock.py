"""One run, one worker: a lock on a run, also among machines that share the output folder.

The lock is a file below ``output_dir/locks`` that says who holds the run. Its owner touches the file every few seconds.
Who finds a run held leaves it to its owner. An owner is taken for dead if it ran on this machine and its process is
gone, or if the file was not touched for a minute. That minute is watched on the watcher's own clock, because clocks of
machines differ.
"""

import json
import os
import platform
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.errors import UserError
from harness.measure import process_identity

FOLDER = "locks"
"""The folder of the locks, in the output folder."""
TOUCHED_EVERY, DEAD_AFTER = 10.0, 60.0
"""Seconds between two touches of an owner, and without one after which it is taken for dead."""
LOOKS_EVERY = 2.0
"""Seconds between two looks of who waits."""


@dataclass(frozen=True)
class Owner:
    """Who holds a run: a process by what ``process_identity`` says of it.

    ``job`` says which job of which sweep the run is, so that other commands of the sweep know it by its label.
    """

    host: str
    machine: str
    pid: int
    started: float
    token: str
    job: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Held(Exception):
    """Another process holds the run: ``owner`` by the lock's ``file``."""

    def __init__(self, owner: str, file: Path) -> None:
        super().__init__(f"held by {owner}")
        self.owner, self.file = owner, file


class RunLock:
    """The lock of one run: a context manager that holds the run in its block.

    Raises:
        Held: another process holds the run; it was left alone.
        UserError: the folder of locks cannot be written to.
    """

    def __init__(self, output_dir: Path, fingerprint: str, job: str = "") -> None:
        self.file = output_dir / FOLDER / f"{fingerprint[:12]}.json"
        self.owner = replace(this_process(), job=job)
        self._released = threading.Event()
        self._kept = False

    def __enter__(self) -> "RunLock":
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._take()
        except OSError as error:
            raise UserError(
                f"{self.file.parent} cannot be written to ({error.strerror}); set output_dir to another folder"
            ) from None
        threading.Thread(target=self._keep_touching, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            self.release()

    def keep(self) -> None:
        """Hold the run beyond the block, until ``release``."""
        self._kept = True

    def release(self) -> None:
        """Let others have the run."""
        self._released.set()
        with suppress(OSError), _guard(self.file):
            if self.is_ours():
                self.file.unlink()

    def is_ours(self) -> bool:
        """Whether the file names this process."""
        return read(self.file) == self.owner

    def is_lost(self) -> bool:
        """Whether another process took the run over: this one may have been suspended, and taken for dead.

        A file that somebody removed, or that cannot be read now, is no reason to lose what was trained.
        """
        return read(self.file) not in (None, self.owner)

    def _take(self) -> None:
        """Take the lock, from a dead owner too."""
        while True:
            try:
                descriptor = os.open(self.file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except FileExistsError:
                pass
            else:
                try:
                    with os.fdopen(descriptor, "w") as opened:
                        json.dump(asdict(self.owner), opened)
                except OSError:  # a full disk: an empty file would hold the run for a minute
                    self.file.unlink(missing_ok=True)
                    raise
                return
            with _guard(self.file):  # two that found the same owner dead must not both follow it
                if not self.file.exists():
                    continue
                if not is_dead(self.file):
                    raise Held(str(read(self.file) or "another process"), self.file)
                self.file.unlink()

    def _keep_touching(self) -> None:
        while not self._released.wait(TOUCHED_EVERY):
            with suppress(OSError):
                if self.is_ours():
                    os.utime(self.file)


_watched: dict[Path, tuple[Any, float]] = {}
"""What was seen of a lock's file when it last changed, and when, on this process's clock."""


def is_dead(file: Path) -> bool:
    """Whether the owner of a lock is gone; on another machine it takes a minute of looks to know that."""
    owner = read(file)
    if owner is not None and owner.machine == process_identity.machine():
        return process_identity.is_gone(owner.pid, owner.started)
    try:
        seen = (owner, file.stat().st_mtime_ns)
    except OSError:
        return False
    before, since = _watched.get(file, (None, 0.0))
    if seen != before:
        _watched[file] = seen, time.monotonic()
        return False
    return time.monotonic() - since > DEAD_AFTER


def is_held(file: Path) -> bool:
    """Whether somebody who lives holds the run of this lock."""
    return file.exists() and not is_dead(file)


def name_of_job(sweep: str, label: str) -> str:
    """How a lock names a job of a sweep."""
    return f"{sweep} {label}"


def held_by_another(output_dir: Path, job: str) -> Held | None:
    """By whom this job of a sweep is held, if it is another process that lives."""
    own = process_identity.machine(), os.getpid()
    for file in (output_dir / FOLDER).glob("*.json"):
        owner = read(file)
        if owner and owner.job == job and (owner.machine, owner.pid) != own and not is_dead(file):
            return Held(str(owner), file)
    return None


def wait(files: list[Path]) -> None:
    """Wait until one of these runs is held no more; the locks of dead owners are gone then.

    A job that is launched afterwards may run in a process that has watched nothing, and would find the run held again.
    """
    while all(is_held(file) for file in files):
        time.sleep(LOOKS_EVERY)
    for file in files:
        _remove_dead(file)


def _remove_dead(file: Path) -> None:
    with suppress(OSError), _guard(file):
        if file.exists() and is_dead(file):
            file.unlink()


def read(file: Path) -> Owner | None:
    """The owner that a lock's file names; None where there is no file, or it is being written."""
    try:
        # opened anew: a network file system then asks its server how the file is
        return Owner(**json.loads(file.read_text(encoding="utf8")))
    except (OSError, ValueError, TypeError):
        return None


def this_process() -> Owner:
    """This process as an owner; each call gives another token."""
    pid = os.getpid()
    token = secrets.token_hex(8)
    return Owner(platform.node(), process_identity.machine(), pid, process_identity.started(pid), token)


def _guard(file: Path) -> FileLock:
    """What is held for a moment, while a lock changes its owner."""
    return FileLock(file.parent.parent / ".locks.lock")
