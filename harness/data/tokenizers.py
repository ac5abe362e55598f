"""Texts as token ids: normalised, split into words, and numbered by a vocabulary that is learned from train."""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from harness.data.dataset import SPECIAL, UNKNOWN
from harness.data.flat import offsets_of
from harness.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

RIGHT_QUOTE = "\N{RIGHT SINGLE QUOTATION MARK}"
APOSTROPHE = re.compile(rf"(?<=\w){RIGHT_QUOTE}(?=\w)")
"""The apostrophe that phones write within a word; elsewhere the same character ends a quotation."""
WORD = r"[\p{L}\p{M}\p{N}']+|\p{So}"
"""A word is a run of letters, marks, digits and apostrophes (don't), or a single symbol such as an emoji."""

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


def train_tokenizer(texts: list[str], vocabulary_size: int) -> "Tokenizer":
    """A tokenizer whose vocabulary is the most frequent words of texts, including ``[PAD]`` and ``[UNK]``."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel({}, unk_token=SPECIAL[UNKNOWN]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary_size, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(map(normalise, _with_progress(texts, "vocabulary")), trainer, length=len(texts))
    return tokenizer


def normalise(text: str) -> str:
    """Lower case, composed Unicode characters (NFC), plain apostrophes, and no HTML line breaks.

    In Python this is twice as fast as with the normalizers of the tokenizers library.
    """
    plain = text.replace("<br />", " ")
    if RIGHT_QUOTE in plain:  # the search for one character is much faster than the pattern
        plain = APOSTROPHE.sub("'", plain)
    return unicodedata.normalize("NFC", plain).lower()


def encode_texts(
    tokenizer: "Tokenizer", texts: list[str], max_length: int, truncate: str
) -> tuple[np.ndarray, np.ndarray]:
    """Ids ``x_T`` of all texts and the offsets of each text; in chunks, because encodings need more memory than ids."""
    x_T, length_N = array("i"), np.zeros(len(texts), np.int64)
    kept = kept_steps(truncate, max_length)
    for start in _with_progress(range(0, len(texts), 1000), "token ids"):
        chunk = [normalise(text) for text in texts[start : start + 1000]]
        for row, encoding in enumerate(tokenizer.encode_batch_fast(chunk, add_special_tokens=False), start):
            ids = encoding.ids[kept]
            x_T.extend(ids)
            length_N[row] = len(ids)
    return np.asarray(x_T), offsets_of(length_N)


def _with_progress(items: Sequence[Any], title: str) -> Iterator[Any]:
    """The items, with a progress bar on a terminal that disappears at the end."""
    return iter(tqdm(items, desc=title, leave=False, disable=None, dynamic_ncols=True))


def normalise_words(words: Words) -> Words:
    """Composed Unicode characters (NFC); upper case stays, because it helps to tag words."""
    return tuple(unicodedata.normalize("NFC", word) for word in words)


def word_vocabulary(sentences: Sequence[Words], size: int) -> list[str]:
    """``[PAD]``, ``[UNK]`` and the most frequent words of sentences, ``size`` entries at most."""
    counts = Counter(word for words in sentences for word in words)
    special = set(SPECIAL)
    ranked = sorted((word for word in counts if word not in special), key=lambda word: (-counts[word], word))
    return [*SPECIAL, *ranked[: size - len(SPECIAL)]]
