"""Words that are given one by one, not as a text: what is kept of them, and their vocabulary."""

import unicodedata
from collections import Counter
from collections.abc import Sequence

from harness.data.dataset import SPECIAL
from harness.errors import UserError

Words = tuple[str, ...]


def check_settings(truncate: str, max_length: int, vocabulary_size: int) -> None:
    """Refuse settings that no text can be encoded with."""
    if truncate not in ("head", "tail"):
        raise UserError(f"data.truncate must be head or tail, and is {truncate!r}")
    if max_length < 1 or vocabulary_size < 3:
        raise UserError("data.max_length must be 1 or more and data.vocabulary_size 3 or more")


def kept_steps(truncate: str, max_length: int) -> slice:
    """Which steps of a sequence are kept: the ``head`` or the ``tail`` of one longer than ``max_length``."""
    return slice(None, max_length) if truncate == "head" else slice(-max_length, None)


def kept_words(rows: Sequence[Words], max_length: int, truncate: str) -> list[Words]:
    """The words of each row that are read, in composed Unicode characters (NFC).

    Upper case stays, because it helps to tag words.
    """
    steps = kept_steps(truncate, max_length)
    return [tuple(unicodedata.normalize("NFC", word) for word in words[steps]) for words in rows]


def word_vocabulary(sentences: Sequence[Words], size: int) -> list[str]:
    """``[PAD]``, ``[UNK]`` and the most frequent words of sentences, ``size`` entries at most."""
    counts = Counter(word for words in sentences for word in words)
    special = set(SPECIAL)
    ranked = sorted((word for word in counts if word not in special), key=lambda word: (-counts[word], word))
    return [*SPECIAL, *ranked[: size - len(SPECIAL)]]
