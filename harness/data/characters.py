"""The characters of words, beside their ids: a word that the vocabulary lacks still has characters of its own.

Dimension letters: N sequences, L length, S spellings, W characters of a word, B batch.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import UserError

LONGEST_WORD = 20
"""So many characters of a word are kept; what is longer is an address more often than a word."""


@dataclass(frozen=True)
class Characters:
    """The characters of a split's words, each spelling once.

    ``spelling_NL`` (int32) numbers the rows of ``table_SW`` (int32 ids of characters, 0 behind a word's end). Row 0 has no
    letter: it is that of padding.
    """

    spelling_NL: np.ndarray
    table_SW: np.ndarray

    def of(self, rows: np.ndarray, longest: int) -> np.ndarray:
        """``characters_BLW`` of these rows and of so many words of each, cut to the longest word among them."""
        characters_BLW = self.table_SW[self.spelling_NL[rows, :longest]]
        return characters_BLW[:, :, : max(1, int((characters_BLW != 0).any((0, 1)).sum()))]


def make_alphabet(sentences: Sequence[Sequence[str]], special: Sequence[str]) -> list[str]:
    """The characters of these sentences, the most frequent first, behind the special ones."""
    counts = Counter(letter for words in sentences for word in words for letter in word[:LONGEST_WORD])
    return [*special, *sorted(counts, key=lambda letter: (-counts[letter], letter))]


def spell(
    sentences: Sequence[Sequence[str]], alphabet: Sequence[str], length: int, width: int, unknown: int
) -> Characters:
    """The characters of sentences of at most ``length`` words, of each word the first ``width``."""
    number = {letter: index for index, letter in enumerate(alphabet)}
    spellings: dict[str, int] = {"": 0}
    spelling_NL = np.zeros((len(sentences), length), np.int32)
    for row, words in enumerate(sentences):
        spelling_NL[row, : len(words)] = [spellings.setdefault(word[:width], len(spellings)) for word in words]
    table_SW = np.zeros((len(spellings), width), np.int32)
    for word, row in spellings.items():
        table_SW[row, : len(word)] = [number.get(letter, unknown) for letter in word]
    return Characters(spelling_NL, table_SW)


def full_words(characters: Characters, length: int, alphabet: int) -> Characters:
    """A sequence of so many words of full width, drawn alike for every encoder."""
    width = characters.table_SW.shape[1]
    table_SW = np.random.default_rng(0).integers(1, alphabet, (length + 1, width), dtype=np.int32)
    table_SW[0] = 0
    return Characters(np.arange(1, length + 1, dtype=np.int32)[None], table_SW)


def check_characters(name: str, characters: Characters, shape_NL: tuple[int, ...], alphabet: int) -> None:
    """Refuse characters that do not belong to the words of a split.

    Raises:
        UserError: their shapes or numbers are not those of the split's words and of the alphabet.
    """
    spelling_NL, table_SW = characters.spelling_NL, characters.table_SW
    if spelling_NL.shape != shape_NL or spelling_NL.min() < 0 or spelling_NL.max() >= len(table_SW):
        raise UserError(f"data: characters of the {name} split must number a spelling of table_SW for each of its words")
    if table_SW[0].any() or table_SW.min() < 0 or table_SW.max() >= alphabet:
        raise UserError(
            f"data: characters of the {name} split must be in 0..{alphabet - 1}, the alphabet's size, and the first "
            "spelling without any"
        )
