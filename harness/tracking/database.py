"""An sqlite database as MLflow's store: created once, with the journal that its file system allows."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psutil
from filelock import FileLock

from harness.tracking.address import sqlite_uri

LOCAL = (
    *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "bcachefs", "reiserfs", "tmpfs", "ramfs"),
    *("overlay", "aufs", "fuseblk", "ntfs", "ntfs3", "exfat", "vfat", "msdos", "apfs", "hfs", "ufs"),
)
"""File systems that one machine has for itself. Any other, such as nfs, lustre, gpfs or cifs, may be shared."""


LOCKED_FOR = 2.0
"""The most seconds to wait until nobody else has a database open."""


def file_system_of(folder: Path) -> str:
    """The type of the file system of a folder, such as ``ext4`` or ``nfs4``; empty where it is not known."""
    place, best = folder.resolve(), Path()
    kind = ""
    for one in psutil.disk_partitions(all=True):
        mount = Path(one.mountpoint)
        # of two at the same place, the later one hides the earlier
        if place.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, one.fstype.lower()
    return kind


def prepare(file: Path) -> None:
    """Create a missing database while other processes wait, and fail if the file cannot be used as it is.

    Raises:
        sqlite3.Error: the file is no database, or has a write-ahead log where several machines may share it, and
            another process has it open.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock")):  # next to the store: several output folders may share it
        if not file.exists():
            create_store(file, write_ahead=_shared_by(file) is None)
        change_journal(file)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA schema_version")  # what is no database fails here; MLflow would try for 50 s


def change_journal(file: Path) -> None:
    """Give a database with a write-ahead log an ordinary journal where several machines may share the file.

    Raises:
        sqlite3.OperationalError: another process has it open, or the file cannot be written.
    """
    if (kind := _shared_by(file)) is None or not _has_write_ahead_log(file):
        return
    try:
        with closing(sqlite3.connect(file, timeout=LOCKED_FOR)) as database:
            database.execute("PRAGMA locking_mode=EXCLUSIVE")  # then sqlite reads the log without shared memory
            database.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):  # such as a file that cannot be written
            raise
        raise sqlite3.OperationalError(
            f"{file.name} has a write-ahead log, which is not safe on this file system ({kind}), and another process "
            "has it open: end that process, such as `python -m harness ui`"
        ) from None


def _shared_by(file: Path) -> str | None:
    """The type of the file system by which several machines may share a file; None where one has it for itself."""
    kind = file_system_of(file.parent)
    return None if kind in LOCAL else kind or "unknown"


def create_store(file: Path, write_ahead: bool = True) -> None:
    """Create a database under a temporary name and rename it, so that a killed process leaves no partial store.

    With a write-ahead log (WAL) readers and one writer do not block each other; the file itself keeps this mode. It
    needs memory that all processes share, so it is only for a file system of one machine. MLflow makes each of its
    connections wait up to 20 s for another writer.
    """
    from mlflow import MlflowClient

    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    MlflowClient(sqlite_uri(part)).search_experiments(max_results=1)  # creates the tables
    if write_ahead:
        with closing(sqlite3.connect(part)) as database:
            database.execute("PRAGMA journal_mode=WAL")
    part.rename(file)


def _has_write_ahead_log(file: Path) -> bool:
    """Whether a database says so in its head: to ask sqlite would open the log, which several machines must not.

    Another process reads it. Where a process closes a file, the system drops all locks that it has on it, those of
    its own connections to the database too; the next process to leave the database would then remove their log.
    """
    head = subprocess.run(["head", "--bytes=20", str(file)], capture_output=True, check=True).stdout
    return head[18:] == b"\2\2"


LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""The tables and columns in which MLflow's database has the places of artifacts, as absolute addresses."""


def follow_move(database: Path, location: str, folder: str) -> None:
    """Give the artifacts of an output folder's own store their new addresses if the folder was moved or copied.

    MLflow has no call for that. ``location`` is that of one experiment, ``folder`` where all artifacts are now.
    """
    before = location.rpartition("/")[0]
    if before == folder or not before.endswith("/mlartifacts"):
        return
    with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
        for table, column in LOCATIONS:
            change = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
            connection.execute(change, (folder, len(before) + 1, len(before) + 1, f"{before}/"))
