"""Brings MLflow up to date with ended runs: those that it missed, and those of jobs that do not write to it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import UserError
from harness.records import store as records
from harness.records.record import Record
from harness.records.secrets import masked
from harness.tracking import unsynced
from harness.tracking.address import OFF, store_of
from harness.tracking.quiet import HalfLoadedError
from harness.tracking.store import reason
from harness.tracking.tracked_run import TrackedRun

LOCK = ".unsynced.lock"
"""The file in the output folder that is locked by a process which brings ended runs to MLflow."""


def sync(ended: list[Record]) -> int:
    """Bring MLflow up to date with records; returns how many of them it lacked, wholly or in part.

    Records of runs with ``tracking=none`` are left out. It waits for another process that does the same: two that find
    a run missing would both make it.

    Raises:
        UserError: a store does not answer, or needs a password that the environment does not have.
    """
    lacked = 0
    for record in ended:
        with _alone(records.output_dir_of(record)):
            lacked += _sync_one(record)
    return lacked


def count_missing(output_dir: Path, uri: str) -> int:
    """How many runs of sweeps the store ``uri`` lacks."""
    count = 0
    for record in unsynced.records_of(output_dir):
        with suppress(UserError):  # its store needs a secret, so it is another one
            count += store_of(record) == uri
    return count


@contextmanager
def _alone(output_dir: Path) -> Iterator[None]:
    """Hold the lock of an output folder; without it where the folder cannot be written to."""
    lock = FileLock(output_dir / LOCK)
    with suppress(OSError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _sync_one(record: Record, sweep: str | None = None) -> bool:
    uri = store_of(record)
    if uri == OFF:
        return False
    try:
        with_model = record.config["tracking"].get("log_model", True)  # an earlier version had no such key
        lacked = TrackedRun(uri, records.output_dir_of(record), with_model, sweep).sync(record)
    except HalfLoadedError as error:
        raise UserError(str(error)) from None
    except Exception as error:
        raise UserError(f"MLflow at {masked(uri)} does not answer: {reason(uri, error)}") from None
    unsynced.drop(record)
    return lacked


@dataclass
class Synced:
    """How many runs of a sweep MLflow got (``done``), how many it still lacks (``left``), and ``why``."""

    done: int = 0
    left: int = 0
    why: str = ""


def sync_left(output_dir: Path, sweep: str, waits: bool = True) -> Synced:
    """Bring to MLflow the ended runs that it lacks of a sweep which is still running.

    While another process does the same, this one waits for it with ``waits``, and otherwise leaves all runs to it.
    After two failures in a row, the store itself is taken to fail, and it is not asked for the other runs.
    """
    synced, failed = Synced(), 0
    if not unsynced.files_of(output_dir, sweep):
        return synced
    try:
        with FileLock(output_dir / LOCK, timeout=-1 if waits else 0):
            for file in unsynced.files_of(output_dir, sweep):
                if failed < 2:
                    try:
                        synced.done += _settle(output_dir, sweep, file)
                        failed = 0
                        continue
                    except (UserError, OSError, ValueError) as error:
                        synced.why = str(error)
                        failed += 1
                synced.left += 1
    except Timeout:
        pass
    return synced


def _settle(output_dir: Path, sweep: str, file: Path) -> bool:
    """Bring the run of a note to MLflow, which removes the note; returns whether MLflow lacked the run."""
    if record := records.read_usable(output_dir / records.load_json(file)["run_dir"]):
        return _sync_one(record, sweep)
    file.unlink()
    return False
