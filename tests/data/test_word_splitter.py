"""Words found character by character are those of the library's pattern, and so is the vocabulary learned from them."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from harness.data.normalised import normalise
from harness.data.tokenizers import train_words
from harness.data.word_patterns import WORD, WORD_OR_MARK
from harness.data.word_splitter import WordSplitter

EDGES = "don't 'a' ’🙂☺️é\u0301กิ์ ခ္မ 電影。ー가나 १२ \x00\x1c\u2028\u200d\ufeff\t¼Ⅳ"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(EDGES))


def pattern(word):
    return pre_tokenizers.Split(Regex(word), "removed", invert=True)


@pytest.mark.parametrize("word", [WORD, WORD_OR_MARK])
def test_every_character_between_others_is_split_as_the_pattern_says(word):
    split = pattern(word)
    splitter = WordSplitter(split)
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    for start in range(0, 0x20000, 64):
        text = "".join(f"a{one}'{one}\u0301{one}{one}b " for one in characters[start : start + 64])
        assert splitter.split(text) == [piece for piece, _ in split.pre_tokenize_str(text)], hex(start)


@pytest.mark.parametrize("word", [WORD, WORD_OR_MARK])
@given(text=TEXTS)
def test_any_text_is_split_as_the_pattern_says(word, text):
    split = pattern(word)
    assert WordSplitter(split).split(text) == [piece for piece, _ in split.pre_tokenize_str(text)]


@given(st.lists(TEXTS, min_size=1), st.integers(3, 12))
def test_the_vocabulary_and_the_ids_are_those_of_the_library(texts, size):
    special = ["[PAD]", "[UNK]"]
    reference = Tokenizer(models.WordLevel({}, unk_token="[UNK]"))
    reference.pre_tokenizer = pattern(WORD)
    trainer = trainers.WordLevelTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    reference.train_from_iterator(map(normalise, texts), trainer)
    tokenizer = train_words(texts, size, special)
    assert {token: index for index, token in enumerate(tokenizer.vocabulary)} == reference.get_vocab()
    expected = [one.ids for one in reference.encode_batch([normalise(text) for text in texts])]
    assert tokenizer.encode(texts) == expected
    loaded = Tokenizer.from_str(tokenizer.description)  # what is saved gives the same ids without the harness
    assert [one.ids for one in loaded.encode_batch([normalise(text) for text in texts])] == expected
