"""Texts as token ids, by ``data.tokenizer``; what a tokenizer learns, it learns from train alone.

| tokenizer | a token is | before that |
|---|---|---|
| ``words`` | a word, or a character of a script without spaces (``word_patterns``) | ``normalise`` |
| ``subwords`` | a piece of a word, by byte pair encoding (Sennrich, Haddow & Birch 2016) | ``normalise`` |
| ``characters`` | a character, spaces and punctuation included | composed Unicode characters (NFC) |
| ``bytes`` | a byte of the text in UTF-8 | nothing |
| a file | what the file says (``tokenizer_file``) | what the file says |
"""

import difflib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tqdm import tqdm

from harness.data.dataset import SPECIAL, UNKNOWN
from harness.data.model_files import HUB_ID, tokenizer_of
from harness.data.normalised import normalise
from harness.data.tokenizer_file import FileTokenizer
from harness.data.word_patterns import RUN, RUN_OR_MARK, WORD, WORD_OR_MARK
from harness.data.word_splitter import WordSplitter
from harness.errors import UserError
from harness.notices import draws_bars

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Library

SEPARATOR = "[SEP]"
"""The token between two columns of a row."""
NAMES = ("words", "characters", "bytes", "subwords")
"""The choices of ``data.tokenizer``, besides files."""
WORD_START = "\N{LOWER ONE EIGHTH BLOCK}"
"""The first piece of a word begins with this character, as the ``tokenizers`` library (Metaspace) writes it."""
LEAST_FREQUENCY = 50
"""Pieces of words that occur less often in train are not merged. Without this, sentences of a script without spaces are
learned by heart: each is one token, which no other text contains."""


class Tokenizer(Protocol):
    """Texts in, ids out.

    ``vocabulary`` lists the tokens by id: the special tokens, then all others. ``description`` is the content of a
    ``tokenizer.json``; None where the vocabulary says everything.
    """

    vocabulary: list[str]
    description: str | None

    def encode(self, texts: Sequence[str]) -> list[Sequence[int]]:
        """The ids of each text."""
        ...


class LibraryTokenizer:
    """A tokenizer of the ``tokenizers`` library, of words or of subwords."""

    def __init__(self, library: "Library") -> None:
        self.library = library
        self.description: str | None = library.to_str()
        ids = library.get_vocab()
        self.vocabulary = sorted(ids, key=lambda token: ids[token])

    def encode(self, texts: Sequence[str]) -> list[Sequence[int]]:
        encodings = self.library.encode_batch_fast([normalise(text) for text in texts], add_special_tokens=False)
        return [encoding.ids for encoding in encodings]


class WordTokenizer(LibraryTokenizer):
    """A tokenizer of the library that splits at words, without the library's slower way to do it."""

    def __init__(self, library: "Library") -> None:
        super().__init__(library)
        self.words = WordSplitter(library.pre_tokenizer)
        self.ids = _Ids((token, index) for index, token in enumerate(self.vocabulary))

    def encode(self, texts: Sequence[str]) -> list[Sequence[int]]:
        id_of, split = self.ids.__getitem__, self.words.split
        return [list(map(id_of, split(normalise(text)))) for text in texts]


class _Ids(dict[str, int]):
    """The ids of words, and that of ``[UNK]`` for all others."""

    def __missing__(self, word: str) -> int:
        return UNKNOWN


