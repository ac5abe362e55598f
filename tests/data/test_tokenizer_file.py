"""Tokenizers from files: their ids become 0 for padding, 1 for unknown, then the file's; each kind of model by hand."""

import json

import pytest
from conftest import refused
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from harness.data.tokenizer_file import FileTokenizer
from harness.data.tokenizers import special_tokens, train_tokenizer

SPECIAL = special_tokens(0)


def read(library, special=SPECIAL, **changes):
    content = json.loads(library.to_str())
    content["model"] |= changes
    return FileTokenizer(json.dumps(content), special, "mine.json")


def bert():
    """Ids of special tokens are elsewhere than here, as in BERT's file; texts are cut to 2 and padded to 7."""
    vocabulary = {"[PAD]": 0, "good": 1, "##ness": 2, "[CLS]": 3, "[SEP]": 4, "[UNK]": 5, "bad": 6}
    library = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    library.normalizer = normalizers.Lowercase()
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.post_processor = processors.BertProcessing(("[SEP]", 4), ("[CLS]", 3))
    library.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]"])
    library.enable_truncation(2)
    library.enable_padding(length=7)
    return library


def test_ids_are_in_the_order_of_the_file_after_padding_and_unknown():
    tokenizer = read(bert())
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", "good", "##ness", "[CLS]", "[SEP]", "bad"]
    assert tokenizer.encode(["GOODNESS bad ugly bad", ""]) == [[2, 3, 6, 1, 6], []]


def test_the_separator_of_columns_is_that_of_the_file():
    tokenizer = read(bert(), special_tokens(1))
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", "[SEP]", "good", "##ness", "[CLS]", "bad"]
    assert tokenizer.encode(["bad"]) == [[6]]


@pytest.mark.parametrize("text", ["[PAD]", "[SEP]", "[CLS]"])
def test_a_text_that_spells_a_special_token_is_no_padding(text):
    assert set(read(bert()).encode([text])[0]) == {1}
    words = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "a": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.add_special_tokens(["[PAD]"])
    assert read(words).encode(["[PAD] a"]) == [[1, 2]]


def test_padding_that_the_file_names_itself():
    library = Tokenizer(models.WordLevel({"a": 0, "<nothing>": 1, "<what>": 2, "b": 3}, unk_token="<what>"))
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    library.enable_padding(pad_id=1, pad_token="<nothing>")
    tokenizer = read(library)
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", "a", "b"]
    assert tokenizer.encode(["b a c"]) == [[3, 2, 1]]


@pytest.mark.parametrize("unknown", [None, "<unk>"])
def test_a_model_of_merges_without_an_unknown_token_gets_one(unknown):
    """Alone, the library drops what such a model does not know."""
    library = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    assert library.encode("abzb").ids == [2, 1]
    tokenizer = read(library, unk_token=unknown)
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", "a", "b", "ab"]
    assert tokenizer.encode(["abzb"]) == [[4, 1, 3]]


def test_a_model_of_bytes_knows_every_text():
    alphabet = {character: index for index, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    library = Tokenizer(models.BPE(alphabet, []))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = read(library)
    assert len(tokenizer.vocabulary) == 258
    (ids,) = tokenizer.encode(["a é很"])
    assert len(ids) == len("a é很".encode())
    assert min(ids) >= 2


@pytest.mark.parametrize("unk_id", [None, 1])
def test_a_unigram_model_with_and_without_an_unknown_token(unk_id):
    pieces = [("a", -1.0), ("<unk>", -9.0), ("b", -1.5), ("ab", -1.6)]
    tokenizer = read(Tokenizer(models.Unigram(pieces, unk_id=1)), unk_id=unk_id)
    known = ["a", "b", "ab"] if unk_id else ["a", "<unk>", "b", "ab"]
    assert tokenizer.vocabulary == ["[PAD]", "[UNK]", *known]
    assert [tokenizer.vocabulary[number] for number in tokenizer.encode(["abzb"])[0]] == ["ab", "[UNK]", "b"]


def test_dropout_of_merges_is_off():
    library = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")], dropout=0.5))
    assert read(library).encode(["abababab"] * 20) == [[4] * 4] * 20


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"model": {"vocab": {"a": 0}, "type": "Other"}}'])
def test_a_file_that_is_no_tokenizer(tmp_path, text):
    file = tmp_path / "tokenizer.json"
    file.write_text(text)
    message = refused(train_tokenizer, str(file), ["a"], 99, SPECIAL)
    assert message.startswith(f"data.tokenizer: {file} cannot be read as a tokenizer.json of the tokenizers library (")


def test_punctuation_is_the_files_own_affair(tmp_path):
    (tmp_path / "tokenizer.json").write_text(bert().to_str())
    message = refused(train_tokenizer, str(tmp_path / "tokenizer.json"), ["a"], 99, SPECIAL, punctuation=True)
    assert message.startswith("data.punctuation=true is for words and subwords")


def test_another_json_of_a_tokenizer_is_named_and_a_byte_order_mark_is_no_fault(tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text('{"good": 0}')
    assert "it has no model; a vocab.json or" in refused(train_tokenizer, str(file), ["a"], 99, SPECIAL)
    library = Tokenizer(models.WordLevel({"a": 0, "b": 1}))
    file.write_text(library.to_str(), encoding="utf-8-sig")
    assert train_tokenizer(str(file), ["a"], 99, SPECIAL).encode(["b"]) == [[3]]


def test_every_token_has_the_id_that_the_file_has_for_it():
    assert read(bert()).file_ids() == [0, 5, 1, 2, 3, 4, 6]
    assert read(bert(), special_tokens(1)).file_ids() == [0, 5, 4, 1, 2, 3, 6]
    without = Tokenizer(models.WordLevel({"a": 0, "<what>": 1}, unk_token="<what>"))
    assert read(without, special_tokens(1)).file_ids() == [None, 1, None, 0]  # no padding and no separator


def test_what_a_file_puts_around_a_text():
    assert read(bert()).around() == ([3], [4])
    assert read(Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="b"))).around() == ([], [])
