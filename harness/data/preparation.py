"""How a data set made token ids of its rows: kept with the data and with each run, so that new rows are read alike."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from harness.data.characters import LONGEST_WORD, Characters, make_alphabet, spell
from harness.data.dataset import SPECIAL, UNKNOWN
from harness.data.preparation_files import SETTINGS, TOKENIZER, write_settings
from harness.data.series_preparation import KIND, SeriesPreparation, from_settings
from harness.data.tokenizers import SEPARATOR, Tokenizer, load_tokenizer, special_tokens
from harness.data.word_lists import Words, kept_steps, kept_words, word_vocabulary
from harness.errors import UserError
from harness.notices import draws_bars

CHUNK = 1000
"""Rows that are encoded at once: the encodings of the library need more memory than ids."""


@dataclass(frozen=True)
class TextPreparation:
    """Texts as ids. ``columns`` name the columns of texts; ``line_break`` was read as a space in them.

    ``name`` is ``data.tokenizer``, or ``file``; with ``punctuation``, marks are tokens. At most ``max_length`` ids are
    kept of a row, its ``head`` or its ``tail`` (``truncate``).
    """

    tokenizer: Tokenizer
    name: str
    punctuation: bool
    columns: tuple[str, ...]
    line_break: str | None
    max_length: int
    truncate: str

    def __post_init__(self) -> None:
        least = 2 * len(self.columns) - 1
        if self.max_length < least:
            raise UserError(
                f"data.max_length={self.max_length} has no room for a token of each column of data.text and the "
                f"separators between them; set it to {least} or more"
            )

    @property
    def identity(self) -> str:
        """What tells the tokenizer from the default, for the hash of the data; empty for words without punctuation."""
        if self.name == "words" and not self.punctuation:
            return ""
        content = (self.tokenizer.description or "") if self.name == "file" else ""
        return f"tokenizer {self.name} {self.punctuation} {hashlib.sha256(content.encode()).hexdigest()}"

    @property
    def nothing(self) -> str | tuple[str, ...]:
        """A row without any text."""
        return "" if len(self.columns) == 1 else ("",) * len(self.columns)

    def encode(self, rows: Sequence[str] | Sequence[tuple[str, ...]]) -> Iterator[Sequence[int]]:
        """The ids of each row: a text, or a tuple of texts if there are several columns."""
        return (ids for ids, _ in self.encode_and_count(rows))

    def encode_and_count(
        self, rows: Sequence[str] | Sequence[tuple[str, ...]]
    ) -> Iterator[tuple[Sequence[int], int]]:
        """The ids of each row, and how many it has before it is cut to ``max_length``."""
        width, kept = len(self.columns), kept_steps(self.truncate, self.max_length)
        starts = range(0, len(rows), CHUNK)
        for start in tqdm(starts, desc="token ids", leave=False, disable=not draws_bars(), dynamic_ncols=True, delay=1):
            ids = self.tokenizer.encode(all_texts(rows[start : start + CHUNK]))
            if width > 1:
                yield from (self._joined(ids[first : first + width]) for first in range(0, len(ids), width))
            else:
                yield from ((row[kept], len(row)) for row in ids)

    def _joined(self, columns: Sequence[Sequence[int]]) -> tuple[Sequence[int], int]:
        """The ids of a row's columns with a separator between them, and how many there are without a cut.

        A row of which all columns are empty has none.
        """
        separator = self.tokenizer.vocabulary.index(SEPARATOR)
        lengths = shortened([len(ids) for ids in columns], self.max_length - len(columns) + 1)
        joined: list[int] = []
        for ids, length in zip(columns, lengths, strict=True):
            joined += [separator, *ids[kept_steps(self.truncate, length)]]
        whole = sum(map(len, columns)) + len(columns) - 1
        return (joined[1:], whole) if any(lengths) else ([], 0)

    def save(self, folder: Path) -> None:
        """Write the files of the preparation into a folder."""
        settings = {name: value for name, value in vars(self).items() if name != "tokenizer"}
        write_settings(folder, {"kind": "texts", **settings, "vocabulary": self.tokenizer.vocabulary})
        if self.tokenizer.description is not None:
            (folder / TOKENIZER).write_text(self.tokenizer.description, encoding="utf8")


def all_texts(rows: Sequence[str] | Sequence[tuple[str, ...]]) -> list[str]:
    """The texts of rows, of several columns one after another."""
    return [text for row in rows for text in ([row] if isinstance(row, str) else row)]


def shortened(lengths: Sequence[int], total: int) -> list[int]:
    """Lengths that add up to ``total`` at most: the longest are shortened first, to the same length.

    What does not divide goes to the longest: 7 and 9 become 3 and 4 of a total of 7, 2 and 9 become 2 and 5.
    """
    kept, columns_left = list(lengths), len(lengths)
    for position in sorted(range(len(lengths)), key=lambda position: lengths[position]):
        kept[position] = min(lengths[position], total // columns_left)
        total -= kept[position]
        columns_left -= 1
    return kept


@dataclass(frozen=True)
class WordPreparation:
    """Words that were given one by one, as ids of words and of the first ``width`` characters of each.

    ``columns`` names the column of the words. ``vocabulary`` and ``alphabet`` list words and characters by id.
    """

    columns: tuple[str, ...]
    vocabulary: list[str]
    alphabet: list[str]
    width: int
    max_length: int
    truncate: str

    @classmethod
    def learn(
        cls, rows: Mapping[str, Sequence[Words]], columns: tuple[str, ...], size: int, max_length: int, truncate: str
    ) -> "WordPreparation":
        """What the words of train say, of the rows by split; the longest word of all splits gives the ``width``."""
        kept = {role: kept_words(own, max_length, truncate) for role, own in rows.items()}
        longest = max((len(word) for own in kept.values() for words in own for word in words), default=0)
        alphabet, width = make_alphabet(kept["train"], SPECIAL), min(LONGEST_WORD, max(1, longest))
        return cls(columns, word_vocabulary(kept["train"], size), alphabet, width, max_length, truncate)

    @property
    def identity(self) -> str:
        """Nothing: words that are given are looked up in one way only."""
        return ""

    def encode(self, rows: Sequence[Words]) -> list[list[int]]:
        """The ids of each row's words."""
        id_of = {word: index for index, word in enumerate(self.vocabulary)}
        kept = kept_words(rows, self.max_length, self.truncate)
        return [[id_of.get(word, UNKNOWN) for word in words] for words in kept]

    def spell(self, rows: Sequence[Words]) -> Characters:
        """The characters of each row's words."""
        kept = kept_words(rows, self.max_length, self.truncate)
        return spell(kept, self.alphabet, self.width, UNKNOWN)

    def save(self, folder: Path) -> None:
        """Write the file of the preparation into a folder."""
        write_settings(folder, {"kind": "words", **vars(self)})


def load_preparation(folder: Path) -> TextPreparation | WordPreparation | SeriesPreparation | None:
    """What ``save`` wrote into a folder; None where the loader kept no preparation.

    Raises:
        UserError: the files are damaged.
    """
    file = folder / SETTINGS
    if not file.exists():
        return None
    try:
        settings = json.loads(file.read_text(encoding="utf8"))
        kind, settings["columns"] = settings.pop("kind"), tuple(settings["columns"])
        if kind == KIND:
            return from_settings(settings)
        if kind == "words":
            return WordPreparation(**settings)
        special, vocabulary = special_tokens(len(settings["columns"]) - 1), settings.pop("vocabulary")
        saved = folder / TOKENIZER
        description = saved.read_text(encoding="utf8") if saved.exists() else None
        return TextPreparation(load_tokenizer(settings["name"], vocabulary, description, special), **settings)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{file} is damaged ({error}); run its command again with rerun=true") from None
