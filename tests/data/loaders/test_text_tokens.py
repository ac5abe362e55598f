"""To data sets: texts of several columns, unknown tokens, words given one by one, tokenizers from files."""

import pandas as pd
import pytest
from conftest import refused
from tokenizers import Tokenizer, models

from harness.data import open_prepared, prepare
from harness.data.loaders.text import load_files, load_hub
from harness.data.loaders.text_rows import encode

TEXTS = [{"text": "good film" if n % 2 else "bad plot", "label": n % 2} for n in range(60)]


def written(file, rows):
    pd.DataFrame(rows).to_json(file, orient="records", lines=True)
    return str(file)


def tokens(data, split, row):
    return [data.vocabulary[number] for number in data.splits[split].sequence(row)]


def test_several_columns_are_one_text(tmp_path):
    rows = [(f"t{n % 9}", None if n == 3 else f"it is {'good' if n % 2 else 'bad'}", n % 2) for n in range(200)]
    file = written(tmp_path / "two.jsonl", [dict(zip(("title", "body", "label"), row, strict=True)) for row in rows])
    data = load_files(file, text=["title", "body"])
    assert data.vocabulary[2] == "[SEP]"
    assert sum(data.notes["empty_texts"].values()) == 0  # a missing body is an empty one
    rows = [tokens(data, role, row) for role, split in data.splits.items() for row in range(len(split))]
    assert ["t3", "[SEP]"] in rows
    assert rows.count(["t1", "[SEP]", "it", "is", "good"]) == 12
    assert data.preparation.columns == ("title", "body")
    message = refused(load_files, file, text=["title", "text"])
    assert "no column 'text'; it has title, body, label; set data.text" in message
    assert "is an empty list" in refused(load_files, file, text=[])
    leak = refused(load_files, file, text=["title", "label"])
    assert leak == "data.text has 'label', which is data.label: the answer is no input; leave it out"


def test_one_column_in_a_list_has_no_separator(tmp_path):
    file = written(tmp_path / "a.jsonl", TEXTS)
    assert load_files(file, text=["text"]).hash == load_files(file).hash


def test_the_share_of_unknown_tokens_is_noted():
    parts = {"train": (["a b", "a"], ["0", "1"]), "validation": (["a x y", "z"], ["0", "1"])}
    data = encode({**parts, "test": (["b a b c d", "a"], ["0", "1"])}, source="here", max_length=4)
    assert data.notes["unknown_tokens"] == {"validation": 3 / 4, "test": 1 / 5}


def test_a_tokenizers_file_belongs_to_the_key_of_the_data(tmp_path):
    tokenizer, file = tmp_path / "tokenizer.json", written(tmp_path / "a.jsonl", TEXTS)
    opened = []
    for vocabulary in ({"good": 0}, {"good": 0, "film": 1}):
        tokenizer.write_text(Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]")).to_str())
        opened.append(prepare(load_files, {"train": file, "tokenizer": str(tokenizer)}, tmp_path / "cache"))
    assert opened[0] != opened[1]
    assert open_prepared(opened[1]).vocabulary == ["[PAD]", "[UNK]", "good", "film"]


def test_a_tokenizer_that_does_not_exist_is_refused_before_the_data_are_read(tmp_path):
    assert "did you mean words?" in refused(load_files, "none.csv", tokenizer="word")
    assert "did you mean words?" in refused(load_hub, "none", splits={"train": "train"}, tokenizer="word")
    file = written(tmp_path / "a.jsonl", TEXTS)
    assert "there is no file" in refused(prepare, load_files, {"train": file, "tokenizer": "a/b.json"}, tmp_path)
    assert "data.punctuation must be true or false, and is 'yes'" in refused(load_files, file, punctuation="yes")


WORDS = [{"words": ["The", "U.S.", "won't"] if n % 2 else ["the", "un"], "label": "ab"[n % 2]} for n in range(60)]


