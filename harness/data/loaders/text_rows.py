"""Rows of texts with one label: read from tables, encoded as token ids.

Dimension letters: N rows, T tokens of all of them together.
"""

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from harness.data.dataset import UNKNOWN, Dataset
from harness.data.examples import some_rows
from harness.data.flat import offsets_of
from harness.data.loaders.columns import column, refuse_lists
from harness.data.loaders.splits import Part
from harness.data.loaders.targets import Target, answered_splits
from harness.data.overlap import unknown_shares
from harness.data.preparation import TextPreparation, all_texts
from harness.data.split import Split
from harness.data.tokenizers import NAMES, special_tokens, train_tokenizer
from harness.data.unseen import set_apart
from harness.data.word_lists import check_settings

CLASSES = Target()


def read_labelled_texts(
    frame: pd.DataFrame, where: str, columns: Sequence[str], target: Target, line_break: str | None, unlabelled: str
) -> Part:
    """The texts and the class of each row of a table, as ``read_texts`` reads them; None is no class.

    Raises:
        UserError: a column or a text is missing, or with ``unlabelled=error`` a class; the message names the row,
            counted from 1.
    """
    return read_texts(frame, where, columns, line_break), target.read(frame, where, unlabelled)


def read_texts(
    frame: pd.DataFrame, where: str, columns: Sequence[str], line_break: str | None, may_be_missing: bool = False
) -> list[str] | list[tuple[str, ...]]:
    """The text of each row, or a tuple of the texts of several columns; in these, a missing text is an empty one.

    With ``may_be_missing`` a missing text of one column is None.

    Raises:
        UserError: a column is missing, or a text; the message names the row, counted from 1.
    """
    several = len(columns) > 1
    texts = []
    for name in columns:
        own = column(frame, name, "data.text", where, may_be_blank=True, may_be_missing=several or may_be_missing)
        refuse_lists(own, where, "data.text", "give one text, or set data.tokens for words")
        if several:
            own = own.astype(object).where(own.notna(), "")
        missing = own.isna()
        own = own.astype(str)
        own = own.str.replace(line_break, " ", regex=False) if line_break else own
        texts.append(own.astype(object).where(~missing, None).tolist() if missing.any() else own.tolist())
    return list(zip(*texts, strict=True)) if several else texts[0]


def encode(
    parts: dict[str, Part | None],
    *,
    source: str,
    target: Target = CLASSES,
    columns: Sequence[str] = ("text",),
    line_break: str | None = None,
    tokenizer: str = "words",
    punctuation: bool = False,
    vocabulary_size: int = 20_000,
    max_length: int = 256,
    truncate: str = "head",
    validation_share: float = 0.1,
    test_share: float = 0.2,
    limit: int | None = None,
    train_limit: int | None = None,
) -> Dataset:
    """Token ids for texts, by the tokenizer that ``data.tokenizer`` names (``harness.data.tokenizers``).

    Rows whose label is None are left out. Labels that only validation or test has become ``unseen``.
    ``columns`` are those of the texts; ``line_break``, which is a space in them by now, is kept for new rows.
    ``vocabulary_size`` counts the most frequent tokens of train, special ones such as ``[PAD]`` included. ``truncate``
    names the side of a longer text that is kept: its ``head`` or its ``tail``. ``limit`` samples at most that many rows
    of each split, ``train_limit`` of train alone (``splits.nested_rows``). ``target`` says
    what texts are answered with.
    """
    check_settings(truncate, max_length, vocabulary_size)
    rows, y, answers, found = answered_splits(
        parts, target, validation_share, test_share, limit, source, train_limit
    )
    texts, special = all_texts(rows["train"]), special_tokens(len(columns) - 1)
    learned = train_tokenizer(tokenizer, texts, vocabulary_size, special, punctuation)
    name = tokenizer if tokenizer in NAMES else "file"
    preparation = TextPreparation(learned, name, punctuation, tuple(columns), line_break, max_length, truncate)
    splits: dict[str, Any] = {}
    for role, inputs in rows.items():
        x_T, offsets = flat_ids(preparation.encode(inputs), len(inputs))
        splits[role] = Split(x_T, offsets, y[role])
    empty = {role: int((split.length_N == 0).sum()) for role, split in splits.items()}
    notes = {**found, "empty_texts": empty}
    notes["unknown_tokens"] = unknown_shares(splits, UNKNOWN)
    data = set_apart(Dataset(**splits, **answers, vocabulary=learned.vocabulary, source=source, notes=notes))
    all_rows = {role: all_texts(inputs) for role, inputs in rows.items()}
    return replace(data, preparation=preparation, rows_hash=rows_hash(all_rows, data), examples=some_rows(rows))


def rows_hash(texts: Mapping[str, Sequence[str]], data: Dataset) -> str:
    """SHA-256 over what a data set asks and answers, whichever tokenizer reads it: texts, labels, splits, the task.

    ``texts`` are those of each split, of several columns one after another. Runs of equal hashes have the same rows in
    the same order, so that they can be compared row by row.
    """
    digest = hashlib.sha256()
    for role, split in data.splits.items():
        digest.update(f"{role} {len(split)} {split.y.dtype} {split.y.shape}".encode())
        for text in texts[role]:
            content = text.encode("utf8", "surrogatepass")
            digest.update(b"%d " % len(content) + content)
        digest.update(np.ascontiguousarray(split.y).tobytes())
    answers = [data.task, data.classes, data.unseen, data.tolerance, data.label_scale]
    digest.update(json.dumps(answers).encode())
    return digest.hexdigest()


def flat_ids(rows: Iterable[Sequence[int]], count: int) -> tuple[np.ndarray, np.ndarray]:
    """The ids ``x_T`` of ``count`` rows and where each row begins."""
    x_T, length_N = array("i"), np.zeros(count, np.int64)
    for row, ids in enumerate(rows):
        x_T.extend(ids)
        length_N[row] = len(ids)
    return np.asarray(x_T), offsets_of(length_N)
