"""Prepared data on disk: prepared once, opened by every run, never stale, because its key covers what the source holds.

A loader is a function that returns a ``Dataset``. A slow loader declares what its result depends on with
``@cached_by(key)``: ``key`` takes the loader's own arguments and returns a string; equal strings mean equal data. The
data of a loader without a key is stored under its own hash, only to pass it to the training process.
"""

import dataclasses
import hashlib
import inspect
import json
import shutil
import unicodedata
import zlib
from collections.abc import Callable
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock

from harness.data import source_code
from harness.data.characters import Characters
from harness.data.dataset import Dataset
from harness.data.examples import save_examples
from harness.data.labels import SEVERAL
from harness.data.split import Split
from harness.data.unseen import set_apart
from harness.data.vectors.kept import WordVectors
from harness.errors import UserError
from harness.notices import notify
from harness.records import store
from harness.records.record import DataSummary

ROLES = ("train", "validation", "test")
CHARACTERS = ("spelling_T", "table_SW")
FIELDS = (
    *("classes", "unseen", "vocabulary", "source", "notes", "task", "tolerance", "label_scale", "alphabet"),
    "rows_hash",
)
GONE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
FORMAT = "9"
"""The version of the stored files: raise it when their layout or the summary in them changes."""

Loader = TypeVar("Loader", bound=Callable[..., Dataset])


def cached_by(key: Callable[..., str]) -> Callable[[Loader], Loader]:
    """Mark a loader as worth caching under ``key(**arguments)``."""

    def mark(loader: Loader) -> Loader:
        loader.cache_key = key  # type: ignore[attr-defined]
        return loader

    return mark


def prepare(loader: Callable[..., Dataset], arguments: dict[str, Any], cache: Path) -> Path:
    """The folder with the loader's data, which is prepared unless it is there already.

    Raises:
        UserError: the loader refuses its arguments, or returned data on which a comparison would be meaningless, or
            the cache cannot be written to and lacks the data.
    """
    key = getattr(loader, "cache_key", None)
    if key is None:
        data = _load(loader, arguments)
        content = hashlib.sha256(f"{FORMAT} {data.hash}".encode()).hexdigest()
        folder = cache / _folder_name(data.source or loader.__module__, content)
        return _fill_once(folder, lambda: data)
    try:
        text = f"{FORMAT} {loader.__module__}.{loader.__qualname__} {key(**arguments)} {_code(loader)} {_versions()}"
    except TypeError as error:
        raise _wrong_arguments(loader, error) from None
    folder = cache / _folder_name(str(arguments.get("source", "")), hashlib.sha256(text.encode()).hexdigest())
    return _fill_once(folder, lambda: _load(loader, arguments))


def _fill_once(folder: Path, load: Callable[[], Dataset]) -> Path:
    """Let the first of several processes fill the folder; the others wait for it. Damaged data are prepared again."""
    if folder.exists() and damage(folder) is None:
        return folder  # of a cache that others share, maybe one that cannot be written to
    lock = FileLock(f"{folder}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise UserError(
            f"cache_dir={folder.parent} cannot be written to ({error.strerror}); set cache_dir to another folder"
        ) from None
    try:
        if folder.exists() and (why := damage(folder)):
            notify(f"{why}: the data are prepared again")
            store.remove(folder)
        if not folder.exists():
            _write(load(), folder)
    finally:
        lock.release()
    return folder


def _checksum(file: Path) -> int:
    """CRC-32 of a file, read in portions of 16 MiB."""
    with open(file, "rb") as opened:
        value = 0
        while portion := opened.read(2**24):
            value = zlib.crc32(portion, value)
    return value


def damage(folder: Path) -> str | None:
    """Which file of a folder of prepared data is missing, cut or something else, and why; None where all are whole."""
    file = folder / "meta.json"
    try:
        meta = store.load_json(file)
        DataSummary(**meta["summary"])
        characters = CHARACTERS if meta["alphabet"] else ()
        parts = {f"{name}.{part}.npy" for name, part in product(ROLES, (*_arrays(meta["task"]), *characters))}
        for name in sorted(parts | meta["checksums"].keys()):
            file = folder / name
            if _checksum(file) != meta["checksums"][name]:
                return f"{file} is damaged (its content is not what was written)"
        file = folder / "meta.json"
        if missing := {"hash", *FIELDS} - meta.keys():
            return f"{file} is damaged (it lacks {', '.join(sorted(missing))})"
    except (*GONE, EOFError, ValueError, LookupError, TypeError) as error:
        return f"{file} is damaged ({error})"
    except OSError as error:  # the file may be whole: a share that does not answer, too many open files
        raise UserError(f"{file} cannot be read ({error.strerror}); try again, or set cache_dir elsewhere") from None
    return None


