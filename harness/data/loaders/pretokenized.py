"""Rows of words with one answer: the words are taken as they are, without a tokenizer."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from harness.data.dataset import Dataset
from harness.data.loaders.columns import row_name
from harness.data.loaders.splits import Part
from harness.data.loaders.tagging import lists_of, with_preparation
from harness.data.loaders.targets import Target, answered_splits
from harness.data.loaders.text_rows import CLASSES, flat_ids
from harness.data.preparation import WordPreparation
from harness.data.split import Split
from harness.data.unseen import set_apart
from harness.data.word_lists import check_settings
from harness.errors import UserError


def read_pretokenized(frame: pd.DataFrame, where: str, tokens: str, target: Target, unlabelled: str = "drop") -> Part:
    """The words and the answer of each row of a table; words are a list, or a text in which spaces separate them.

    Raises:
        UserError: a column or a word is missing, or with ``unlabelled=error`` an answer; the message names the row,
            counted from 1.
    """
    rows = lists_of(frame, tokens, "data.tokens", where, may_be_blank=True)
    for index, words in enumerate(rows):
        if None in words or "" in words:
            raise UserError(f"data: {where}, {row_name(where, index)} has an empty word in {tokens!r}; remove it")
    return rows, target.read(frame, where, unlabelled)


def encode_pretokenized(
    parts: Mapping[str, Part | None],
    *,
    source: str,
    tokens: str,
    target: Target = CLASSES,
    vocabulary_size: int = 20_000,
    max_length: int = 256,
    truncate: str = "head",
    validation_share: float = 0.1,
    test_share: float = 0.2,
    limit: int | None = None,
    train_limit: int | None = None,
) -> Dataset:
    """Ids and characters of the words of each row, and its answer; ``tokens`` is the column of words.

    The settings are those of ``encode`` and, for words, of ``encode_tagged``.
    """
    check_settings(truncate, max_length, vocabulary_size)
    words, y, answers, found = answered_splits(parts, target, validation_share, test_share, limit, source, train_limit)
    preparation = WordPreparation.learn(words, (tokens,), vocabulary_size, max_length, truncate)
    ids = {role: flat_ids(preparation.encode(rows), len(rows)) for role, rows in words.items()}
    splits: dict[str, Any] = {role: Split(x_T, offsets, y[role]) for role, (x_T, offsets) in ids.items()}
    empty = {role: sum(not row for row in rows) for role, rows in words.items()}
    notes = {**found, "empty_texts": empty}
    data = Dataset(**splits, **answers, vocabulary=preparation.vocabulary, source=source, notes=notes)
    return with_preparation(set_apart(data), words, preparation)
