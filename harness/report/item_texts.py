"""The texts of test items, from the prepared data, as far as these are still in the cache."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from harness import data
from harness.data.preparation_files import SETTINGS
from harness.data.prepared_of_run import UNREADABLE, prepared_of_run
from harness.data.tokenizers import WORD_START
from harness.records import store
from harness.records.record import Record

MOST_TOKENS = 400


def texts(record: Record, rows: Iterable[int]) -> dict[int, str]:
    """The text of each of these rows of the test split of a run.

    Empty where the prepared data are gone or damaged, or where sequences are features and not tokens.
    """
    folder = prepared_of_run(record)
    try:
        return {} if folder is None else _texts(folder, rows)
    except UNREADABLE:
        return {}


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
