"""Rows of words with one class: the words are taken as they are, without a tokenizer."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from harness.data.dataset import Dataset, from_sequences
from harness.data.loaders.columns import class_of, column, label_names, refuse_lists, refuse_unlabelled_rows, row_name
from harness.data.loaders.splits import Part, class_names, complete_splits, labelled_rows, repeated_rows
from harness.data.loaders.tagging import lists_of, with_preparation
from harness.data.preparation import WordPreparation
from harness.data.word_lists import check_settings
from harness.errors import UserError


def read_pretokenized(frame: pd.DataFrame, where: str, tokens: str, label: Any, unlabelled: str = "drop") -> Part:
    """The words and the class of each row of a table; words are a list, or a text in which spaces separate them.

    Raises:
        UserError: a column or a word is missing, or with ``unlabelled=error`` a class; the message names the row,
            counted from 1.
    """
    rows = lists_of(frame, tokens, "data.tokens", where, may_be_blank=True)
    for index, words in enumerate(rows):
        if None in words or "" in words:
            raise UserError(f"data: {where}, {row_name(where, index)} has an empty word in {tokens!r}; remove it")
    labels = column(frame, label, "data.label", where, may_be_missing=True)
    refuse_lists(labels, where, "data.label", "give one class, or set data.tags for a tag for each word")
    names = label_names(labels)
    refuse_unlabelled_rows(names, label, where, unlabelled)
    return rows, names


def encode_pretokenized(
    parts: Mapping[str, Part | None],
    *,
    source: str,
    tokens: str,
    vocabulary_size: int = 20_000,
    max_length: int = 256,
    truncate: str = "head",
    validation_share: float = 0.1,
    test_share: float = 0.2,
    limit: int | None = None,
    train_limit: int | None = None,
) -> Dataset:
    """Ids and characters of the words of each row, and its class; ``tokens`` is the column of words.

    The settings are those of ``encode`` and, for words, of ``encode_tagged``.
    """
    check_settings(truncate, max_length, vocabulary_size)
    rows, found = _classified_splits(parts, validation_share, test_share, limit, source, train_limit)
    words = {role: inputs for role, (inputs, _) in rows.items()}
    preparation = WordPreparation.learn(words, (tokens,), vocabulary_size, max_length, truncate)
    ids = {role: (preparation.encode(inputs), rows[role][1]) for role, inputs in words.items()}
    empty = {role: sum(not row for row in inputs) for role, inputs in words.items()}
    notes = {**found, **repeated_rows(rows), "empty_texts": empty}
    data = from_sequences(
        ids["train"], ids["validation"], ids["test"], classes=class_names(rows["train"][1]),
        vocabulary=preparation.vocabulary, source=source, notes=notes,
    )  # fmt: skip
    return with_preparation(data, words, preparation)


def _classified_splits(
    parts: Mapping[str, Part | None],
    validation: float,
    test: float,
    limit: int | None,
    source: str,
    train_limit: int | None,
) -> tuple[dict[str, Part], dict[str, Any]]:
    """The rows of all three splits that have a class, with its name, and the notes about them.

    The settings are those of ``complete_splits``.
    """
    labelled, dropped = labelled_rows(parts)
    name_of = class_of(label for part in labelled.values() if part for label in part[1])
    named = {role: part and (part[0], [name_of[label] for label in part[1]]) for role, part in labelled.items()}
    rows, rare = complete_splits(named, validation, test, limit, source, True, train_limit)
    return rows, {**dropped, **rare}
