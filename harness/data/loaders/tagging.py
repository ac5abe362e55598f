"""Words with a tag each, from tables to numbers: ids of words, their characters, and a class for every position.

Dimension letters: N sequences, L length.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from harness.data.characters import LONGEST_WORD, make_alphabet, spell
from harness.data.dataset import IGNORED, SPECIAL, UNKNOWN, Dataset, from_sequences
from harness.data.loaders.columns import (
    Part,
    check_lengths,
    class_names,
    column,
    kept_part,
    repeated,
    row_name,
    whole_splits,
)
from harness.errors import UserError

Words = tuple[str, ...]
WRITTEN_LIST = re.compile(r"""\[(['"]|-?\d+(,\s*|\s+)-?\d).*\]""", re.DOTALL)
"""A list as Python or numpy prints it, which no separator of words would take apart rightly."""


def read_tagged(frame: pd.DataFrame, where: str, tokens: str, tags: str) -> Part:
    """The words and the tags of each row of a table: lists, or texts with spaces between.

    A tag of -100, as many write it, marks a word that does not count: None.

    Raises:
        UserError: a column is not there, or a row has no word, or another number of words than of tags, or a list that
            was written as text; it is named, counted from 1.
    """
    words = _lists(frame, tokens, "data.tokens", where)
    named = _lists(frame, tags, "data.tags", where)
    for index, (some, theirs) in enumerate(zip(words, named, strict=True)):
        row = f"data: {where}, {row_name(where, index)}"
        if len(some) != len(theirs):
            counts = f"{len(some)} in {tokens!r} and {len(theirs)} in {tags!r}"
            raise UserError(f"{row} has {counts}; every word needs one tag")
        if not some or {None, ""} & {*some, *theirs}:
            raise UserError(f"{row} has no word, or a word without a tag; mend it or take the row out")
    return words, [tuple(None if tag == str(IGNORED) else tag for tag in theirs) for theirs in named]


def _lists(frame: pd.DataFrame, name: str, key: str, where: str) -> list[tuple[str | None, ...]]:
    """What each row of a column lists; ``key`` is the setting that named it."""
    values = column(frame, name, key, where)
    for index, value in enumerate(values):
        if isinstance(value, str) and WRITTEN_LIST.fullmatch(value.strip()):
            raise UserError(
                f"data: {where}, {row_name(where, index)} has a list written as text in {name!r}, set by {key}; "
                "write words with spaces between, or the table as jsonl or parquet, which hold lists"
            )
    return [_listed(value) for value in values]


def _listed(value: Any) -> tuple[str | None, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    try:
        return tuple(_text(one) for one in value)
    except TypeError:  # neither a list nor a text: one that stands alone
        return (_text(value),)


def _text(value: Any) -> str | None:
    """What stands in a list; a whole number alike where a gap in its row, which is None here, made all floats."""
    if value is None or value != value:
        return None
    return str(int(value)) if isinstance(value, (float, np.floating)) and value % 1 == 0 else str(value)


def encode_tagged(
    parts: Mapping[str, Part | None],
    *,
    source: str,
    vocabulary_size: int = 20_000,
    max_length: int = 256,
    truncate: str = "head",
    validation_share: float = 0.1,
    test_share: float = 0.2,
    limit: int | None = None,
    column: str = "data.tags",
) -> Dataset:
    """Ids of words as they are written, a class for each, and their characters.

    The vocabulary is the most frequent words of train, ``[PAD]`` and ``[UNK]`` included in its size; of characters, all
    of train. ``truncate`` says which side of a longer sentence is kept: its ``head`` or its ``tail``. ``limit`` keeps a
    sample of so many rows a split. ``column`` is the setting that named the tags, for what is said about them.
    """
    check_lengths(truncate, max_length, vocabulary_size)
    whole = whole_splits(parts, validation_share, test_share, limit, source, stratify=False)
    kept = kept_part(truncate, max_length)
    words = {role: [_normal(row[kept]) for row in rows] for role, (rows, _) in whole.items()}
    tags = {role: [row[kept] for row in rows] for role, (_, rows) in whole.items()}
    counted = {role: [tag for row in rows for tag in row if tag is not None] for role, rows in tags.items()}
    classes = class_names(counted, source, column)
    vocabulary = _vocabulary(words["train"], vocabulary_size)
    number = {word: index for index, word in enumerate(vocabulary)}
    numbered = {role: [[number.get(word, UNKNOWN) for word in row] for row in rows] for role, rows in words.items()}
    parts_of: dict[str, Any] = {role: (numbered[role], tags[role]) for role in whole}
    data = from_sequences(
        **parts_of,
        classes=classes, vocabulary=vocabulary, source=source, notes={"repeated_texts": repeated(whole)},
    )
    return _with_characters(data, words)


def _normal(words: Words) -> Words:
    """Composed characters; upper case tells a tagger much, and stays."""
    return tuple(unicodedata.normalize("NFC", word) for word in words)


def _vocabulary(sentences: Sequence[Words], size: int) -> list[str]:
    counts = Counter(word for words in sentences for word in words)
    special = set(SPECIAL)
    found = sorted((word for word in counts if word not in special), key=lambda word: (-counts[word], word))
    return [*SPECIAL, *found[: size - len(SPECIAL)]]


def _with_characters(data: Dataset, words: Mapping[str, Sequence[Words]]) -> Dataset:
    alphabet = make_alphabet(words["train"], SPECIAL)
    longest = max(len(word) for sentences in words.values() for row in sentences for word in row)
    width = min(LONGEST_WORD, max(1, longest))
    spelled: dict[str, Any] = {
        role: replace(split, characters=spell(words[role], alphabet, split.x.shape[1], width, UNKNOWN))
        for role, split in data.splits.items()
    }
    return replace(data, **spelled, alphabet=alphabet)
