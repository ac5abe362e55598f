"""Rows as sequences of ids or of features: texts, words, tokens, or arrays.

Dimension letters: B rows, L steps, D features of a step, W characters of a word.
"""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

UNKNOWN = 1
"""The id of a token that the vocabulary lacks."""
Array = np.ndarray[Any, Any]


class Refused(Exception):
    """A row or a file that the model cannot read; the sentence says why."""


class Reader:
    """What makes sequences of rows; ``about`` is the part of about.json on the input."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.about = about
        if (file := folder / "tokenizer.json").exists():
            from tokenizers import Tokenizer

            self.tokenizer = Tokenizer.from_file(str(file))

    def sequences(self, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The ids or features of each row, and the characters of its words where the model reads them.

        Raises:
            Refused: a row is none that the model reads.
        """
        raise NotImplementedError

    def kept(self, steps: Any, most: int | None = None) -> Any:
        """The head or the tail of a row that is longer than ``most``, by default ``max_length``."""
        most = self.about["max_length"] if most is None else most
        if most is None:
            return steps
        return steps[:most] if self.about["truncate"] == "head" else steps[max(0, len(steps) - most) :]

    def aligned(self, values: list[Any], steps: int) -> list[Any]:
        """The answers to the steps of a row, with None for each of its steps that was cut off."""
        cut = [None] * (steps - len(values))
        return cut + values if self.about["truncate"] == "tail" else values + cut

    def padded(self, sequences: Sequence[Any]) -> Array:
        """``x_BL``, ids that are 0 after the end of each sequence."""
        x_BL = np.zeros((len(sequences), max(1, *map(len, sequences))), np.int64)
        for row, ids in enumerate(sequences):
            x_BL[row, : len(ids)] = ids
        return x_BL