class CharacterTokenizer:
    """Each character is a token."""

    def __init__(self, vocabulary: list[str]) -> None:
        self.vocabulary = vocabulary
        self.description: str | None = None
        self.id_of = {token: index for index, token in enumerate(vocabulary) if len(token) == 1}

    def encode(self, texts: Sequence[str]) -> list[Sequence[int]]:
        id_of = self.id_of
        return [[id_of.get(one, UNKNOWN) for one in unicodedata.normalize("NFC", text)] for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids."""
        return "".join(self.vocabulary[number] for number in ids)


class ByteTokenizer:
    """Each byte is a token. Nothing is learned, and no byte is unknown. ``special`` are the tokens before the bytes."""

    def __init__(self, special: Sequence[str]) -> None:
        self.first = len(special)
        names = [chr(byte) if 32 < byte < 127 else f"<0x{byte:02X}>" for byte in range(256)]
        self.vocabulary = [*special, *names]
        self.description: str | None = None

    def encode(self, texts: Sequence[str]) -> list[Sequence[int]]:
        return [[self.first + byte for byte in text.encode("utf8", "surrogatepass")] for text in texts]

    def decode(self, ids: Sequence[int]) -> bytes:
        """The bytes of these ids."""
        return bytes(number - self.first for number in ids)


def special_tokens(separators: int) -> list[str]:
    """The first entries of a vocabulary: ``[PAD]``, ``[UNK]``, and ``[SEP]`` where rows have separators."""
    return [*SPECIAL, SEPARATOR] if separators else list(SPECIAL)


def tokenizer_file(name: str) -> Path | None:
    """The file that ``data.tokenizer`` names; None where it is one of ``NAMES``.

    A folder, or an id on the hub, stands for the tokenizer of the model there.

    Raises:
        UserError: it is none of these.
    """
    if name in NAMES:
        return None
    file = Path(str(name)).expanduser()
    if file.is_file():
        return file
    if file.is_dir() or (HUB_ID.fullmatch(str(name)) and file.suffix != ".json"):
        return tokenizer_of(str(name), "data.tokenizer")
    choices = f"{', '.join(NAMES)} or the path of a tokenizer.json"
    if file.suffix == ".json" or len(file.parts) > 1:
        raise UserError(f"data.tokenizer is {choices}, and there is no file {file} (looked in {Path.cwd()})")
    close = "".join(f"; did you mean {one}?" for one in difflib.get_close_matches(str(name), NAMES, n=1))
    raise UserError(f"data.tokenizer is {choices}, and not {name!r}{close}")


def train_tokenizer(
    name: str, texts: Sequence[str], size: int, special: list[str], punctuation: bool = False
) -> Tokenizer:
    """The tokenizer that ``data.tokenizer`` names, with at most ``size`` tokens; bytes and files have their own number.

    Raises:
        UserError: there is no such tokenizer, its file is none, or it cannot keep punctuation.
    """
    if file := tokenizer_file(name):
        if punctuation:
            raise UserError(f"data.punctuation=true is for words and subwords; {file} itself says what it keeps")
        return FileTokenizer(file.read_text(encoding="utf-8-sig", errors="replace"), special, str(file))
    if name == "bytes":
        return ByteTokenizer(special)
    if name == "characters":
        return train_characters(texts, size, special)
    return (train_words if name == "words" else train_subwords)(texts, size, special, punctuation)


def load_tokenizer(name: str, vocabulary: list[str], description: str | None, special: list[str]) -> Tokenizer:
    """The tokenizer that was saved under this name, with its vocabulary and description.

    Raises:
        ValueError: they are not those of such a tokenizer.
    """
    if name == "bytes":
        return ByteTokenizer(special)
    if name == "characters":
        return CharacterTokenizer(vocabulary)
    if description is None:
        raise ValueError("its tokenizer.json is missing")
    if name == "file":
        return FileTokenizer(description, special, "the saved file")
    from tokenizers import Tokenizer as Library

    kind = WordTokenizer if name == "words" else LibraryTokenizer
    try:
        return kind(Library.from_str(description))
    except Exception as error:  # the library raises nothing more special
        raise ValueError(f"its tokenizer.json cannot be read: {error}") from None


def train_words(texts: Sequence[str], size: int, special: list[str], punctuation: bool = False) -> WordTokenizer:
    """The ``size`` most frequent words of texts, special tokens included; equally frequent ones in order."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    pattern = pre_tokenizers.Split(Regex(WORD_OR_MARK if punctuation else WORD), "removed", invert=True)
    splitter, counts = WordSplitter(pattern), Counter[str]()
    for text in _with_progress(texts):
        counts.update(splitter.split(normalise(text)))
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[: size - len(special)]
    vocabulary = {token: index for index, token in enumerate([*special, *frequent])}
    library = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL[UNKNOWN]))
    library.pre_tokenizer = pattern
    library.add_special_tokens(special)
    return WordTokenizer(library)


def train_subwords(texts: Sequence[str], size: int, special: list[str], punctuation: bool = False) -> LibraryTokenizer:
    """``size`` pieces of words at most, special tokens included: the characters of texts, then their merges.

    ``WORD_START`` begins each word. Words of scripts without spaces are found as such pieces.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    library = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
    run = pre_tokenizers.Split(Regex(RUN_OR_MARK if punctuation else RUN), "removed", invert=True)
    library.pre_tokenizer = pre_tokenizers.Sequence([run, pre_tokenizers.Metaspace()])
    # the library chooses at random between equally frequent characters, so that they are chosen here
    characters = _frequent_characters(map(normalise, texts))
    kept = [character for character in characters if run.pre_tokenize_str(character)]
    alphabet = [WORD_START, *kept][: size - len(special)]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, limit_alphabet=len(alphabet),
        min_frequency=LEAST_FREQUENCY, show_progress=False,
    )  # fmt: skip
    library.train_from_iterator(map(normalise, _with_progress(texts)), trainer, length=len(texts))
    return LibraryTokenizer(library)


def train_characters(texts: Sequence[str], size: int, special: list[str]) -> CharacterTokenizer:
    """The ``size`` most frequent characters of texts, special tokens included."""
    composed = (unicodedata.normalize("NFC", text) for text in _with_progress(texts))
    return CharacterTokenizer([*special, *_frequent_characters(composed)][:size])


def _frequent_characters(texts: Iterable[str]) -> list[str]:
    """The characters of texts, the most frequent first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return sorted(counts, key=lambda character: (-counts[character], character))


def _with_progress(texts: Sequence[str]) -> Iterator[Any]:
    """The texts, with a progress bar on a terminal that disappears at the end."""
    return iter(tqdm(texts, desc="vocabulary", leave=False, disable=not draws_bars(), dynamic_ncols=True))
