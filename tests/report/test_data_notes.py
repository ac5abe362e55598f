"""The sentences about the data of runs: once for each data set, and only where there is something to say."""

import pytest
from made_records import made

from harness.report.data_notes import data_notes

SIZES = {"train": 100, "validation": 20, "test": 30}


def notes_of(choices=None, **data):
    record = made(data={"hash": "1", "sizes": SIZES, **data})
    record.choices |= choices or {}
    return data_notes([record, record])


@pytest.mark.parametrize(("notes", "expected"), [
    ({}, []),
    ({"repeated_texts": {"validation": 0, "test": 3}, "test_in_validation": 0},
     ["3 of 30 test texts also occur in train, word for word"]),
    ({"repeated_texts": {"validation": 0, "test": 0}, "test_in_validation": 2},
     ["2 of 30 test texts also occur in validation, word for word"]),
    ({"repeated_sequences": {"validation": 1, "test": 0}, "test_in_validation": 2},
     ["1 of 20 validation sequences also occur in train", "2 of 30 test sequences also occur in validation"]),
    ({"empty_texts": {"train": 2, "validation": 0, "test": 30}},
     ["2 of 100 train, 30 of 30 test texts contain no word: they are read as padding"]),
    ({"empty_sequences": {"train": 0, "validation": 20, "test": 0}},
     ["20 of 20 validation sequences are empty: they are read as padding"]),
])  # fmt: skip
def test_what_is_in_two_splits_or_empty_is_counted(notes, expected):
    assert notes_of(notes=notes) == expected


def unknown_note(shares, vocabulary_size=20, task="classification", choice="embedding", **settings):
    notes = {"unknown_tokens": shares}
    record = made(data={"hash": "1", "notes": notes, "vocabulary_size": vocabulary_size, "task": task})
    record.choices["input"] = choice
    record.config["data"] = {"vocabulary_size": 30, **settings}
    return data_notes([record, record])


def test_of_a_pretrained_encoder_the_tokenizer_cannot_be_chosen():
    record = made(data={"vocabulary_size": 20, "notes": {"unknown_tokens": {"test": 0.5}}}, config={
        "encoder._target_": "harness.backends.pytorch.encoders.Pretrained", "data.tokenizer": "me/tiny",
    })  # fmt: skip
    assert data_notes([record]) == ["50% of the test tokens are unknown ([UNK]): the vocabulary lacks them"]


def test_many_unknown_tokens_are_named_with_what_reads_them():
    shares = {"validation": 0.204, "test": 0.416}
    lacking = "20% of the validation tokens and 42% of the test tokens are unknown ([UNK]): the vocabulary lacks them"
    assert unknown_note({"validation": 0.2, "test": 0.0}, tokenizer="words") == []
    assert unknown_note(shares, tokenizer="words") == [
        f"{lacking}; data.tokenizer=subwords or characters reads them in pieces"
    ]
    assert unknown_note({"validation": 0.1, "test": 0.416}, 30, tokenizer="words") == [
        "42% of the test tokens are unknown ([UNK]): the vocabulary lacks them; data.tokenizer=subwords or characters "
        "reads them in pieces, and a larger data.vocabulary_size has more of them"
    ]
    assert unknown_note(shares, tokenizer="characters") == [f"{lacking}; data.tokenizer=bytes lacks none"]
    assert unknown_note(shares, tokenizer="mine/tokenizer.json") == [
        f"{lacking}; data.tokenizer=subwords learns a vocabulary from train"
    ]
    assert unknown_note(shares, tokenizer="words", tokens="words") == [
        f"{lacking}; input=word_char reads the characters of words as well"
    ]
    assert unknown_note(shares, task="tagging", choice="word_char") == [f"{lacking}; their characters are read"]
    assert unknown_note(shares) == [lacking]


def test_positions_that_train_never_reached_matter_for_learned_positions_only():
    longest = {"longest": {"train": 7, "validation": 11, "test": 5}}
    assert notes_of(notes=longest) == notes_of({"position": "sinusoidal"}, notes=longest) == []
    assert notes_of({"position": "learned"}, notes=longest) == [
        "the longest validation sequence has 11 steps, the longest train sequence 7: "
        "the positions after it (position=learned) were never trained"
    ]


@pytest.mark.parametrize(("classes", "other"), [(["B-X", "I", "O"], "I"), (["B_X", "I_X", "O"], "B_X")])
def test_tags_that_look_like_spans_and_are_none_are_named(classes, other):
    sentence = (
        f"spans are not scored, because {other!r} is no tag of BIO, BIOES, BILOU or BMES: write prefix-kind, such as "
        "B-PER, or O"
    )
    assert notes_of(task="tagging", classes=classes) == [sentence]
    assert notes_of(task="classification", classes=classes) == []


@pytest.mark.parametrize(("notes", "expected"), [
    ({"unlabelled_rows": {"train": 1234, "test": 0}}, "rows without a label, which were dropped: 1,234 train"),
    ({"untagged_words": {"train": 0, "test": 2}}, "words without a tag, which do not count: 2 test"),
    ({"rare_classes": {"validation": 2, "test": 1}},
     "validation lacks 2 and test lacks 1 of 2 classes, which have too few rows for every split: train keeps them"),
    ({"rare_tags": 3}, "tags with so few rows that these stay in train, and are in no split that was cut from it: 3"),
    ({"unseen_labels": {"validation": 0, "test": 3}, "counted_labels": {"validation": 20, "test": 1000}},
     "3 of 1,000 test labels are 'u1', 'u2', 'u3', 'u4', 'u5', ..., which train never saw: no output stands for them, "
     "each counts as an error"),
    ({"unseen_labels": {"validation": 0, "test": 30}, "counted_labels": {"validation": 0, "test": 30}},
     "30 of 30 test labels are 'u1', 'u2', 'u3', 'u4', 'u5', ..., which train never saw: no output stands for them, "
     "each counts as an error; are they written as in train?"),
])  # fmt: skip
def test_labels_that_are_missing_rare_or_new_are_counted(notes, expected):
    assert notes_of(notes=notes, classes=["a", "b"], unseen=["u1", "u2", "u3", "u4", "u5", "u6"]) == [expected]


@pytest.mark.parametrize("classes", [["B-X", "I-X", "O"], ["B-X", "E-X", "O"], ["B", "I", "O"], ["NOUN", "VERB"]])
def test_other_tags_need_no_sentence(classes):
    assert notes_of(task="tagging", classes=classes) == []


def test_sentences_about_several_sizes_of_train_name_the_limit():
    records = []
    for limit, repeated in ((100, 1), (None, 3)):
        notes = {"repeated_texts": {"validation": 0, "test": repeated}, "test_in_validation": 0}
        data = {"hash": str(limit), "sizes": SIZES, "notes": notes}
        records += [made(seed=seed, data=data, config={"data.train_limit": limit}) for seed in (0, 1)]
    assert data_notes(records) == [
        "data.train_limit=100: 1 of 30 test texts also occur in train, word for word",
        "data.train_limit=null: 3 of 30 test texts also occur in train, word for word",
    ]
