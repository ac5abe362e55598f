"""An sqlite store has a write-ahead log only where one machine has the file for itself."""

import shutil
import sqlite3
import subprocess
import sys
from collections import namedtuple
from contextlib import closing, suppress

import psutil
import pytest

from harness.tracking import address, database, store

Mount = namedtuple("Mount", "mountpoint fstype")

LOOKS_AND_LEAVES = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("SELECT * FROM kept").fetchall()
database.close()
"""


@pytest.fixture
def mounts(monkeypatch):
    """Pretend that these file systems are mounted: places and types."""
    return lambda *them: monkeypatch.setattr(psutil, "disk_partitions", lambda all: [Mount(*one) for one in them])


def journal_mode(file):
    with closing(sqlite3.connect(file)) as opened:
        return opened.execute("PRAGMA journal_mode").fetchone()[0]


def test_the_file_system_is_that_of_the_innermost_mount_and_of_the_last_one_there(tmp_path, mounts):
    (tmp_path / "data" / "mine").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    data = str(tmp_path / "data")
    mounts(("/", "ext4"), (data, "autofs"), (data, "NFS4"), (f"{data}/min", "xfs"), ("/elsewhere", "lustre"))
    assert database.file_system_of(tmp_path / "data" / "mine") == "nfs4"
    assert database.file_system_of(tmp_path / "link" / "mine") == "nfs4"
    assert database.file_system_of(tmp_path) == "ext4"
    mounts()
    assert database.file_system_of(tmp_path) == ""


@pytest.mark.parametrize(
    ("kind", "write_ahead"),
    [("ext4", True), ("tmpfs", True), ("lustre", False), ("fuse.sshfs", False), ("", False)],
)
def test_a_new_store_has_a_write_ahead_log_only_where_no_other_machine_writes(
    tmp_path, mounts, monkeypatch, kind, write_ahead
):
    def create(file, write_ahead):
        created.append((file.name, write_ahead))
        file.touch()

    created = []
    monkeypatch.setattr(database, "create_store", create)
    mounts(("/", "ext4"), (str(tmp_path), kind))
    database.prepare(tmp_path / "mlflow.db")
    assert created == [("mlflow.db", write_ahead)]


def test_a_new_store_on_a_network_file_system_has_an_ordinary_journal(tmp_path, mounts):
    mounts(("/", "ext4"), (str(tmp_path), "nfs4"))
    store.connect(address.own_store(tmp_path))
    assert journal_mode(tmp_path / "mlflow.db") == "delete"


@pytest.mark.parametrize("kind", ["ext4", "nfs"])
def test_another_process_that_leaves_the_database_removes_no_log_of_this_one(tmp_path, mounts, kind):
    mounts(("/", kind))
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE kept (number)")
        opened.commit()
        with suppress(sqlite3.OperationalError):  # on a shared file system, that this process has it open
            database.prepare(file)
        subprocess.run([sys.executable, "-c", LOOKS_AND_LEAVES, str(file)], check=True)
        assert file.with_name("mlflow.db-wal").exists()
        opened.execute("INSERT INTO kept VALUES (7)")
        opened.commit()
    with closing(sqlite3.connect(file)) as opened:
        assert opened.execute("SELECT number FROM kept").fetchall() == [(7,)]


@pytest.fixture
def in_wal(tmp_path):
    """A database with a write-ahead log that has all its rows, as a process leaves it that was killed."""
    file, there = tmp_path / "mlflow.db", tmp_path / "there" / "mlflow.db"
    there.parent.mkdir()
    with closing(sqlite3.connect(there)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE kept (number)")
        opened.execute("INSERT INTO kept VALUES (7)")
        opened.commit()
        for end in ("", "-wal"):
            shutil.copy(f"{there}{end}", f"{file}{end}")
    assert database._has_write_ahead_log(file)
    return file


def test_a_database_that_came_to_a_shared_file_system_loses_its_write_ahead_log_and_no_row(in_wal, mounts):
    mounts(("/", "nfs"))
    database.prepare(in_wal)
    assert journal_mode(in_wal) == "delete"
    assert not in_wal.with_name("mlflow.db-wal").exists()
    with closing(sqlite3.connect(in_wal)) as opened:
        assert opened.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_a_write_ahead_log_that_another_process_has_open_on_a_shared_file_system_is_refused(in_wal, mounts):
    mounts(("/", "nfs"))
    with closing(sqlite3.connect(in_wal)) as other:
        other.execute("SELECT number FROM kept").fetchone()
        with pytest.raises(sqlite3.OperationalError) as refusal:
            database.prepare(in_wal)
    assert store.reason(address.sqlite_uri(in_wal), refusal.value) == (
        "mlflow.db has a write-ahead log, which is not safe on this file system (nfs), and another process has it "
        "open: end that process, such as `python -m harness ui`"
    )
