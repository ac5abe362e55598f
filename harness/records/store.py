"""Where records are kept: one folder a run, with ``record.json`` in it, written whole and atomically."""

import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.records.record import SCHEMA, Record, from_json

RECORD = "record.json"
CONFUSION = "confusion.json"
ATTENTION = "attention.json"
"""Files in a run's folder."""

LONGEST_NAME = 150
"""How many bytes of a name or label are in the name of its folder: file systems refuse names of more than 255."""
HASHED = re.compile(r"-[0-9a-f]{8}$")
"""How a file name ends that was not the name itself."""


class Unreadable(UserError):
    """A file that should hold a record and does not."""


def write_text(path: Path, text: str) -> None:
    """Write a file whole: into a neighbour first, synced to the disk, then renamed over the target."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def load_json(file: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(file.read_text(encoding="utf8"))


def write(record: Record) -> None:
    """Write a record into its run's folder."""
    write_json(record.folder / RECORD, record.to_json())


def read(folder: Path) -> Record | None:
    """The record in a run's folder; None where there is none.

    Raises:
        Unreadable: ``record.json`` is damaged, or of another version of the harness.
    """
    file = folder / RECORD
    try:
        content = load_json(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{file} is not a record ({error}); run with rerun=true to replace it") from None
    if isinstance(content, dict) and content.get("schema") != SCHEMA:
        raise Unreadable(
            f"{file} has schema {content.get('schema')}, and this version reads schema {SCHEMA}; run its command again"
        )
    try:
        record = from_json(content)
    except ValueError as error:
        where = " ".join(str(error).split())
        raise Unreadable(f"{file} is not a record ({where}); run with rerun=true to replace it") from None
    record.folder = folder
    return record


def read_usable(folder: Path) -> Record | None:
    """The record in a run's folder; None also where it cannot be read, so that the run is done again."""
    try:
        return read(folder)
    except Unreadable:
        return None


def read_all(folder: Path, left_out: list[str] | None = None) -> Iterator[Record]:
    """Every record below a folder, oldest first; ``left_out`` gets a sentence for each that cannot be read."""
    found = []
    for path in folder.rglob(RECORD):
        try:
            record = read(path.parent)
        except Unreadable as error:
            if left_out is not None:
                left_out.append(str(error))
            continue
        if record:
            found.append(record)
    yield from sorted(found, key=lambda record: record.started)


def readable(text: str) -> str:
    """A text as part of a file's name: letters, digits and ``.=,_-`` only, and at most ``LONGEST_NAME`` bytes."""
    cleaned = re.sub(r"[^\w.=,-]+", "-", text).strip("-.")
    return cleaned.encode()[:LONGEST_NAME].decode(errors="ignore")


def file_name(text: str) -> str:
    """A name as the name of a file or folder: different names give different files, and none leaves its folder.

    A name that cannot be a file's name as it is gets a hash behind what is readable of it.
    """
    name = readable(text)
    if name == text and not HASHED.search(name):
        return name
    return f"{name}-{hashlib.sha256(text.encode('utf8', 'surrogatepass')).hexdigest()[:8]}".lstrip("-")


def run_folder(output_dir: Path, name: str, label: str, fingerprint: str) -> Path:
    """The folder that belongs to a fingerprint: readable in front, unmistakable behind.

    A run that was begun under another label, such as in a sweep, keeps its folder.
    """
    runs = output_dir / "runs" / file_name(name)
    new = runs / f"{readable(label)}-{fingerprint[:12]}"
    return new if new.is_dir() else next(iter(sorted(runs.glob(f"*-{fingerprint[:12]}"))), new)


def output_dir_of(record: Record) -> Path:
    """The output folder that a record lies in, wherever that was moved to."""
    depth = len(Path(record.run_dir).parts)
    return record.folder.absolute().parents[depth - 1]


def find(output_dir: Path, fingerprint: str, name: str) -> Record | None:
    """The record of a fingerprint below an output folder, preferably of the experiment ``name``; None if none is."""
    folders = sorted((output_dir / "runs").glob(f"*/*-{fingerprint[:12]}"))
    found = [record for folder in folders if (record := read_usable(folder)) and record.fingerprint == fingerprint]
    found.sort(key=lambda record: (record.status != "finished", record.name != name))
    return next(iter(found), None)


def copy(record: Record, output_dir: Path, folder: Path, **asked: Any) -> Record:
    """Copy a finished run's folder to where the command ``asked`` for it under another name; returns its record."""
    shutil.copytree(record.folder, folder, ignore=shutil.ignore_patterns(RECORD), dirs_exist_ok=True)
    run_dir = str(folder.relative_to(output_dir))
    copied = dataclasses.replace(
        record, **asked, folder=folder, run_dir=run_dir, copied_from=record.run_dir, mlflow_run_id=None
    )
    write(copied)
    return copied


def remove(folder: Path) -> None:
    """Remove a run's folder with everything in it, where there is one."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_empty(folder: Path) -> None:
    """Remove a run's folder, and that of its experiment, where nothing is in them."""
    for path in (folder, folder.parent, folder.parent.parent):
        try:
            path.rmdir()
        except OSError:
            return
