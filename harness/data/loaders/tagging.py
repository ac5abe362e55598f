"""Words with a tag each: read from tables, encoded as ids of words, characters of words, and a class for every word.

Dimension letters: N sequences, L length.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from harness.data.dataset import IGNORED, UNKNOWN, Dataset, from_sequences
from harness.data.examples import some_rows
from harness.data.loaders.columns import class_of, column, refuse_unlabelled_rows, row_name
from harness.data.loaders.splits import (
    Part,
    class_names,
    complete_splits,
    labelled_rows,
    refuse_unique_labels,
    repeated_rows,
)
from harness.data.overlap import unknown_shares
from harness.data.preparation import WordPreparation
from harness.data.word_lists import Words, check_settings, kept_steps
from harness.errors import UserError

WRITTEN_LIST = re.compile(r"""\[(['"]|-?\d+(,\s*|\s+)-?\d).*\]""", re.DOTALL)
"""A list as Python or numpy prints it; to split it at spaces would give wrong words."""
NESTED = (list, tuple, dict, np.ndarray)
BETWEEN_WORDS = re.compile(r"[ \t\r\n]+")
"""Other spaces, such as the no-break space, are characters of words."""


def read_tagged(frame: pd.DataFrame, where: str, tokens: str, tags: str, unlabelled: str = "drop") -> Part:
    """The words and the tags of each row of a table: lists, or texts separated by spaces.

    A word does not count if its tag is missing, or is -100 as in many files: its tag becomes None. The label of a row
    is None if all its tags are missing; such rows are refused if ``unlabelled`` is ``error``.

    Raises:
        UserError: a column is missing; or a row has no word, different numbers of words and tags, or a list written as
            text: the message names the row, counted from 1.
    """
    words_of = lists_of(frame, tokens, "data.tokens", where)
    given = lists_of(frame, tags, "data.tags", where, may_be_missing=True)
    tags_of = [tuple(tag and tag.strip() for tag in row) for row in given]  # "O " is no class beside "O"
    labels: list[Any] = []
    for index, (row_words, row_tags) in enumerate(zip(words_of, tags_of, strict=True)):
        row = f"data: {where}, {row_name(where, index)}"
        if not row_words or {None, ""} & {*row_words} or "" in row_tags:
            raise UserError(f"{row} has no word, or a word or a tag without text; correct or remove the row")
        if not set(row_tags) - {None}:
            labels.append(None)
            continue
        if len(row_words) != len(row_tags):
            counts = f"{len(row_words)} in {tokens!r} and {len(row_tags)} in {tags!r}"
            raise UserError(f"{row} has {counts}; every word needs one tag")
        labels.append(tuple(None if tag == str(IGNORED) else tag for tag in row_tags))
    refuse_unlabelled_rows(labels, tags, where, unlabelled)
    return words_of, labels


def lists_of(
    frame: pd.DataFrame, name: str, key: str, where: str, may_be_blank: bool = False, may_be_missing: bool = False
) -> list[tuple[str | None, ...]]:
    """The list in each row of a column; ``key`` is the setting that names the column.

    Raises:
        UserError: the column is missing, or a row has a list written as text, or a list of lists or objects.
    """
    values = column(frame, name, key, where, may_be_blank, may_be_missing)
    for index, value in enumerate(values):
        if isinstance(value, str) and WRITTEN_LIST.fullmatch(value.strip()):
            raise UserError(
                f"data: {where}, {row_name(where, index)} has a list written as text in {name!r}, set by {key}; "
                "separate words by spaces, or save the table as jsonl or parquet, which can hold lists"
            )
        if isinstance(value, dict) or (isinstance(value, NESTED) and any(isinstance(one, NESTED) for one in value)):
            raise UserError(
                f"data: {where}, {row_name(where, index)} has lists or objects inside {name!r}, set by {key}; give "
                "each row one list of texts: the words, or the tags, of one sentence"
            )
    return [as_words(value) for value in values]


def as_words(value: Any) -> tuple[str | None, ...]:
    """The words of a list, or of a text in which spaces separate them; None for one that is missing."""
    if isinstance(value, str):
        stripped = value.strip(" \t\r\n")
        return tuple(BETWEEN_WORDS.split(stripped)) if stripped else ()
    try:
        return tuple(item_text(one) for one in value)
    except TypeError:  # neither a list nor a text, such as a number
        return (item_text(value),)


def item_text(value: Any) -> str | None:
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
    tokens: str = "words",
) -> Dataset:
    """Ids of words, which keep their upper case, a class for each word, and the characters of words.

    ``vocabulary_size`` counts the most frequent words of train, ``[PAD]`` and ``[UNK]`` included; the alphabet holds
    all characters of train. ``truncate`` names the side of a longer sentence that is kept: its ``head`` or its
    ``tail``. ``limit`` samples at most that many rows of each split, ``train_limit`` of train alone
    (``splits.nested_rows``). ``column`` is the setting that names the tags, for messages; ``tokens`` is the
    column of words, which is kept for new rows. Rows whose label is None are left out. Tags that only validation or
    test has become ``unseen``; splits that are cut leave train every tag where they can.
    """
    check_settings(truncate, max_length, vocabulary_size)
    labelled, dropped = labelled_rows(parts)
    kept = kept_steps(truncate, max_length)
    name_of: dict[Any, Any] = class_of(
        tag for part in labelled.values() if part for row in part[1] for tag in row if tag is not None
    )
    rows, rare = complete_splits(
        labelled, validation_share, test_share, limit, source, False, train_limit,
        labels_of=lambda tags: {*tags[kept]} - {None},
    )  # fmt: skip
    words = {role: inputs for role, (inputs, _) in rows.items()}
    preparation = WordPreparation.learn(words, (tokens,), vocabulary_size, max_length, truncate)
    tags = {role: [tuple(map(name_of.get, row[kept])) for row in labels] for role, (_, labels) in rows.items()}
    of_train = [tag for row in tags["train"] for tag in row if tag is not None]
    refuse_unique_labels(of_train, source, column)
    splits: dict[str, Any] = {role: (preparation.encode(words[role]), tags[role]) for role in rows}
    untagged = {role: sum(row.count(None) for row in labels) for role, labels in tags.items()}
    notes = {**dropped, **rare, **repeated_rows(rows)}
    if any(untagged.values()):
        notes["untagged_words"] = untagged
    names = preparation.vocabulary
    data = from_sequences(**splits, classes=class_names(of_train), vocabulary=names, source=source, notes=notes)
    return with_preparation(data, words, preparation)


def with_preparation(data: Dataset, words: Mapping[str, Sequence[Words]], preparation: WordPreparation) -> Dataset:
    """The data with the characters of its words, by split, and with what made its ids."""
    splits: dict[str, Any] = {
        role: replace(split, characters=preparation.spell(words[role]))
        for role, split in data.splits.items()
    }
    notes = {**data.notes, "unknown_tokens": unknown_shares(data.splits, UNKNOWN)}
    made = replace(data, **splits, alphabet=preparation.alphabet, preparation=preparation, notes=notes)
    return replace(made, examples=some_rows(words))
