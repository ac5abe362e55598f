"""What a word is: in scripts with and without spaces, by hand, and that scripts with spaces did not change."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from harness.data.word_patterns import RUN, RUN_OR_MARK, WORD, WORD_OR_MARK


def found(pattern, text):
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return [piece for piece, _ in split.pre_tokenize_str(text)]


@pytest.mark.parametrize(("text", "words"), [
    ("电影很好看。", ["电", "影", "很", "好", "看"]),
    ("〇々 繁體", ["〇", "々", "繁", "體"]),
    ("映画はラーメンです", ["映", "画", "は", "ラ", "ー", "メ", "ン", "で", "す"]),
    ("ㄅㄆ ꀀꀁ", ["ㄅ", "ㄆ", "ꀀ", "ꀁ"]),
    ("นั้น๒๕", ["นั้", "น", "๒๕"]),  # two marks above a letter; digits are one word, as elsewhere
    ("ພາສາ", ["ພ", "າ", "ສ", "າ"]),
    ("ខ្មែរ", ["ខ្មែ", "រ"]),  # a letter below another and a vowel
    ("မြန်မာ ဗုဒ္ဓ", ["မြ", "န်", "မာ", "ဗု", "ဒ္ဓ"]),
    ("iPhone很好，don't 用3台", ["iPhone", "很", "好", "don't", "用", "3", "台"]),
    ("한국어 단어 привет", ["한국어", "단어", "привет"]),
])  # fmt: skip
def test_scripts_without_spaces_are_split_into_characters_with_their_marks(text, words):
    assert found(WORD, text) == words
    assert found(RUN, text.replace(" ", "")) != words


SPACED = st.characters(
    exclude_categories=["Cs"], min_codepoint=1, max_codepoint=0xDFF  # Latin to Malayalam; Thai begins at U+0E00
)  # fmt: skip


@given(st.text(SPACED | st.sampled_from("don't 🙂’가나한")))
def test_words_of_scripts_with_spaces_are_what_they_were(text):
    assert found(WORD, text) == found(r"[\p{L}\p{M}\p{N}']+|\p{So}", text)


@pytest.mark.parametrize(("pattern", "first"), [(WORD_OR_MARK, ["很", "好"]), (RUN_OR_MARK, ["很好"])])
def test_marks_are_words_of_their_own_where_they_are_kept(pattern, first):
    text = "很好, 'it' isn't $5.0!?"
    assert found(pattern, text) == [*first, ",", "'", "it", "'", "isn't", "$", "5", ".", "0", "!", "?"]


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32)))
def test_no_visible_ascii_character_is_lost_where_marks_are_kept(text):
    assert "".join(found(WORD_OR_MARK, text)) == re.sub(" ", "", text)
