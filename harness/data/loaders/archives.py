"""Files as they lie on disk: plain, or compressed as gzip, bzip2, xz or zip."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from harness.errors import UserError

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = (*OPENERS, ".zip")
DAMAGED = (EOFError, OSError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What these libraries raise for a damaged file, for one with a password, and for an unknown compression."""


def file_key(path: Path, key: str = "data") -> str:
    """The hash of a file's bytes; of a folder, the hash of the names and bytes of all its files.

    ``key`` is the config key that names it, for messages.

    Raises:
        UserError: it is neither, or cannot be read, or the folder has a link that cannot be followed.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for file in visible_files(path):
            digest.update(os.fsencode(f"{file.relative_to(path).as_posix()} {file_key(file)}"))
        return digest.hexdigest()
    if not path.is_file():
        raise UserError(f"{key}: {path} is a device or a pipe, which can be read only once; save its content as a file")
    try:
        with open(path, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{key}: {path} cannot be read: {error.strerror}") from None


def unchanged_file_key(path: Path, key: str = "data") -> str:
    """``file_key`` of a file that several runs of this process read: computed once, until its size or its time changes.

    Raises:
        UserError: as ``file_key``.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise UserError(f"{key}: {path} cannot be read: {error.strerror}") from None
    return _file_key(path.absolute(), key, stat.st_size, stat.st_mtime_ns)


@cache
def _file_key(path: Path, key: str, _size: int, _modified_ns: int) -> str:
    return file_key(path, key)


def refuse_same_files(files: Iterable[Path]) -> None:
    """Refuse the files of several splits if two of them have the same content.

    Raises:
        UserError: two have.
    """
    hashes = [file_key(file) for file in files]
    if len(set(hashes)) < len(hashes):
        raise UserError("data: two of data.train, data.validation and data.test are the same file; leave one out")


def visible_files(folder: Path) -> list[Path]:
    """All files below a folder, sorted by their paths, without hidden files and hidden folders; links are followed.

    Raises:
        UserError: a folder cannot be read, or a link leads nowhere or to a folder that it lies in.
    """
    found: list[Path] = []
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=_refuse_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink() and not name.startswith("."):
                _refuse_bad_link(path)
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.relative_to(folder).as_posix())


def _refuse_unreadable(error: OSError) -> None:
    raise UserError(f"data: {error.filename} cannot be read: {error.strerror}") from None


def _refuse_bad_link(link: Path) -> None:
    if not link.exists():
        raise UserError(f"data: {link} is a link to nothing; correct or remove it")
    if link.resolve() in (link.parent.resolve(), *link.parent.resolve().parents):
        raise UserError(f"data: {link} is a link to a folder that it lies in, which has no end; remove it")


@dataclass(frozen=True)
class Source:
    """A file to read, or the one member of a zip archive."""

    file: Path
    member: str | None = None

    @property
    def kind(self) -> str:
        """The ending that tells what is inside, in lower case: ``.csv`` for ``reviews.csv.gz``."""
        return Path(self.member or without_compression(self.file.name)).suffix.lower()

    @contextmanager
    def binary(self) -> Iterator[BinaryIO]:
        """The bytes inside, as a stream."""
        if self.member is not None:
            with zipfile.ZipFile(self.file) as archive, archive.open(self.member) as opened:
                yield opened  # type: ignore[misc]
            return
        with OPENERS.get(self.file.suffix.lower(), open)(self.file, "rb") as opened:
            yield opened

    @contextmanager
    def text(self, newline: str | None = None) -> Iterator[TextIO]:
        """The text inside, which must be UTF-8, with or without a byte order mark; ``newline`` is that of ``open``."""
        with self.binary() as opened, io.TextIOWrapper(opened, "utf-8-sig", newline=newline) as text:
            yield text


def open_source(file: Path, key: str = "data") -> Source:
    """What a file holds, inside its compression; ``key`` is the config key that names it, for messages.

    Raises:
        UserError: a zip archive is damaged or has not exactly one file in it.
    """
    if file.suffix.lower() != ".zip":
        return Source(file)
    try:
        with zipfile.ZipFile(file) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
    except DAMAGED as error:
        raise UserError(f"{key}: {file} cannot be read as zip: {error}") from None
    members = [name for name in names if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")]
    if len(members) != 1:
        shown = ", ".join(members[:5]) + (", ..." if len(members) > 5 else "")
        raise UserError(
            f"{key}: {file} has {len(members)} files in it{f' ({shown})' if members else ''}; expected one: "
            "unpack it, and name the file"
        )
    return Source(file, members[0])


def without_compression(name: str) -> str:
    """A file's name without the ending of its compression: ``a.csv`` for ``a.csv.gz``."""
    path = Path(name)
    return str(path.with_suffix("")) if path.suffix.lower() in COMPRESSED else name
