"""The prepared data of a recorded run, as far as they are still in a cache."""

from collections.abc import Iterator
from pathlib import Path

from harness.data.cache import damage, read_summary
from harness.errors import UserError
from harness.records import store
from harness.records.record import Record

UNREADABLE = (UserError, OSError, ValueError, LookupError, TypeError, AttributeError)


def prepared_of_run(record: Record) -> Path | None:
    """The folder with the prepared data of a run; None where they are gone or damaged."""
    for folder in _folders(record):
        try:
            if read_summary(folder).hash == record.data.hash and damage(folder) is None:
                return folder
        except UNREADABLE:
            continue
    return None


def _folders(record: Record) -> Iterator[Path]:
    """Folders of prepared data: of the run's cache, and of the one beside its record, if both were moved."""
    caches = [store.output_dir_of(record) / "cache"]
    if setting := record.config.get("cache_dir"):
        caches.append(Path(setting).absolute())
    for cache in dict.fromkeys(caches):
        yield from sorted(file.parent for file in cache.glob("*/meta.json"))
