"""Words with a tag each: read from tables, encoded as ids of words, characters of words, and a class for every word.

Dimension letters: N sequences, L length.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from harness.data.characters import LONGEST_WORD, make_alphabet, spell
from harness.data.dataset import IGNORED, SPECIAL, UNKNOWN, Dataset, from_sequences
from harness.data.loaders.columns import column, row_name
from harness.data.loaders.splits import Part, class_names, complete_splits, repeated_rows
from harness.data.tokenizers import Words, check_settings, kept_steps, normalise_words, word_vocabulary
from harness.errors import UserError

WRITTEN_LIST = re.compile(r"""\[(['"]|-?\d+(,\s*|\s+)-?\d).*\]""", re.DOTALL)
"""A list as Python or numpy prints it; to split it at spaces would give wrong words."""


def read_tagged(frame: pd.DataFrame, where: str, tokens: str, tags: str) -> Part:
    """The words and the tags of each row of a table: lists, or texts separated by spaces.

    A tag of -100, which many files contain, becomes None: the word does not count.

    Raises:
        UserError: a column is missing; or a row has no word, different numbers of words and tags, or a list written as
            text: the message names the row, counted from 1.
    """
    words_of = _lists(frame, tokens, "data.tokens", where)
    tags_of = _lists(frame, tags, "data.tags", where)
    for index, (row_words, row_tags) in enumerate(zip(words_of, tags_of, strict=True)):
        row = f"data: {where}, {row_name(where, index)}"
        if len(row_words) != len(row_tags):
            counts = f"{len(row_words)} in {tokens!r} and {len(row_tags)} in {tags!r}"
            raise UserError(f"{row} has {counts}; every word needs one tag")
        if not row_words or {None, ""} & {*row_words, *row_tags}:
            raise UserError(f"{row} has no word, or a word without a tag; correct or remove the row")
    return words_of, [tuple(None if tag == str(IGNORED) else tag for tag in row_tags) for row_tags in tags_of]


def _lists(frame: pd.DataFrame, name: str, key: str, where: str) -> list[tuple[str | None, ...]]:
    """The list in each row of a column; ``key`` is the setting that names the column."""
    values = column(frame, name, key, where)
    for index, value in enumerate(values):
        if isinstance(value, str) and WRITTEN_LIST.fullmatch(value.strip()):
            raise UserError(
                f"data: {where}, {row_name(where, index)} has a list written as text in {name!r}, set by {key}; "
                "separate words by spaces, or save the table as jsonl or parquet, which can hold lists"
            )
    return [_as_words(value) for value in values]


def _as_words(value: Any) -> tuple[str | None, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    try:
        return tuple(_text(one) for one in value)
    except TypeError:  # neither a list nor a text, such as a number
        return (_text(value),)


def _text(value: Any) -> str | None:
    """An item of a list as text, or None if missing; 1.0 is "1", because a missing item turns its row into floats."""
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
    train_limit: int | None = None,
    column: str = "data.tags",
) -> Dataset:
    """Ids of words, which keep their upper case, a class for each word, and the characters of words.

    ``vocabulary_size`` counts the most frequent words of train, ``[PAD]`` and ``[UNK]`` included; the alphabet holds
    all characters of train. ``truncate`` names the side of a longer sentence that is kept: its ``head`` or its
    ``tail``. ``limit`` samples at most that many rows of each split, ``train_limit`` of train alone
    (``splits.nested_rows``). ``column`` is the setting that names the tags, for messages.
    """
    check_settings(truncate, max_length, vocabulary_size)
    rows = complete_splits(parts, validation_share, test_share, limit, source, False, train_limit)
    kept = kept_steps(truncate, max_length)
    words = {role: [normalise_words(row[kept]) for row in inputs] for role, (inputs, _) in rows.items()}
    tags = {role: [row[kept] for row in labels] for role, (_, labels) in rows.items()}
    counted = {role: [tag for row in labels for tag in row if tag is not None] for role, labels in tags.items()}
    classes = class_names(counted, source, column)
    vocabulary = word_vocabulary(words["train"], vocabulary_size)
    id_of = {word: index for index, word in enumerate(vocabulary)}
    ids = {role: [[id_of.get(word, UNKNOWN) for word in row] for row in inputs] for role, inputs in words.items()}
    splits: dict[str, Any] = {role: (ids[role], tags[role]) for role in rows}
    data = from_sequences(
        **splits, classes=classes, vocabulary=vocabulary, source=source, notes=repeated_rows(rows)
    )  # fmt: skip
    return _with_characters(data, words)


def _with_characters(data: Dataset, words: Mapping[str, Sequence[Words]]) -> Dataset:
    alphabet = make_alphabet(words["train"], SPECIAL)
    longest = max(len(word) for sentences in words.values() for row in sentences for word in row)
    width = min(LONGEST_WORD, max(1, longest))
    splits: dict[str, Any] = {
        role: replace(split, characters=spell(words[role], alphabet, split.x.shape[1], width, UNKNOWN))
        for role, split in data.splits.items()
    }
    return replace(data, **splits, alphabet=alphabet)