def test_words_with_one_class_are_taken_as_they_are(tmp_path):
    data = load_files(written(tmp_path / "a.jsonl", WORDS), tokens="words")
    assert data.vocabulary == ["[PAD]", "[UNK]", "The", "U.S.", "the", "un", "won't"]
    assert data.task == "classification"
    assert data.classes == ["a", "b"]
    assert {tuple(tokens(data, "test", row)) for row in range(12)} == {("The", "U.S.", "won't"), ("the", "un")}
    assert data.notes["unknown_tokens"] == {"validation": 0, "test": 0}
    assert data.alphabet[:2] == ["[PAD]", "[UNK]"]


def test_words_with_one_class_in_a_csv_are_divided_by_spaces(tmp_path):
    rows = [{"words": " ".join(row["words"]) if n else "", "label": row["label"]} for n, row in enumerate(WORDS)]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    data = load_files(str(tmp_path / "a.csv"), tokens="words")
    assert data.vocabulary == ["[PAD]", "[UNK]", "The", "U.S.", "won't", "the", "un"]
    assert sum(data.notes["empty_texts"].values()) == 1


def test_words_are_answered_with_what_texts_are(tmp_path):
    rows = [{**row, "label": [row["label"], "c"][: n % 3], "price": n % 3} for n, row in enumerate(WORDS)]
    file = written(tmp_path / "a.jsonl", rows)
    several = load_files(file, tokens="words", task="multilabel")
    assert (several.classes, several.train.y.sum() > 0) == (["a", "b", "c"], True)
    number = load_files(file, tokens="words", label="price", task="regression", tolerance=0.5)
    assert (number.task, number.tolerance, set(number.train.y)) == ("regression", 0.5, {0, 1, 2})
    assert number.label_scale == pytest.approx([number.train.y.mean(), number.train.y.std()])
    classes = written(tmp_path / "b.jsonl", WORDS)
    assert load_files(classes, tokens="words", task="classification").hash == load_files(classes, tokens="words").hash


@pytest.mark.parametrize(("change", "settings", "sentence"), [
    ({"words": ["a", None]}, {}, "row 4 has an empty word in 'words'; remove it"),
    ({"label": ["a", "b"]}, {}, "row 4 has a list or an object in 'label'"),
    ({}, {"tokenizer": "bytes"}, "data.tokens=words are words already, which no tokenizer divides"),
    ({}, {"punctuation": True}, "leave out data.tokenizer and data.punctuation, or read data.text"),
    ({}, {"label": "class"}, "set data.label to one of them"),
])  # fmt: skip
def test_words_with_one_class_that_cannot_be_read(tmp_path, change, settings, sentence):
    rows = [row | (change if n == 3 else {}) for n, row in enumerate(WORDS)]
    assert sentence in refused(load_files, written(tmp_path / "a.jsonl", rows), tokens="words", **settings)


def three_rows(train=("good", "bad", "good"), labels=("1", "0", "1"), **settings):
    held_out = (["good", "bad"], ["1", "0"])
    parts = {"train": (list(train), list(labels)), "validation": held_out, "test": held_out}
    return encode(parts, source="here", **settings).summary()


@pytest.mark.parametrize("settings", [{"tokenizer": "characters"}, {"tokenizer": "bytes"}, {"vocabulary_size": 3}])
def test_rows_have_one_hash_whichever_tokenizer_reads_them(settings):
    words, other = three_rows(), three_rows(**settings)
    assert words.rows_hash == other.rows_hash
    assert words.hash != other.hash


def test_other_texts_labels_or_rows_have_another_hash():
    found = [
        three_rows(), three_rows(("good", "bad", "Good")), three_rows(labels=("1", "0", "0")),
        three_rows(("bad", "good", "good"), ("0", "1", "1")), three_rows(("good", "badgood", "")),
        three_rows(train_limit=2),
    ]  # fmt: skip
    assert len({summary.rows_hash for summary in found}) == len(found)
