"""Prepared data on disk: made once, opened by every run, and never stale, because its key covers the source's content.

A loader is a function that returns a ``Dataset``. One that is slow says what its result depends on, through
``@cached_by(key)``: ``key`` takes the loader's own arguments and returns a string; equal strings mean equal data. What
a loader without a key returns is stored under its own hash, only to be handed to the training process.
"""

import dataclasses
import hashlib
import inspect
import json
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock

from harness.data.characters import Characters
from harness.data.dataset import Dataset, Split
from harness.errors import UserError
from harness.records import store
from harness.records.record import DataSummary

CHARACTERS = ("spelling_NL", "table_SW")
FORMAT = "3"
"""To be raised when what is stored, or what preparation does, changes."""

Loader = TypeVar("Loader", bound=Callable[..., Dataset])


def cached_by(key: Callable[..., str]) -> Callable[[Loader], Loader]:
    """Mark a loader as worth caching under ``key(**arguments)``."""

    def mark(loader: Loader) -> Loader:
        loader.cache_key = key  # type: ignore[attr-defined]
        return loader

    return mark


def prepare(loader: Callable[..., Dataset], arguments: dict[str, Any], cache: Path) -> Path:
    """The folder with the loader's data, prepared unless it is there already.

    Raises:
        UserError: what the loader returned is not a data set that can be compared on.
    """
    cache.mkdir(parents=True, exist_ok=True)
    key = getattr(loader, "cache_key", None)
    if key is None:
        data = _load(loader, arguments)
        folder = cache / _name(data.source or loader.__module__, data.hash)
        return _once(folder, lambda: data)
    try:
        text = f"{FORMAT} {loader.__module__}.{loader.__qualname__} {key(**arguments)} {_code(loader)} {_versions()}"
    except TypeError as error:
        raise _argument_mistake(loader, error) from None
    folder = cache / _name(str(arguments.get("source", "")), hashlib.sha256(text.encode()).hexdigest())
    return _once(folder, lambda: _load(loader, arguments))


def _once(folder: Path, make: Callable[[], Dataset]) -> Path:
    """Let the first of several processes fill the folder, and the others wait for it."""
    with FileLock(f"{folder}.lock"):
        if not (folder / "meta.json").exists():
            _store(make(), folder)
    return folder


def _load(loader: Callable[..., Dataset], arguments: dict[str, Any]) -> Dataset:
    try:
        inspect.signature(loader).bind(**arguments)
    except TypeError as error:
        raise _argument_mistake(loader, error) from None
    try:
        data = loader(**arguments)
    except UserError:
        raise
    except (TypeError, ValueError) as error:
        if not loader.__module__.startswith("harness."):
            raise  # somebody's own loader: where it failed is what its author wants to know
        said = str(error).splitlines()[0]
        raise UserError(f"data: {loader.__qualname__} cannot work with these settings: {said}") from error
    if not isinstance(data, Dataset):
        name = f"{loader.__module__}.{loader.__qualname__}"
        raise UserError(f"data: {name} must return a harness.data.Dataset, and returned {type(data).__name__}")
    data.check()
    return data


def _argument_mistake(loader: Callable[..., Dataset], error: TypeError) -> UserError:
    return UserError(f"data: {loader.__module__}.{loader.__qualname__} was called wrongly: {error}")


def _code(loader: Callable[..., Dataset]) -> str:
    """What the preparation itself does is part of the key: changed code makes no use of what old code left."""
    folder = Path(inspect.getfile(loader)).parent
    files = sorted(folder.glob("*.py")) if folder == Path(__file__).parent else [Path(inspect.getfile(loader))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _versions() -> list[str]:
    """Of the libraries that prepare: another one may read or split otherwise."""
    return [metadata.version(name) for name in ("conllu", "datasets", "numpy", "pandas", "scikit-learn", "tokenizers")]


def _name(source: str, key: str) -> str:
    readable = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in source)
    return f"{readable.strip('-.')[-40:]}-{key[:16]}".lstrip("-")


def _store(data: Dataset, folder: Path) -> None:
    """Write the data beside its place and move it there whole."""
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, split in data.splits.items():
        for part in ("x", "length_N", "y"):
            np.save(temporary / f"{name}.{part}.npy", getattr(split, part))
        if split.characters is not None:
            for part in CHARACTERS:
                np.save(temporary / f"{name}.{part}.npy", getattr(split.characters, part))
    kept = ("classes", "vocabulary", "source", "notes", "task", "tolerance", "alphabet")
    meta = {name: getattr(data, name) for name in kept}
    store.write_json(temporary / "meta.json", {**meta, "hash": data.hash, "summary": dataclasses.asdict(data.summary())})
    temporary.rename(folder)


def open_prepared(folder: Path, characters: bool = True) -> Dataset:
    """The data set that ``prepare`` left in a folder, read into memory; its words' characters only with ``characters``."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf8"))
    known_hash, _ = meta.pop("hash"), meta.pop("summary")
    spelled = characters and bool(meta["alphabet"])
    splits: dict[str, Any] = {
        name: Split(
            **{part: np.load(folder / f"{name}.{part}.npy") for part in ("x", "length_N", "y")},
            characters=Characters(*(np.load(folder / f"{name}.{part}.npy") for part in CHARACTERS)) if spelled else None,
        )
        for name in ("train", "validation", "test")
    }
    data = Dataset(**splits, **meta)
    data.__dict__["hash"] = known_hash  # what the cached property would compute again
    return data


def read_hash(folder: Path) -> str:
    """The hash of the data in a prepared folder, without opening its arrays."""
    return json.loads((folder / "meta.json").read_text(encoding="utf8"))["hash"]


def read_summary(folder: Path) -> DataSummary:
    """What the record says about the data in a prepared folder."""
    return DataSummary(**json.loads((folder / "meta.json").read_text(encoding="utf8"))["summary"])
