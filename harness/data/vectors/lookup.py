"""The words of a vocabulary in a file of word vectors.

A word takes the vector of the same word; else that of its normalised form (``harness.data.normalised``: lower case,
composed characters), and else that of the first word in the file with the same normalised form. Of words that occur
twice, the first counts: files list frequent words first.

Dimension letters: V vocabulary, K words of it that the file has, D width.
"""

from collections.abc import Sequence

import numpy as np

from harness.data.dataset import SPECIAL, UNKNOWN
from harness.data.normalised import normalise
from harness.data.vectors.files import KEY, VectorFile
from harness.errors import UserError

NAMES_OF_UNKNOWN = (SPECIAL[UNKNOWN], "<unk>", "<UNK>")
"""Words by which files mean all words that they lack."""
SAME, NORMALISED, ALIKE, ABSENT = range(4)
"""How well a word of the file fits; less is better."""
SHOWN = 3
"""A refusal shows so many words."""


def find(file: VectorFile, vocabulary: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """``ids_K`` (int32), the words of the vocabulary that the file has, in order, and their ``vectors_KD`` (float32).

    Raises:
        UserError: the file has none of them, or is damaged.
    """
    exact, alike = _wanted(vocabulary)
    fit_V = [ABSENT] * len(vocabulary)
    table_VD = np.zeros((len(vocabulary), file.width), np.float32)
    first: list[str] = []
    for number, word, numbers in file.entries():
        text = word.decode("utf8", "surrogateescape")
        form = normalise(text)
        fits = [(exact[text], SAME)] if text in exact else []
        if form in alike:
            fits += [(index, NORMALISED if text == form else ALIKE) for index in alike[form]]
        for index, fit in fits:
            if fit < fit_V[index]:
                fit_V[index], table_VD[index] = fit, file.values(number, numbers)
        if len(first) < SHOWN:
            first.append(text)
    ids_K = np.flatnonzero(np.array(fit_V) < ABSENT).astype(np.int32)
    if not (ids_K >= len(SPECIAL)).any():
        shown = ", ".join(map(repr, vocabulary[len(SPECIAL) : len(SPECIAL) + SHOWN]))
        raise UserError(
            f"{KEY}: {file.file} has none of the {len(vocabulary) - len(SPECIAL):,} tokens of the vocabulary (such as "
            f"{shown}); its own first words are {', '.join(map(repr, first)) or 'none'}: take a file of this data's "
            "language, whose words are as data.tokenizer makes them"
        )
    return ids_K, table_VD[ids_K]


def _wanted(vocabulary: Sequence[str]) -> tuple[dict[str, int], dict[str, list[int]]]:
    """The ids by word, and by normalised word, of all but padding."""
    exact: dict[str, int] = {}
    alike: dict[str, list[int]] = {}
    for index in range(len(SPECIAL), len(vocabulary)):
        exact[vocabulary[index]] = index
        alike.setdefault(normalise(vocabulary[index]), []).append(index)
    for name in NAMES_OF_UNKNOWN:
        exact.setdefault(name, UNKNOWN)
    return exact, alike
