"""The contract of a data set, and data without a download."""

import numpy as np
import pytest
from conftest import refused

from harness.data import Dataset, Split, from_sequences, one_sequence
from harness.data.loaders.digits import digits
from harness.data.synthetic.features import synthetic_features
from harness.errors import UserError


def small(**changes):
    x = [[2, 3], [4], [2, 2, 2]]
    parts = {name: (x, ["a", "b", "a"]) for name in ("train", "validation", "test")}
    settings = {"classes": ["a", "b"], "vocabulary": ["[PAD]", "[UNK]", "x", "y", "z"]}
    return from_sequences(**{**parts, **settings, **changes})


def test_sequences_are_padded_with_zero_and_labels_numbered():
    data = small()
    assert data.train.padded().tolist() == [[2, 3, 0], [4, 0, 0], [2, 2, 2]]
    assert data.train.length_N.tolist() == [2, 1, 3]
    assert data.train.y.tolist() == [0, 1, 0]
    assert (data.task, data.tokens, data.width, data.max_length) == ("classification", True, 5, 3)
    data.check()


def test_tagging_labels_are_padded_with_the_ignored_label():
    tags = [["a", "b"], ["b"], ["a", "a", "b"]]
    x = [[2, 3], [4], [2, 2, 2]]
    data = small(train=(x, tags), validation=(x, tags), test=(x, tags))
    assert data.train.labels().tolist() == [[0, 1, -100], [1, -100, -100], [0, 0, 1]]
    assert data.task == "tagging"
    data.check()


def test_the_hash_changes_with_every_part_and_only_with_them():
    base = small().hash
    assert small().hash == base
    assert small(source="elsewhere").hash == base
    assert small(test=([[2, 3], [4], [2, 2, 3]], ["a", "b", "a"])).hash != base
    assert small(validation=([[2, 3], [4], [2, 2, 2]], ["b", "b", "a"])).hash != base
    assert small(classes=["b", "a"]).hash != base
    assert small(vocabulary=["[PAD]", "[UNK]", "x", "y", "w"]).hash != base


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": ([], [])}, "the test split is empty"),
        ({"train": ([[2], [3], [4]], ["a", "a", "a"])}, "one class only ('a')"),
        ({"vocabulary": ["[PAD]", "[UNK]", "x", "y"]}, "token ids of the train split must be in 0..3"),
    ],
)
def test_data_on_which_a_comparison_is_meaningless_is_refused(change, message):
    with pytest.raises(UserError, match="data: ") as refusal:
        small(**change).check()
    assert message in str(refusal.value)


def test_a_split_without_any_tag_is_refused():
    tagged, empty = ([[2, 3], [2]], [["a", "b"], ["a"]]), ([[3, 2]], [[None, None]])
    data = from_sequences(tagged, empty, tagged, classes=["a", "b"], vocabulary=["[PAD]", "[UNK]", "x", "y"])
    assert refused(data.check) == (
        "data: no step of the validation split has a label; give it tags, or leave the split out"
    )


def test_features_that_are_not_finite_name_their_row():
    x = np.ones((4, 3, 2), np.float32)
    good = Split.from_padded(x, np.full(4, 3, np.int32), np.array([0, 1, 0, 1]))
    bad = Split.from_padded(x, good.length_N, good.y)
    bad.x[7, 0] = np.nan  # the second step of row 2
    with pytest.raises(UserError, match="row 2 of the test split"):
        Dataset(good, good, bad, ["a", "b"]).check()


def test_an_unknown_label_names_its_row():
    with pytest.raises(UserError, match="row 1 of train has the label 'c'"):
        small(train=([[2], [3]], ["a", "c"]))


def test_digits_are_scikit_learns_read_row_by_row():
    from sklearn.datasets import load_digits

    data = digits()
    assert [split.padded().shape for split in data.splits.values()] == [(1167, 8, 8), (270, 8, 8), (360, 8, 8)]
    images = (load_digits().images / 16).astype(np.float32)
    everything = np.concatenate([split.padded() for split in data.splits.values()])
    order = np.lexsort(everything.reshape(len(everything), -1).T)
    expected = images[np.lexsort(images.reshape(len(images), -1).T)]
    np.testing.assert_array_equal(everything[order], expected)
    data.check()


def test_splits_of_digits_share_no_row():
    data = digits()
    rows = [{image.tobytes() for image in split.padded()} for split in data.splits.values()]
    assert not rows[0] & rows[1]
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]


def test_synthetic_features_have_the_shape_and_lengths_that_are_set():
    data = synthetic_features(sequences=200, length=11, width=7, classes=3, min_length=5)
    assert data.train.padded().shape[1:] == (11, 7)
    assert data.train.length_N.min() >= 5
    assert (data.train.padded()[data.train.length_N < 11, -1] == 0).all()
    assert len(data.classes) == 3
    data.check()


def test_one_sequence_has_no_padding_and_is_always_the_same():
    data = small()
    one, again = one_sequence(data, 13), one_sequence(data, 13)
    assert one.padded().shape == (1, 13)
    assert one.length_N.tolist() == [13]
    assert one.x.min() >= 1
    np.testing.assert_array_equal(one.x, again.x)
