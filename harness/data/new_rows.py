"""New rows of data as a split, prepared as the rows of training were; a row may be missing.

Dimension letters: N rows, L steps, D feature width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.data.dataset import Dataset, unlabelled
from harness.data.flat import joined
from harness.data.loaders.json_files import whole_text
from harness.data.loaders.series import LARGEST, Series, check_values, without_padding
from harness.data.loaders.tagging import as_words
from harness.data.preparation import TextPreparation, WordPreparation, all_texts
from harness.data.series_preparation import SeriesPreparation
from harness.data.split import Split
from harness.errors import UserError

TOKENS, FEATURES = "tokens", "features"
"""The column of the rows where the data has no columns of its own: lists of tokens, or of feature vectors."""
Rows = Sequence[Any]
"""New rows: texts, or tuples of texts where the data has several columns; lists of words, or texts with spaces between
words; arrays of features ``LD``. None is a missing row."""


@dataclass(frozen=True)
class NewRows:
    """New rows as a split, in their order; its labels say nothing.

    A missing row is an empty sequence of it. ``whole_N`` counts the steps of each row before it was cut to what the
    model reads, which is the row's last part with ``keeps_tail``, else its first.
    """

    split: Split
    missing_N: np.ndarray
    whole_N: np.ndarray
    keeps_tail: bool = False

    @property
    def cut(self) -> int:
        """How many rows were cut."""
        return int((self.whole_N > self.split.length_N).sum())

    def unread(self) -> list[int]:
        """How many steps of each row were cut off."""
        found: list[int] = (self.whole_N - self.split.length_N).tolist()
        return found


def columns_of(data: Dataset) -> tuple[str, ...]:
    """The names of the columns that a model of this data reads."""
    named = tuple(map(str, getattr(data.preparation, "columns", ())))
    return named or ((TOKENS,) if data.tokens else (FEATURES,))


def encode_new(data: Dataset, rows: Rows, longest: int | None = None, first: int = 1) -> NewRows:
    """New rows as a split of ``data``, which may be without rows; ``longest`` is the most steps that the model reads.

    Raises:
        UserError: a row is not of the kind that ``data`` has; the message gives its number, counted from ``first``.
    """
    rows = list(rows)
    names = [f"row {number}" for number in range(first, first + len(rows))]
    missing_N = np.array([_is_missing(row) for row in rows], bool)
    preparation = data.preparation
    if longest is not None and isinstance(preparation, TextPreparation | WordPreparation):
        preparation = replace(preparation, max_length=min(preparation.max_length, longest))
    characters = None
    if isinstance(preparation, TextPreparation):
        width = len(preparation.columns)
        given = _checked(rows, names, missing_N, lambda row: _text(row, width), preparation.nothing)
        if mark := preparation.line_break:  # as where rows are read from tables
            replaced = [text.replace(mark, " ") for text in all_texts(given)]
            given = replaced if width == 1 else list(zip(*[iter(replaced)] * width, strict=True))
        counted = list(preparation.encode_and_count(given))
        x: list[Any] = [ids for ids, _ in counted]
        whole = [count for _, count in counted]
    elif isinstance(preparation, WordPreparation):
        words = _checked(rows, names, missing_N, _words, ())
        x, whole = preparation.encode(words), [len(row) for row in words]
        characters = None if data.train.characters is None else preparation.spell(words)
    else:
        nothing: Any = [] if data.tokens else np.zeros((0, data.width))
        x = _checked(rows, names, missing_N, _reader_of_steps(data), nothing)
        if isinstance(preparation, SeriesPreparation):
            check_values(Series(x, [None] * len(x), names), "new rows", preparation.missing)
            x = preparation.encode(x)
        whole, x = [len(row) for row in x], [row[:longest] for row in x]
    split = unlabelled(data, *joined(x, data.train.x.shape[1:], data.train.x.dtype), characters)
    return NewRows(split, missing_N, np.array(whole, np.int64), getattr(preparation, "truncate", "head") == "tail")


def _is_missing(row: Any) -> bool:
    return row is None or (isinstance(row, float) and row != row)  # pandas has NaN where a text is missing


def _checked(
    rows: Sequence[Any], names: Sequence[str], missing_N: np.ndarray, read: Callable[[Any], Any], nothing: Any
) -> list[Any]:
    """What ``read`` makes of each row, and ``nothing`` of a missing one; ``read`` raises what a row should be."""
    found = []
    for row, name, missing in zip(rows, names, missing_N, strict=True):
        try:
            found.append(nothing if missing else read(row))
        except (TypeError, ValueError) as error:
            raise UserError(f"predict: {name} {error}") from None
    return found


def _text(row: Any, columns: int) -> str | tuple[str, ...]:
    if columns == 1 and isinstance(row, str):
        return whole_text(row)
    if columns > 1 and isinstance(row, tuple | list) and len(row) == columns:
        texts = tuple("" if _is_missing(text) else text for text in row)
        if all(isinstance(text, str) for text in texts):
            return tuple(map(whole_text, texts))
    expected = "a text" if columns == 1 else f"a tuple of {columns} texts"
    raise TypeError(f"is {_named(row)}, and this run reads {expected}")


def _words(row: Any) -> tuple[str, ...]:
    words = as_words(row) if isinstance(row, str | list | tuple | np.ndarray) else (None,)
    if not all(words):
        raise TypeError(f"is {_named(row)}, and this run reads a list of words, or a text with spaces between words")
    return words  # type: ignore[return-value]


def _named(row: Any) -> str:
    """A row that has another kind than expected, in few words."""
    shown = repr(row)
    return f"{type(row).__name__} {shown if len(shown) <= 40 else shown[:40] + '...'}"


def _reader_of_steps(data: Dataset) -> Callable[[Any], Any]:
    """What reads a row of data that has no preparation of texts: ids of tokens, or features."""
    return _reader_of_tokens(data) if data.tokens else lambda row: _features(row, data)


def _reader_of_tokens(data: Dataset) -> Callable[[Any], list[int]]:
    id_of: dict[Any, int] = {token: index for index, token in enumerate(data.vocabulary)}

    def read(row: Any) -> list[int]:
        ids: list[Any] = [id_of.get(step, step) for step in (as_words(row) if isinstance(row, str) else row)]
        wrong = [one for one in ids if not isinstance(one, int | np.integer) or not 0 <= one < data.width]
        if wrong:
            raise ValueError(
                f"has {wrong[0]!r}, and this run reads tokens of its vocabulary, or their ids from 0 to "
                f"{data.width - 1}"
            )
        return ids

    return read


def _features(row: Any, data: Dataset) -> np.ndarray:
    expected = f"and this run reads arrays of shape (steps, {data.width})"
    try:
        x_LD = np.asarray(row, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"is {_named(row)}, {expected}") from None
    x_LD = x_LD[:, None] if x_LD.ndim == data.width == 1 else x_LD
    if x_LD.ndim != 2 or x_LD.shape[1] != data.width:
        raise ValueError(f"has shape {x_LD.shape}, {expected}")
    if isinstance(data.preparation, SeriesPreparation):
        return without_padding(x_LD)
    if not (np.abs(x_LD) <= LARGEST).all():  # NaN too
        raise ValueError("has a value that is missing or beyond the largest float32; fill or correct it")
    return x_LD
