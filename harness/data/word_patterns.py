"""What a word of a text is, as patterns of the ``tokenizers`` library (Oniguruma's regular expressions)."""

UNSPACED = (
    *("Han", "Hiragana", "Katakana", "Bopomofo", "Yi"),
    *("Thai", "Lao", "Khmer", "Myanmar", "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet"),
)
"""Scripts that put no spaces between words."""
_LETTER = r"[\u30fc\uff70{}&&\p{{L}}\p{{Nl}}]".format("".join(rf"\p{{{script}}}" for script in UNSPACED))
"""A letter of these scripts; Unicode gives the sign for a long vowel in Kana, U+30FC, to no single script."""
_CHARACTER = rf"{_LETTER}(?:[\u1039\u17d2]{_LETTER}|\p{{M}})*"
"""A letter with its marks, such as Thai vowels above it; U+1039 (Burmese) and U+17D2 (Khmer) put a letter below it."""
_SPACED = rf"[\p{{L}}\p{{M}}\p{{N}}&&[^{_LETTER}]]"

WORD = rf"{_CHARACTER}|(?:{_SPACED}|')+|\p{{So}}"
"""A word is a run of letters, marks, digits and apostrophes (don't), a single character of a script without spaces, or
a single symbol such as an emoji."""
WORD_OR_MARK = rf"{_CHARACTER}|{_SPACED}+(?:'{_SPACED}+)*|[\p{{P}}\p{{S}}]"
"""The same with every punctuation mark and symbol; an apostrophe at the edge of a word is such a mark."""
RUN = r"[\p{L}\p{M}\p{N}']+|\p{So}"
"""A run of letters of any script, in which subwords are found."""
RUN_OR_MARK = r"[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}\p{N}]+)*|[\p{P}\p{S}]"
