"""The characters of words, a second input beside the words' ids: also a word outside the vocabulary has characters.

Dimension letters: T words of all sequences, S spellings, W characters of a word, B batch, L length.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import UserError

LONGEST_WORD = 20
"""Characters that are kept of a word; most longer words are web addresses."""


@dataclass(frozen=True)
class Characters:
    """The characters of a split's words; each spelling is stored once.

    ``spelling_T`` (int32) holds row numbers of ``table_SW``, one for each word, flat like the words' ids; ``table_SW``
    (int32) holds ids of characters, 0 after the end of a word. Row 0 is the spelling of padding and has no character.
    """

    spelling_T: np.ndarray
    table_SW: np.ndarray

    def of(self, spelling_BL: np.ndarray) -> np.ndarray:
        """``characters_BLW`` of words by the numbers of their spellings, cut to the longest of these words."""
        characters_BLW = self.table_SW[spelling_BL]
        return characters_BLW[:, :, : max(1, int((characters_BLW != 0).any((0, 1)).sum()))]


def make_alphabet(sentences: Sequence[Sequence[str]], special: Sequence[str]) -> list[str]:
    """The special characters, then the characters of these sentences, the most frequent first."""
    counts = Counter(character for words in sentences for word in words for character in word[:LONGEST_WORD])
    return [*special, *sorted(counts, key=lambda character: (-counts[character], character))]


def spell(sentences: Sequence[Sequence[str]], alphabet: Sequence[str], width: int, unknown: int) -> Characters:
    """The characters of the words of sentences: the first ``width`` characters of each."""
    id_of = {character: index for index, character in enumerate(alphabet)}
    spellings: dict[str, int] = {"": 0}
    numbers = (spellings.setdefault(word[:width], len(spellings)) for words in sentences for word in words)
    spelling_T = np.fromiter(numbers, np.int32)
    table_SW = np.zeros((len(spellings), width), np.int32)
    for word, row in spellings.items():
        table_SW[row, : len(word)] = [id_of.get(character, unknown) for character in word]
    return Characters(spelling_T, table_SW)


def full_words(characters: Characters, length: int, alphabet: int) -> Characters:
    """Random characters for one sequence of ``length`` words of full width; the same for every encoder."""
    width = characters.table_SW.shape[1]
    table_SW = np.random.default_rng(0).integers(1, alphabet, (length + 1, width), dtype=np.int32)
    table_SW[0] = 0
    return Characters(np.arange(1, length + 1, dtype=np.int32), table_SW)


def check_characters(name: str, characters: Characters, words: int, alphabet: int) -> None:
    """Refuse characters that do not match the ``words`` of a split, all counted.

    Raises:
        UserError: shapes or ids do not match the split's words or the alphabet.
    """
    spelling_T, table_SW = characters.spelling_T, characters.table_SW
    inside = 0 <= spelling_T.min(initial=0) <= spelling_T.max(initial=0) < len(table_SW)
    if spelling_T.shape != (words,) or not inside:
        raise UserError(f"data: characters of the {name} split must name a row of table_SW for each of its words")
    if table_SW[0].any() or table_SW.min() < 0 or table_SW.max() >= alphabet:
        raise UserError(
            f"data: characters of the {name} split must be in 0..{alphabet - 1}, the alphabet's size, and the first "
            "row of table_SW must be all 0"
        )
