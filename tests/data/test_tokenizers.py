"""Tokenizers: ids and vocabularies by hand, texts back from ids, and what is refused."""

import itertools
import unicodedata

import pytest
from conftest import refused
from hypothesis import given
from hypothesis import strategies as st

from harness.data import tokenizers
from harness.data.tokenizers import ByteTokenizer, special_tokens, tokenizer_file, train_characters, train_tokenizer

SPECIAL = special_tokens(0)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def tokens(tokenizer, text):
    return [tokenizer.vocabulary[number] for number in tokenizer.encode([text])[0]]


def test_words_by_frequency():
    tokenizer = train_tokenizer("words", ["b b a", "a b ฿ c", "很很好"], 7, SPECIAL)
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", "b", "a", "很", "c", "好"]
    assert tokenizer.encode(["A, b D 好很", ""]) == [[3, 2, 1, 6, 4], []]


def test_words_with_punctuation():
    tokenizer = train_tokenizer("words", ["Well, it's fine!"], 99, SPECIAL, punctuation=True)
    assert tokens(tokenizer, "It's, well") == ["it's", ",", "well"]


def test_characters_by_frequency_with_spaces_case_and_marks():
    tokenizer = train_tokenizer("characters", ["Aa b", "a b!", "cafe\u0301"], 8, SPECIAL)
    # a 3 times, a space and b twice, then in the order of Unicode; the accent is part of its letter
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", "a", " ", "b", "!", "A", "c"]
    assert tokenizer.encode(["Ab \u00e9!", "z"]) == [[6, 4, 3, 1, 5], [1]]


def test_bytes_are_those_of_utf8():
    tokenizer = train_tokenizer("bytes", ["read nothing"], 3, SPECIAL)
    assert len(tokenizer.vocabulary) == 258
    assert tokenizer.encode(["a\n\u00e9"]) == [[2 + 97, 2 + 10, 2 + 0xC3, 2 + 0xA9]]
    assert tokens(tokenizer, "a \u00e9") == ["a", "<0x20>", "<0xC3>", "<0xA9>"]


@given(TEXTS)
def test_bytes_give_the_text_back(text):
    tokenizer = ByteTokenizer(special_tokens(1))
    (ids,) = tokenizer.encode([text])
    assert tokenizer.decode(ids) == text.encode()
    assert min(ids, default=3) >= 3


@given(TEXTS)
def test_characters_give_the_text_back(text):
    tokenizer = train_characters([text], 10_000, SPECIAL)
    (ids,) = tokenizer.encode([text])
    assert tokenizer.decode(ids) == unicodedata.normalize("NFC", text)
    assert min(ids, default=2) >= 2


def test_subwords_are_merged_by_frequency():
    texts = ["low lower"] * 60 + ["newest"] * 50 + ["odd"] * 49
    tokenizer = train_tokenizer("subwords", texts, 1000, SPECIAL)
    start = tokenizers.WORD_START
    assert tokens(tokenizer, "LOW") == [f"{start}low"]
    assert tokens(tokenizer, "lows") == [f"{start}low", "s"]
    assert tokens(tokenizer, "newest") == [f"{start}newest"]
    assert tokens(tokenizer, "odd z") == [start, "o", "d", "d", start, "[UNK]"]  # 49 times are too few


def test_subwords_find_words_in_scripts_without_spaces():
    """A sentence is one run of characters; the two words in it stand among 36 pairs of others."""
    noise = [one + other for one, other in itertools.product("甲乙丙丁戊己", repeat=2)]
    texts = [f"{pair}{word}" for pair in noise for word in ("好看", "难看") for _ in range(2)]
    tokenizer = train_tokenizer("subwords", texts, 20_000, SPECIAL)
    assert tokens(tokenizer, "甲己难看") == [tokenizers.WORD_START, "甲", "己", "难看"]
    assert tokens(tokenizer, "乙好看") == [tokenizers.WORD_START, "乙", "好看"]


def test_subwords_never_exceed_the_size_and_keep_the_frequent_characters():
    """Equally frequent characters go in the order of Unicode: the library alone would choose at random."""
    tokenizer = train_tokenizer("subwords", ["dcba, cba ba a"], 5, SPECIAL)
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", "a", "b", tokenizers.WORD_START]
    assert tokens(tokenizer, "abc") == [tokenizers.WORD_START, "a", "b", "[UNK]"]


def test_subwords_with_punctuation():
    kept = train_tokenizer("subwords", ["ab, ab."] * 50, 99, SPECIAL, punctuation=True)
    assert tokens(kept, "ab.") == [f"{tokenizers.WORD_START}ab", f"{tokenizers.WORD_START}."]


@pytest.mark.parametrize("name", ["words", "subwords", "characters", "bytes"])
def test_a_text_that_spells_a_special_token_is_a_text(name):
    tokenizer = train_tokenizer(name, ["pad unk sep [PAD][UNK] [SEP]"], 300, special_tokens(1))
    (ids,) = tokenizer.encode(["[PAD] [SEP]"])
    assert not {0, 2} & set(ids)
    assert tokenizer.vocabulary[:3] == ["[PAD]", "[UNK]", "[SEP]"]


def test_names_that_are_no_tokenizer(tmp_path):
    assert tokenizer_file("words") is None
    message = refused(tokenizer_file, "charactrs")
    assert message == (
        "data.tokenizer is words, characters, bytes, subwords or the path of a tokenizer.json, and not 'charactrs'; "
        "did you mean characters?"
    )
    assert "there is no file" in refused(tokenizer_file, str(tmp_path / "tokenizer.json"))
    assert refused(tokenizer_file, "sentencepiece").endswith("and not 'sentencepiece'")
    assert refused(tokenizer_file, None).endswith("and not None")
