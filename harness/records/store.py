"""Where records are kept: one folder a run, with ``record.json`` in it, written whole and atomically."""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.records.record import SCHEMA, Record, from_json

RECORD = "record.json"
CONFUSION = "confusion.json"
ATTENTION = "attention.json"
PREDICTIONS = "predictions.npz"
SERVING = "serving.json"
"""Files in a run's folder."""
EXPORTS = "export"
"""The folder in a run's folder with what was exported of it."""
WEIGHTS = "best."
"""How the name of the file with the weights of the best epoch begins; the backend gives it its end."""

LONGEST_NAME = 150
"""How many bytes of a name or label are in the name of its folder: file systems refuse names of more than 255."""
REPLACED = "the command that made it runs again and replaces it"
"""What becomes of a file that should hold a record and does not."""
HASHED = re.compile(r"-[0-9a-f]{8}$")
"""The end of a file name that is not the name itself."""


class Unreadable(UserError):
    """A ``record.json`` that does not hold a record."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Write a file whole: the block writes to the neighbour that it is given, which is then renamed over the file.

    The neighbour and the renaming are synced to the disk, so that after a power failure the file is the new or the old
    one, and never a part of one. A block that raises leaves the old file.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # a process's number is not unique on a share
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        with suppress(OSError):  # some file systems have no way to sync a folder
            _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def load_json(file: Path) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not UTF-8, or not JSON, which has no NaN and no infinite numbers.
    """
    try:
        return json.loads(file.read_text(encoding="utf8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def _refuse_constant(name: str) -> None:
    """Refuse what Python reads in JSON and JSON does not have: a comparison with NaN is never true."""
    raise ValueError(f"it has {name}, which is no number")


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
        raise Unreadable(f"{file} is not a record ({error}); {REPLACED}") from None
    if isinstance(content, dict) and content.get("schema") != SCHEMA:
        raise Unreadable(
            f"{file} has schema {content.get('schema')}, and this version reads schema {SCHEMA}; run its command again"
        )
    try:
        record = from_json(content)
    except ValueError as error:
        where = " ".join(str(error).split())
        raise Unreadable(f"{file} is not a record ({where}); {REPLACED}") from None
    record.folder = folder
    return record


def read_usable(folder: Path, left_out: list[str] | None = None) -> Record | None:
    """The record in a run's folder; None also where it cannot be read, and then ``left_out`` gets a sentence."""
    try:
        return read(folder)
    except Unreadable as error:
        if left_out is not None:
            left_out.append(str(error))
        return None


def run_folders(folder: Path) -> Iterator[Path]:
    """Every folder with a record, this one or below it; none inside of another: a model exported there has a copy."""
    seen: set[str] = set()
    for place, inside, files in os.walk(folder, followlinks=True):  # experiments may lie on another disk
        if (real := os.path.realpath(place)) in seen:
            inside.clear()
        elif RECORD in (*files, *inside):  # a folder of that name is no record, and is said to be none
            inside.clear()
            yield Path(place)
        seen.add(real)


def read_all(folder: Path, left_out: list[str] | None = None) -> Iterator[Record]:
    """Every record below a folder, oldest first; ``left_out`` gets a sentence for each that cannot be read."""
    read_ones = [read_usable(one, left_out) for one in run_folders(folder)]
    yield from sorted((record for record in read_ones if record), key=lambda record: record.started)


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
    return f"{name}-{short_hash(text)}".lstrip("-")


def short_hash(text: str) -> str:
    """Eight hexadecimal digits that tell a text from others."""
    return hashlib.sha256(text.encode("utf8", "surrogatepass")).hexdigest()[:8]


def run_folder(output_dir: Path, name: str, label: str, fingerprint: str) -> Path:
    """The folder of a fingerprint: its name has the readable label and the beginning of the fingerprint.

    A run that was begun under another label, such as in a sweep, keeps its folder.
    """
    runs = output_dir / "runs" / file_name(name)
    new = runs / f"{readable(label)}-{fingerprint[:12]}"
    return new if new.is_dir() else next(iter(sorted(runs.glob(f"*-{fingerprint[:12]}"))), new)


def output_dir_of(record: Record) -> Path:
    """The output folder that contains a record, also after the folder was moved."""
    depth = len(Path(record.run_dir).parts)
    return record.folder.absolute().parents[depth - 1]


def find(output_dir: Path, fingerprint: str, name: str, left_out: list[str] | None = None) -> Record | None:
    """The record of a fingerprint below an output folder, preferably of the experiment ``name``; None if none is.

    ``left_out`` gets a sentence for each record in question that cannot be read.
    """
    folders = sorted((output_dir / "runs").glob(f"*/*-{fingerprint[:12]}"))
    records = [read_usable(folder, left_out) for folder in folders]
    found = [record for record in records if record and record.fingerprint == fingerprint]
    found.sort(key=lambda record: (record.status != "finished", record.name != name))
    return next(iter(found), None)


def remove(folder: Path) -> None:
    """Remove a run's folder with everything in it, where there is one."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_empty(folder: Path) -> None:
    """Remove a run's folder, and that of its experiment, where nothing is in them."""
    with suppress(OSError):
        for path in (folder, folder.parent, folder.parent.parent):
            path.rmdir()
