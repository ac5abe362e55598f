"""Labels that only validation or test has: their ids, their notes, and what does not change without them."""

import dataclasses

import numpy as np
import pytest
from conftest import refused

from harness.data import Dataset, Split, from_sequences, open_prepared, prepare
from harness.data.unseen import set_apart

X = [[2, 3], [4], [2, 2, 2]]
WORDS = ["[PAD]", "[UNK]", "x", "y", "z"]


def made(train="aba", validation="aba", test="aba", classes="ab", **more):
    parts = {"train": (X, list(train)), "validation": (X, list(validation)), "test": (X, list(test))}
    return from_sequences(**parts, classes=list(classes), vocabulary=WORDS, **more)


def test_labels_of_validation_and_test_that_are_no_classes_are_unseen():
    data = made(validation="abd", test="caa")
    assert (data.classes, data.unseen, data.label_names) == (["a", "b"], ["c", "d"], ["a", "b", "c", "d"])
    assert data.validation.y.tolist() == [0, 1, 3]
    assert data.test.y.tolist() == [2, 0, 0]
    assert data.notes == {
        "unseen_labels": {"validation": 1, "test": 1}, "counted_labels": {"validation": 3, "test": 3}
    }  # fmt: skip
    assert data.summary().unseen == ["c", "d"]
    data.check()


def test_a_class_that_train_lacks_is_unseen_and_one_that_no_split_has_keeps_its_output():
    data = made(train="bdb", validation="bdb", test="bad", classes="abcd")
    assert (data.classes, data.unseen) == (["b", "c", "d"], ["a"])
    assert data.train.y.tolist() == [0, 2, 0]
    assert data.test.y.tolist() == [0, 3, 2]
    data.check()
    whole = made(classes="abc")
    assert (whole.classes, whole.unseen, whole.notes) == (["a", "b", "c"], [], {})


def test_tags_that_train_lacks_are_unseen_and_ignored_ones_stay_so():
    tags = [["a", "b"], ["b"], ["a", None, "b"]]
    more = [["a", "c"], [None], ["d", None, "b"]]
    data = from_sequences((X, tags), (X, tags), (X, more), classes=["d", "a", "b"], vocabulary=WORDS)
    assert (data.classes, data.unseen) == (["a", "b"], ["d", "c"])
    assert data.test.labels().tolist() == [[0, 3, -100], [-100, -100, -100], [2, -100, 1]]
    assert data.notes["counted_labels"] == {"validation": 5, "test": 4}
    data.check()


def test_the_hash_has_the_names_of_unseen_labels():
    assert made(test="cab").hash != made(test="dab").hash
    assert set_apart(made()).hash == made().hash
    # the hash of data without unseen labels is the one of earlier versions
    assert made().hash == "74836d4d7cfb1e4049ec2391f79c130565bc2353111c5bc3f6e6647a91167b78"


def test_a_class_of_another_type_is_refused_instead_of_counted_as_an_error():
    parts = (X, [0, 1, 0]), (X, [0, 1, 0]), (X, ["0", "1", "0"])
    message = refused(from_sequences, *parts, classes=[0, 1], vocabulary=WORDS)
    assert "a label of validation or test is '0', and a class is 0; give labels and classes the same type" in message


def arrays(test):
    x, length_N = np.ones((3, 2, 5), np.float32), np.full(3, 2, np.int32)
    first = Split.from_padded(x, length_N, np.array([2, 1, 2]))
    return Dataset(first, first, Split.from_padded(x, length_N, np.array(test)), ["a", "b", "c"])


def load_arrays():
    return arrays([0, 1, 2])


def test_a_loader_of_arrays_may_have_classes_that_train_lacks(tmp_path):
    data = open_prepared(prepare(load_arrays, {}, tmp_path))
    assert (data.classes, data.unseen) == (["b", "c"], ["a"])
    assert data.train.y.tolist() == [1, 0, 1]
    assert data.test.y.tolist() == [2, 0, 1]
    assert dataclasses.asdict(data.summary())["notes"]["unseen_labels"] == {"validation": 0, "test": 1}


@pytest.mark.parametrize("test", [[0, 1, 3], [0, 1, -1]])
def test_ids_without_a_name_are_refused(test):
    data = set_apart(arrays(test))
    assert "labels of the test split must be int64 in 0..2" in refused(data.check)