class Texts(Reader):
    """Rows of texts. The tokenizer does all but what ``notes`` of about.json name."""

    def sequences(self, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
        columns = len(self.about["columns"])
        for number, row in enumerate(rows, 1):
            texts = (row,) if columns == 1 else tuple(row)
            if len(texts) != columns or not all(isinstance(text, str) for text in texts):
                raise Refused(f"row {number}: the model reads {', '.join(self.about['columns'])}, a text of each")
            if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
                raise Refused(f"row {number} has a lone surrogate, which is no character; remove it")
        if self.about["separator"] is None:
            return [(ids,) for ids in self._ids(rows)]
        ids = self._ids([text for row in rows for text in row])
        return [(self._joined(ids[first : first + columns]),) for first in range(0, len(ids), columns)]

    def _ids(self, texts: Sequence[Any]) -> list[Sequence[int]]:
        found: list[Sequence[int]] = [one.ids for one in self.tokenizer.encode_batch_fast(list(texts))]
        if (own := self.about["ids"]) is not None:
            found = [[own[number] for number in ids] for ids in found]
            return found if self.about["separator"] is not None else [self.kept(ids) for ids in found]
        if len(self.about["columns"]) == 2:
            empty = [self.tokenizer.token_to_id("[SEP]")]
            found = [[] if ids == empty else ids for ids in found]
        return found

    def _joined(self, columns: Sequence[Sequence[int]]) -> list[int]:
        """The ids of all columns with a separator between them; the longest columns are cut first."""
        total, lengths = self.about["max_length"] - len(columns) + 1, [len(ids) for ids in columns]
        left = len(columns)
        for position in sorted(range(len(columns)), key=lambda position: len(columns[position])):
            lengths[position] = min(lengths[position], total // left)
            total, left = total - lengths[position], left - 1
        joined: list[int] = []
        for ids, length in zip(columns, lengths, strict=True):
            joined += [self.about["separator"], *self.kept(ids, length)]
        return joined[1:] if any(lengths) else []


class Words(Reader):
    """Rows of words, as ids of words and, where the model reads them, of their first characters."""

    def sequences(self, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        letters = {letter: number for number, letter in enumerate(self.about["alphabet"] or ())}
        for number, row in enumerate(rows, 1):
            if isinstance(row, str) or not all(isinstance(word, str) for word in row):
                raise Refused(f"row {number}: the model reads words; give it a list of them")
            words = [unicodedata.normalize("NFC", word) for word in self.kept(row)]
            ids = [self._id(word) for word in words]
            width = self.about["characters_of_a_word"]
            if width is None:
                found.append((ids,))
                continue
            characters_LW = np.zeros((len(words), width), np.int64)
            for step, word in enumerate(words):
                spelled = [letters.get(letter, UNKNOWN) for letter in word[:width]]
                characters_LW[step, : len(spelled)] = spelled
            found.append((ids, characters_LW))
        return found

    def _id(self, word: str) -> int:
        try:
            number = self.tokenizer.token_to_id(word)
        except UnicodeEncodeError:  # a lone surrogate
            return UNKNOWN
        return UNKNOWN if number is None else int(number)

    def padded(self, sequences: Sequence[Any]) -> Array:
        if np.ndim(sequences[0]) == 1:
            return super().padded(sequences)
        longest = max(1, *map(len, sequences))
        characters_BLW = np.zeros((len(sequences), longest, self.about["characters_of_a_word"]), np.int64)
        for row, characters_LW in enumerate(sequences):
            characters_BLW[row, : len(characters_LW)] = characters_LW
        return characters_BLW


class Tokens(Reader):
    """Rows of tokens of the vocabulary, or of their ids."""

    def sequences(self, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
        known = {token: number for number, token in enumerate(self.about["vocabulary"])}
        ids_of_all = [[known.get(step, step) for step in row] for row in rows]
        for number, ids in enumerate(ids_of_all, 1):
            wrong = [one for one in ids if not isinstance(one, int | np.integer) or not 0 <= one < len(known)]
            if wrong:
                raise Refused(f"row {number}: {wrong[0]!r} is no token of the vocabulary, and no id of one")
        return [(self.kept(ids),) for ids in ids_of_all]


class Features(Reader):
    """Rows of features, arrays ``LD``: with ``mean``, gaps (NaN) are filled; with ``std``, they are standardised."""

    def sequences(self, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
        return [(self._features(number, np.asarray(row, np.float64)),) for number, row in enumerate(rows, 1)]

    def _features(self, number: int, x_LD: Array) -> Array:
        if x_LD.ndim != 2 or x_LD.shape[1] != self.about["width"]:
            shape = f"(steps, {self.about['width']})"
            raise Refused(f"row {number}: the model reads arrays of shape {shape}, not {x_LD.shape}")
        if self.about["mean"] is not None:
            there_L = np.flatnonzero(~np.isnan(x_LD).all(1))
            x_LD = x_LD[: there_L[-1] + 1 if len(there_L) else 0].copy()  # steps of NaN alone at the end are padding
            if self.about["missing"] == "error" and np.isnan(x_LD).any():
                raise Refused(f"row {number} has a missing value, and the run read none")
            for channel, mean in enumerate(self.about["mean"]):
                x_LD[:, channel] = filled(x_LD[:, channel], mean)
        if self.about["std"] is not None:
            x_LD = (x_LD - self.about["mean"]) / self.about["std"]
        if not np.isfinite(x_LD).all():
            raise Refused(f"row {number} has a value that is not finite")
        return np.asarray(self.kept(x_LD), np.float32)

    def padded(self, sequences: Sequence[Any]) -> Array:
        x_BLD = np.zeros((len(sequences), max(1, *map(len, sequences)), self.about["width"]), np.float32)
        for row, features in enumerate(sequences):
            x_BLD[row, : len(features)] = features
        return x_BLD


def filled(x_L: Array, mean: float) -> Array:
    """Gaps on the line between the values beside them, or equal to the only one; the mean if there is none."""
    gaps_L, steps_L = np.isnan(x_L), np.arange(len(x_L))
    if gaps_L.all():
        return np.full(len(x_L), mean)
    return np.interp(steps_L, steps_L[~gaps_L], x_L[~gaps_L])


READERS: dict[str, Any] = {"texts": Texts, "words": Words, "tokens": Tokens, "features": Features}


def reader_of(folder: Path) -> Reader:
    """The reader of an exported folder."""
    about = json.loads((folder / "about.json").read_text(encoding="utf8"))["input"]
    reader: Reader = READERS[about["kind"]](folder, about)
    return reader
