"""How a run reads texts, as one ``tokenizer.json`` that the ``tokenizers`` library needs nothing beside.

The harness normalises and cuts texts in Python, which is faster. Here the same is said in the library's own terms:
normalisation, splitting, vocabulary, the separator between two columns, and what is kept of a long text.
"""

import json
from typing import TYPE_CHECKING, Any

from harness.data.dataset import SPECIAL, UNKNOWN
from harness.data.normalised import RIGHT_QUOTE
from harness.data.preparation import TextPreparation, WordPreparation
from harness.data.tokenizer_file import FileTokenizer
from harness.data.tokenizers import SEPARATOR

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer

WORD_CHARACTER = r"[\p{L}\p{N}_]"
r"""What ``\w`` is in Python; in the library's regular expressions ``\w`` has combining marks too."""
CASED = r"[\p{Cased}&&[^\p{Case_Ignorable}]]"
FINAL_SIGMA = rf"(?<={CASED}\p{{Case_Ignorable}}*)Σ(?!\p{{Case_Ignorable}}*{CASED})"
"""A capital sigma that ends a word (Unicode, SpecialCasing), which Python lowers to ς, and the library to σ."""
ANY_CHARACTER = r"[\s\S]"

MARKS = (
    "The tokenizers library and Python know different versions of Unicode: letters and combining marks that are newer "
    "than Unicode 9 may be read otherwise than in training. All other texts are read alike."
)
SURROGATES = "A text with a lone surrogate, which is no character, is refused: the tokenizers library cannot hold it."
OWN_IDS = (
    "tokenizer.json gives the ids of the tokenizer's own file; the model's id of each is in about.json, input.ids, and "
    "predict.py looks it up."
)
JOINED = (
    "tokenizer.json reads one column without a limit; predict.py cuts the columns, and joins them with the id of "
    "input.separator between them."
)
EMPTY_PAIR = (
    "Where both columns of a row are empty, tokenizer.json gives one [SEP]; predict.py gives no id, as the run did."
)
WORDS_ALONE = (
    "The words are given one by one: predict.py composes their characters (NFC), cuts the row, and looks each word up "
    "in tokenizer.json."
)


def tokenizer_json(preparation: TextPreparation | WordPreparation) -> str:
    """The content of ``tokenizer.json``; ``sentences`` says what it leaves to ``predict.py``."""
    if isinstance(preparation, WordPreparation):
        return _look_up(preparation.vocabulary).to_str()
    tokenizer = _tokenizer(preparation)
    if not in_python(preparation):
        several = len(preparation.columns) > 1
        if several:
            _join_pairs(tokenizer, preparation.tokenizer.vocabulary.index(SEPARATOR))
        direction = "right" if preparation.truncate == "head" else "left"
        tokenizer.enable_truncation(preparation.max_length, direction=direction)
    return str(tokenizer.to_str())


def in_python(preparation: TextPreparation) -> bool:
    """Whether ``predict.py`` cuts and joins the columns: the library knows pairs, and ids of its own alone."""
    columns = len(preparation.columns)
    return columns > 2 or (columns > 1 and preparation.name == "file")


def own_ids(preparation: TextPreparation | WordPreparation) -> list[int] | None:
    """The model's id of each id that ``tokenizer.json`` gives; None where they are the same."""
    tokenizer = getattr(preparation, "tokenizer", None)
    return tokenizer.id_of.tolist() if isinstance(tokenizer, FileTokenizer) else None


def sentences(preparation: TextPreparation | WordPreparation) -> list[str]:
    """What a user of ``tokenizer.json`` must know: where it alone does not read texts as the run did."""
    if isinstance(preparation, WordPreparation):
        return [WORDS_ALONE]
    said = [SURROGATES]
    if preparation.name in ("words", "subwords", "characters"):
        said.append(MARKS)
    if preparation.name == "file":
        said.append(OWN_IDS)
    if len(preparation.columns) > 1:
        said.append(JOINED if in_python(preparation) else EMPTY_PAIR)
    return said


def _tokenizer(preparation: TextPreparation) -> "Tokenizer":
    """The library's tokenizer of one column, without a limit of its length."""
    from tokenizers import Tokenizer, normalizers

    steps: list[Normalizer] = []
    if preparation.line_break:
        steps.append(normalizers.Replace(preparation.line_break, " "))
    if preparation.name == "bytes":
        tokenizer = _of_bytes(preparation.tokenizer.vocabulary)
    elif preparation.name == "characters":
        tokenizer = _of_characters(preparation.tokenizer.vocabulary)
        steps.append(normalizers.NFC())
    elif isinstance(preparation.tokenizer, FileTokenizer):
        tokenizer = _of_file(preparation.tokenizer)
        if (own := tokenizer.normalizer) is not None:
            steps.append(own)
    else:
        # without the special tokens that are added to it: it would find them in texts that spell them
        tokenizer = Tokenizer.from_str(_without_added(preparation.tokenizer.description or ""))
        steps += _normalise()
    if steps:
        tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer


def _normalise() -> "list[Normalizer]":
    """``harness.data.normalised.normalise`` in the library's terms, in its order."""
    from tokenizers import Regex, normalizers

    return [
        normalizers.Replace("<br />", " "),
        normalizers.Replace(Regex(f"(?<={WORD_CHARACTER}){RIGHT_QUOTE}(?={WORD_CHARACTER})"), "'"),
        normalizers.NFC(),
        normalizers.Replace(Regex(FINAL_SIGMA), "ς"),
        normalizers.Lowercase(),
    ]


def _look_up(vocabulary: list[str]) -> "Tokenizer":
    """A tokenizer that looks up whole tokens. A token that UTF-8 cannot hold gets a name, as no text contains it."""
    from tokenizers import Tokenizer, models

    names = {_name(token): number for number, token in enumerate(vocabulary)}
    return Tokenizer(models.WordLevel(names, unk_token=SPECIAL[UNKNOWN]))


def _name(token: str) -> str:
    return token.encode("utf8", "backslashreplace").decode("utf8")


def _of_characters(vocabulary: list[str]) -> "Tokenizer":
    from tokenizers import Regex, pre_tokenizers

    tokenizer = _look_up(vocabulary)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(ANY_CHARACTER), "isolated")
    return tokenizer


def _of_bytes(vocabulary: list[str]) -> "Tokenizer":
    """The library writes a byte as a character of its own alphabet, that of GPT-2 (Radford et al. 2019)."""
    from tokenizers import Regex, pre_tokenizers

    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letter_of = {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    special = vocabulary[:-256]
    tokenizer = _look_up([*special, *(letter_of[byte] for byte in range(256))])
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    one_by_one = pre_tokenizers.Split(Regex(ANY_CHARACTER), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([as_bytes, one_by_one])
    return tokenizer


def _of_file(own: FileTokenizer) -> "Tokenizer":
    """The user's tokenizer as the harness reads with it: texts that spell a special token are ordinary texts."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(_without_added(own.library.to_str(), special_only=True))


def _without_added(description: str, special_only: bool = False) -> str:
    """A description without its added tokens (or the special ones among them), and without tokens around a text."""
    content: dict[str, Any] = json.loads(description)
    kept = [one for one in content["added_tokens"] if special_only and not one["special"]]
    return json.dumps({**content, "added_tokens": kept, "post_processor": None})


def _join_pairs(tokenizer: "Tokenizer", separator: int) -> None:
    from tokenizers import processors

    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A", pair=f"$A {SEPARATOR} $B", special_tokens=[(SEPARATOR, separator)]
    )
