"""Rows that two splits share, empty sequences and lengths that train lacks are counted, whatever the loader."""

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK, refused

from harness.data import from_sequences
from harness.data.loaders.tagging import encode_tagged
from harness.data.loaders.text_rows import encode
from harness.data.overlap import notes_of_arrays

VOCABULARY = [str(number) for number in range(11)]


def data(*splits, features=False):
    """Splits of token ids, or of one feature for each step."""

    def labelled(rows):
        x = [np.array(row, np.float32)[:, None] for row in rows] if features else rows
        return x, [number % 2 for number in range(len(rows))]

    return from_sequences(*map(labelled, splits), classes=[0, 1], vocabulary=[] if features else VOCABULARY)


@pytest.mark.parametrize("features", [False, True])
def test_sequences_that_two_splits_share_are_counted(features):
    made = data(
        [[2, 3], [4], [5, 6, 7]],
        [[4], [2, 3, 4], [8, 9, 2]],  # [2, 3, 4] only begins like a sequence of train
        [[8, 9, 2], [8, 9, 2], [4], [9, 9, 9]],
        features=features,
    )
    repeated = {"validation": 1, "test": 1}
    expected = {"repeated_sequences": repeated, "test_in_validation": 3}
    assert notes_of_arrays(made.splits, made.notes) == expected
    assert made.summary().notes == notes_of_arrays(made.splits, made.notes)


def notes_of(made):
    return notes_of_arrays(made.splits, made.notes)


def test_padding_does_not_count():
    made = data([[2, 3], [4, 5]], [[2, 3], [6, 7]], [[2, 3, 0], [4, 4, 4]])
    assert notes_of_arrays(made.splits, made.notes)["repeated_sequences"] == {"validation": 1, "test": 0}


def test_data_without_any_of_it_has_no_notes():
    assert notes_of(data([[2, 3], [4, 5]], [[2, 4], [3]], [[7, 8], [9, 9]])) == {}


def test_empty_sequences_are_counted_where_there_are_any():
    made = data([[2, 3, 4], []], [[5], [6]], [[], []])
    assert notes_of_arrays(made.splits, made.notes)["empty_sequences"] == {"train": 1, "validation": 0, "test": 2}


def test_the_longest_sequences_are_named_if_train_lacks_their_length():
    made = data([[2, 3], [4, 5]], [[6], [7]], [[8, 9, 2, 3], [2]])
    assert notes_of_arrays(made.splits, made.notes) == {"longest": {"train": 2, "validation": 1, "test": 4}}


def test_a_training_split_of_empty_sequences_is_refused():
    sentence = refused(data([[], []], [[2], [3]], [[4], [5]]).check)
    assert sentence.startswith("data: every sequence of the training split is empty, so that no encoder can learn from")


def test_texts_and_tagged_words_are_compared_word_for_word():
    rows = {"train": ["a b", "c"], "validation": ["c", "d e", "A b"], "test": ["d e", "d e", "f"]}
    labels = {role: ["x", "y", "x"][: len(texts)] for role, texts in rows.items()}
    texts = encode({role: (rows[role], labels[role]) for role in rows}, source="here")
    tags = {role: [tuple("xy"[: len(row.split())]) for row in rows[role]] for role in rows}
    tags["train"] = [("x", "y"), ("x",)]
    tagged = encode_tagged(
        {role: ([tuple(row.split()) for row in rows[role]], tags[role]) for role in rows}, source="here"
    )
    for made in (texts, tagged):
        notes = made.summary().notes
        assert notes["repeated_texts"] == {"validation": 1, "test": 0}
        assert notes["test_in_validation"] == 2
        assert "repeated_sequences" not in notes


def test_a_file_of_texts_without_a_word_is_refused_with_exit_code_2(command, tmp_path):
    rows = [(f"{'!' * number}", "ab"[number % 2]) for number in range(40)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "a.csv", index=False)
    ended = command("data=files", "data.train=a.csv", "tracking=none", *QUICK)
    assert ended.code == 2
    assert "every sequence of the training split is empty" in ended.err
    assert "Traceback" not in ended.err
    assert not ended.records


def test_a_loader_of_the_users_own_gets_the_notes_in_its_record_and_on_the_terminal(command, tmp_path, monkeypatch):
    (tmp_path / "my_rows.py").write_text(
        "from harness.data import from_sequences\n"
        "def load():\n"
        "    train = ([[2, 3], [4, 5], [3, 2], [5]] * 5, [0, 1, 0, 1] * 5)\n"
        "    validation = ([[4, 5], [2, 2, 2]], [1, 0])\n"
        "    test = ([[2, 2, 2], [5, 5, 4, 3], []], [0, 1, 0])\n"
        "    names = ['[PAD]', '[UNK]', 'a', 'b', 'c', 'd']\n"
        "    return from_sequences(train, validation, test, classes=[0, 1], vocabulary=names)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    timed = "measure.warmup_steps=0"  # the split is small
    ended = command("data=custom", "data._target_=my_rows.load", "position=learned", "tracking=none", *QUICK, timed)
    assert ended.code == 0, ended.err
    assert ended.record.data.notes == {
        "repeated_sequences": {"validation": 1, "test": 0}, "test_in_validation": 1,
        "empty_sequences": {"train": 0, "validation": 0, "test": 1},
        "longest": {"train": 2, "validation": 3, "test": 4},
    }  # fmt: skip
    notes = " ".join(ended.out.split()).partition(" all ")[0].split(" note ")[1:]
    assert notes == [
        "1 of 2 validation sequences also occur in train",
        "1 of 3 test sequences also occur in validation",
        "1 of 3 test sequences are empty: they are read as padding",
        "the longest test sequence has 4 steps, the longest train sequence 2: the positions after it "
        "(position=learned) were never trained",
    ]