def _arrays(task: str) -> tuple[str, ...]:
    """The arrays of a split that are stored, each in a file, without those of characters."""
    return ("x", "offsets", "y", *(("y_offsets",) if task in SEVERAL else ()))


def _load(loader: Callable[..., Dataset], arguments: dict[str, Any]) -> Dataset:
    try:
        inspect.signature(loader).bind(**arguments)
    except TypeError as error:
        raise _wrong_arguments(loader, error) from None
    try:
        data = loader(**arguments)
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        if not loader.__module__.startswith("harness."):
            raise  # a custom loader: its author needs the traceback
        reason = str(error).splitlines()[0]
        raise UserError(f"data: {loader.__qualname__} cannot work with these settings: {reason}") from error
    if not isinstance(data, Dataset):
        name = f"{loader.__module__}.{loader.__qualname__}"
        raise UserError(f"data: {name} must return a harness.data.Dataset, but returned {type(data).__name__}")
    data = set_apart(data)
    data.check()
    return data


def _wrong_arguments(loader: Callable[..., Dataset], error: TypeError) -> UserError:
    return UserError(f"data: {loader.__module__}.{loader.__qualname__} was called with wrong arguments: {error}")


def _code(loader: Callable[..., Dataset]) -> str:
    """The hash of the code that prepares: of the modules that loaders share, and of the loader's own file."""
    package = Path(__file__).parent
    shared = {*package.glob("*.py"), *(package / "loaders").glob("*.py")}
    return source_code.digest(sorted(shared | {Path(inspect.getfile(loader)).resolve()}))


def _versions() -> list[str]:
    """Versions of the libraries, and of Python's Unicode, that make data: another version may give other data."""
    libraries = ("conllu", "datasets", "numpy", "pandas", "scikit-learn", "tokenizers")
    return [unicodedata.unidata_version, *map(metadata.version, libraries)]


def _folder_name(source: str, key: str) -> str:
    readable = "".join(character if character.isalnum() or character in "-_." else "-" for character in source)
    return f"{readable.strip('-.')[-40:]}-{key[:16]}".lstrip("-")


def _write(data: Dataset, folder: Path) -> None:
    """Write the data into a folder beside its place, then rename it, so that a folder is complete or absent."""
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, split in data.splits.items():
        for part in _arrays(data.task):
            np.save(temporary / f"{name}.{part}.npy", getattr(split, part))
        if split.characters is not None:
            for part in CHARACTERS:
                np.save(temporary / f"{name}.{part}.npy", getattr(split.characters, part))
    meta = {name: getattr(data, name) for name in FIELDS}
    meta |= {"hash": data.hash, "summary": dataclasses.asdict(data.summary())}
    if data.preparation is not None:
        data.preparation.save(temporary)
    if data.examples:
        save_examples(data.examples, temporary)
    meta["checksums"] = {file.name: _checksum(file) for file in sorted(temporary.iterdir())}
    store.write_json(temporary / "meta.json", meta)
    temporary.rename(folder)


def open_prepared(folder: Path, characters: bool = True, vectors: WordVectors | None = None) -> Dataset:
    """The data set that ``prepare`` stored in a folder, with these ``vectors``; characters of words only on request.

    Its arrays are mapped from their files, read-only: the system reads a page when it is used, and may drop it again.
    """
    meta = json.loads((folder / "meta.json").read_text(encoding="utf8"))
    known_hash, _, _ = meta.pop("hash"), meta.pop("summary"), meta.pop("checksums")
    with_characters = characters and bool(meta["alphabet"])
    splits: dict[str, Any] = {}
    for name in ROLES:
        arrays: dict[str, Any] = {part: _mapped(folder / f"{name}.{part}.npy") for part in _arrays(meta["task"])}
        if with_characters:
            arrays["characters"] = Characters(*(_mapped(folder / f"{name}.{part}.npy") for part in CHARACTERS))
        splits[name] = Split(**arrays)
    data = Dataset(**splits, **meta, vectors=vectors)
    data.__dict__["hash"] = known_hash  # the value of the cached property, so that it is not computed again
    return data


def _mapped(file: Path) -> np.ndarray:
    """The array in a file; a plain array, because indexing one of the class ``memmap`` takes twice the time."""
    return np.asarray(np.load(file, mmap_mode="r"))


def read_summary(folder: Path) -> DataSummary:
    """What the record reports about the data in a prepared folder."""
    return DataSummary(**json.loads((folder / "meta.json").read_text(encoding="utf8"))["summary"])
