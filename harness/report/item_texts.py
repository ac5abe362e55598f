"""The texts of test items, from the prepared data, as far as these are still in the cache."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from harness import data
from harness.data.cache import damage
from harness.data.preparation_files import SETTINGS
from harness.data.tokenizers import WORD_START
from harness.errors import UserError
from harness.records import store
from harness.records.record import Record

MOST_TOKENS = 400
UNREADABLE = (UserError, OSError, ValueError, LookupError, TypeError, AttributeError)


def texts(record: Record, rows: Iterable[int]) -> dict[int, str]:
    """The text of each of these rows of the test split of a run.

    Empty where the prepared data are gone or damaged, or where sequences are features and not tokens.
    """
    for folder in _folders(record):
        try:
            if data.read_summary(folder).hash == record.data.hash and damage(folder) is None:
                return _texts(folder, rows)
        except UNREADABLE:
            continue
    return {}


def _folders(record: Record) -> Iterator[Path]:
    """Folders of prepared data: of the run's cache, and of the one beside its record, if both were moved."""
    caches = [store.output_dir_of(record) / "cache"]
    if setting := record.config.get("cache_dir"):
        caches.append(Path(setting).absolute())
    for cache in dict.fromkeys(caches):
        yield from sorted(file.parent for file in cache.glob("*/meta.json"))


def _texts(folder: Path, rows: Iterable[int]) -> dict[int, str]:
    dataset = data.open_prepared(folder, characters=False)
    if not dataset.tokens:
        return {}
    settings = folder / SETTINGS
    tokenizer = store.load_json(settings).get("name", "words") if settings.exists() else "words"
    return {row: _text(dataset.test.sequence(row), dataset.vocabulary, tokenizer) for row in rows}


def _text(ids_L: np.ndarray, vocabulary: list[str], tokenizer: str) -> str:
    tokens = [vocabulary[number] for number in ids_L[:MOST_TOKENS]]
    end = " …" if len(ids_L) > MOST_TOKENS else ""
    if tokenizer == "bytes":
        first = len(vocabulary) - 256
        known = bytes(int(number) - first for number in ids_L[:MOST_TOKENS] if number >= first)
        return known.decode("utf8", "replace") + end
    if tokenizer == "characters":
        return "".join(tokens) + end
    if tokenizer == "subwords":
        return "".join(tokens).replace(WORD_START, " ").strip() + end
    return " ".join(tokens) + end
