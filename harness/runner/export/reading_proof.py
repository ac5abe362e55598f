"""The proof that an exported folder makes the same ids of rows, and of characters, as its run did."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from harness.data import Dataset
from harness.data.preparation import TextPreparation, WordPreparation, all_texts
from harness.errors import UserError
from harness.runner.export.answering.rows import reader_of

TRAPS = (
    "", " ", "\n", "a", "[PAD] [UNK] [SEP]", "It's, DON\u2019T \u2019quoted\u2019 \u00e9\u2019s",
    "cafe\u0301\u2019s e\u0301 \u0301a", "\u039f\u0394\u039f\u03a3 \u03a3\u0391\u03a3 \u02b0\u03a3 \u039f'\u03a3",
    "a<br />b<BR />c<br/>", "<br />\u0338 x", "\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 ok",
    "\u4e2d\u6587\u548c\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u30fc",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u1019\u103c\u1014\u103a\u1019\u102c \u1781\u17d2\u1798\u17c2\u179a",
    "\u200d\u00a0\u2028\ufeff", "\u0130I \u00df \u1e9e \u0149 \ufb01", "a\u0000b\tc\r\n", "1/2 \u00bd \u2167 \u00b2",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0939\u093f\u0928\u094d\u0926\u0940 \u1112\u1161\u11ab",
    "x" * 3000, "a b. \u00e9 " * 1500,
)  # fmt: skip
"""Texts that tokenizers stumble over: scripts, marks, emoji, breaks, special tokens, empty and long ones."""


def prove_reading(folder: Path, data: Dataset, rows: Sequence[Any]) -> int:
    """Check that a folder reads these rows as the run of ``data`` does, and ``TRAPS`` beside them.

    Returns:
        The number of rows that were compared; 0 where the run keeps no texts or words.

    Raises:
        UserError: a row is read otherwise.
    """
    preparation = data.preparation
    if not isinstance(preparation, TextPreparation | WordPreparation):
        return 0
    rows = [*rows, *traps(preparation)]
    found = reader_of(folder).sequences(rows)
    wanted = preparation.encode([_as_read(preparation, row) for row in rows])
    for row, expected, (ids, *_) in zip(rows, wanted, found, strict=True):
        if list(ids) != list(expected) and not _newer(row):
            raise _otherwise(row, list(ids), list(expected))
    if isinstance(preparation, WordPreparation) and data.train.characters is not None:
        _prove_characters(preparation, rows, [characters_LW for _, characters_LW in found])
    return len(rows)


def _prove_characters(preparation: WordPreparation, rows: Sequence[Any], found: Sequence[np.ndarray]) -> None:
    wanted = preparation.spell(rows)
    expected_TW = wanted.table_SW[wanted.spelling_T]
    ends = np.cumsum([len(characters_LW) for characters_LW in found])
    for row, own_LW, expected_LW in zip(rows, found, np.split(expected_TW, ends[:-1]), strict=True):
        if not np.array_equal(own_LW, expected_LW):
            raise _otherwise(row, own_LW.tolist(), expected_LW.tolist())


def _otherwise(row: Any, found: list[Any], expected: list[Any]) -> UserError:
    return UserError(
        f"the exported folder reads a row otherwise than the run did: {str(row)[:200]!r} becomes {found[:20]} instead "
        f"of {expected[:20]}"
    )


def traps(preparation: TextPreparation | WordPreparation) -> list[Any]:
    """``TRAPS`` as rows of a preparation."""
    if isinstance(preparation, WordPreparation):
        return [text.split() for text in TRAPS]
    columns = len(preparation.columns)
    texts = [*TRAPS, f"a{preparation.line_break or ''}b"]
    return texts if columns == 1 else [(*pair, *texts[: columns - 2]) for pair in product(texts, repeat=2)]


def _as_read(preparation: TextPreparation | WordPreparation, row: Any) -> Any:
    """A row as a loader reads it from a file: a line break is a space."""
    if isinstance(preparation, WordPreparation) or not preparation.line_break:
        return row
    texts = (text.replace(preparation.line_break, " ") for text in all_texts([row]))
    return next(texts) if isinstance(row, str) else tuple(texts)


def _newer(row: Any) -> bool:
    """Whether a row has characters of which Python and the library know different versions of Unicode."""
    from tokenizers import normalizers

    compose = normalizers.NFC().normalize_str
    return any(_unknown(text) or compose(text) != unicodedata.normalize("NFC", text) for text in _texts(row))


def _unknown(text: str) -> bool:
    return any(unicodedata.category(character) == "Cn" for character in text)


def _texts(row: Any) -> Iterator[str]:
    yield from ([row] if isinstance(row, str) else row)
