"""Labels of files and the hub as text: which are one class, and which rows have none."""

import json

import datasets
import numpy as np
import pandas as pd
import pytest
from conftest import refused
from hypothesis import given
from hypothesis import strategies as st

from harness.data.loaders.columns import class_of, decimals_in, label_names
from harness.data.loaders.splits import class_names
from harness.data.loaders.text import load_files, load_hub


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([1, 2], ["1", "2"]),
        ([1.0, None, 2.0], ["1", None, "2"]),  # pandas makes floats of integers beside a gap
        ([0.5, 1.0, np.nan], ["0.5", "1.0", None]),
        ([True, False], ["True", "False"]),
        ([True, None], ["True", None]),
        (["1", " 01 ", "1E2", ""], ["1", "01", "1E2", None]),
        ([10**20, 10**20 + 1], [str(10**20), str(10**20 + 1)]),
        ([None, " ", "NaN"], [None, None, "NaN"]),
        ([2.0**53], ["9007199254740992"]),
    ],
)
def test_labels_are_text_and_a_gap_is_none(labels, names):
    assert label_names(pd.Series(labels)) == names
    assert label_names(pd.Series(labels, index=[7] * len(labels))) == names


def test_integers_that_became_floats_without_all_their_digits_are_refused():
    message = refused(label_names, pd.Series([2.0**53 + 2, None], name="id"))
    assert "numbers in 'id' are beyond 2**53 and were read as floats, which keep no more digits; save" in message


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["1", "1.0", "2"], ["1", "1", "2"]),
        (["1.0", "2.0"], ["1", "2"]),
        (["1", "1.0", "01"], ["1", "1.0", "01"]),  # 01 is no number: all are text
        (["1", "1.0", "x"], ["1", "1.0", "x"]),
        (["100", "1E2"], ["100", "1E2"]),
        (["0.5", "1.0"], ["0.5", "1.0"]),
        (["0.5", "0.50", "1.0", "1"], ["0.5", "0.5", "1", "1"]),
        (["+1", "-1", "-0"], ["1", "-1", "0"]),
        (["10000000000000000000001", "10000000000000000000002.0"], ["1" + "0" * 21 + "1", "1" + "0" * 21 + "2"]),
        (["True", "False"], ["True", "False"]),
        (["²", "1"], ["²", "1"]),
    ],
)
def test_numbers_are_one_class_only_where_all_labels_are_numbers(labels, classes):
    found = class_of(labels)
    assert [found[label] for label in labels] == classes


@given(st.lists(st.one_of(st.integers().map(str), st.text(min_size=1, max_size=3))))
def test_labels_that_are_no_numbers_of_one_value_stay_apart(labels):
    found = class_of(labels)
    for one in labels:
        for other in labels:
            same_number = one != other and found[one] == found[other]
            assert not same_number or float(one) == float(other)


@pytest.mark.parametrize(
    ("labels", "decimals"),
    [
        (["1.25", "0.5", "2"], ["0.5", "1.25"]),
        (["-.5", "1e-3", "7"], ["-.5", "1e-3"]),
        (["1.0", "2.00", "3", "1E2"], []),
        (["0.5", "1.25", "none"], []),
        (["1,5", "2,5"], []),
        (["1.2.3", "1.2"], []),
        (["1" + "0" * 400, "2"], []),
        (["²", "½"], []),
        ([], []),
    ],
)
def test_decimals_are_numbers_among_numbers_that_are_not_whole(labels, decimals):
    assert decimals_in(labels) == decimals


def test_decimal_labels_are_refused_as_classes_unless_they_are_said_to_be_some(tmp_path):
    def written(labels):
        rows = [{"text": f"t{number}", "label": labels[number % len(labels)]} for number in range(40)]
        (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return str(tmp_path / "a.jsonl")

    assert refused(load_files, written([1.25, 0.5, 2])) == (
        f"data: {tmp_path / 'a.jsonl'}: the labels are numbers, such as 0.5 and 1.25, and no classes; name a column of "
        "classes by data.label, or set data.task=regression, or data.task=classification if each number is a class"
    )
    assert load_files(written([1.25, 0.5, 2]), task="classification").classes == ["0.5", "1.25", "2"]
    assert load_files(written([1.25, 0.5, 2]), task="regression").task == "regression"
    assert load_files(written([1.0, 3, None])).classes == ["1", "3"]
    assert load_files(written(["0.5", "one"])).classes == ["0.5", "one"]


def test_classes_are_sorted_as_numbers_whatever_their_zeros():
    assert class_names(["10", "9", "010", "1", "01"] * 2) == ["01", "1", "9", "010", "10"]
    assert class_names(["b", "²", "a"] * 2) == ["a", "b", "²"]


def jsonl(file, labels):
    rows = [{"text": f"w{number % 7} x{number}", "label": label} for number, label in enumerate(labels)]
    file.write_text("\n".join(map(json.dumps, rows)))
    return str(file)


def test_identifiers_that_are_equal_as_numbers_stay_apart(tmp_path):
    names = ["1", "01", "001", "1E2", "100", "12345678901234567890", "12345678901234567891"]
    data = load_files(jsonl(tmp_path / "a.jsonl", names * 20))
    assert sorted(data.classes) == sorted(names)


def test_types_are_decided_over_all_files(tmp_path):
    numbers, padded = [0, 1] * 20, ["00", "01"] * 20
    train, test = jsonl(tmp_path / "a.jsonl", numbers), jsonl(tmp_path / "b.jsonl", [0.0, 1.0, None])
    data = load_files(train, test=test)
    assert (data.classes, data.unseen) == (["0", "1"], [])
    assert data.test.y.tolist() == [0, 1]
    assert data.notes["unlabelled_rows"] == {"train": 0, "test": 1}
    (tmp_path / "c.csv").write_text("text,label\n" + "x,1.0\ny,0\n" * 3)
    assert load_files(train, test=str(tmp_path / "c.csv")).test.y.tolist() == [1, 0] * 3
    data = load_files(train, test=jsonl(tmp_path / "d.jsonl", padded))
    assert (data.classes, data.unseen) == (["0", "1"], ["00", "01"])
    assert data.notes["unseen_labels"]["test"] == 40


def written(folder, label, splits):
    """A folder of the hub's layout; each split is a list of numbers of classes, or of lists of them."""
    folder.mkdir()
    features = datasets.Features({"text": label[0], "label": label[1]})
    for split, labels in splits.items():
        rows = [{"text": ["a", "b"] if isinstance(label[0], dict | list) else f"w{n % 9} x{n}", "label": one}
                for n, one in enumerate(labels)]  # fmt: skip
        datasets.Dataset.from_list(rows, features=features).to_parquet(folder / f"{split}.parquet")
    return str(folder)


TEXT = (datasets.Value("string"), datasets.ClassLabel(names=["neg", "pos"]))
SPLITS = {"train": "train", "validation": None, "test": "test"}


@pytest.mark.parametrize("none", [None, -1])
def test_rows_of_the_hub_without_a_class_are_dropped_and_counted(tmp_path, none):
    labels = [none if row == 7 else row % 2 for row in range(200)]
    source = written(tmp_path / "h", TEXT, {"train": labels, "test": [0, 1, none, none]})
    data = load_hub(source, splits=SPLITS)
    assert data.classes == ["neg", "pos"]
    assert data.test.y.tolist() == [0, 1]
    assert [len(split) for split in data.splits.values()] == [180, 19, 2]
    assert data.notes["unlabelled_rows"] == {"train": 1, "validation": 0, "test": 2}
    message = refused(load_hub, source, splits=SPLITS, unlabelled="error")
    assert message.startswith(f"data: {source}, split train, row 8 has no 'label' (1 such); fill it, remove the row")
    assert "data.unlabelled is one of drop, error, not 'keep'" in refused(
        load_hub, source, splits=SPLITS, unlabelled="keep"
    )


def test_a_published_test_split_without_labels_is_refused_with_what_to_do(tmp_path):
    source = written(tmp_path / "h", TEXT, {"train": [0, 1] * 50, "test": [-1] * 9})
    assert "the test split has no labels, like many published test splits; set data.splits.test=null" in refused(
        load_hub, source, splits=SPLITS
    )
    assert len(load_hub(source, splits={**SPLITS, "test": None}).test) == 20
    raw = jsonl(tmp_path / "a.jsonl", [0, 1] * 50), jsonl(tmp_path / "b.jsonl", [-1] * 9)
    assert "leave data.test out, and its rows are cut from train" in refused(load_files, raw[0], test=raw[1])
    signs = jsonl(tmp_path / "c.jsonl", [1, -1] * 50)  # here -1 is a class
    assert load_files(signs, test=raw[1]).test.y.tolist() == [0] * 9
    none = jsonl(tmp_path / "d.jsonl", [None] * 9)
    assert "no row of the training split has a label; is data.label the right column?" in refused(load_files, none)


def test_large_integers_of_the_hub_beside_a_missing_one_keep_their_digits(tmp_path):
    one, other = 2**53 + 1, 2**53
    labels = [None if row == 7 else (one, other)[row % 2] for row in range(40)]
    source = written(tmp_path / "h", (datasets.Value("string"), datasets.Value("int64")), {"train": labels})
    assert load_hub(source, splits={**SPLITS, "test": None}).classes == [str(other), str(one)]


def test_words_of_the_hub_without_a_class_do_not_count(tmp_path):
    tags = datasets.Sequence(TEXT[1])
    labels = [None if row == 3 else [row % 2, -1] for row in range(40)]
    source = written(tmp_path / "h", ([datasets.Value("string")], tags), {"train": labels})
    data = load_hub(source, splits={**SPLITS, "test": None}, tokens="text", tags="label")
    assert data.classes == ["neg", "pos"]
    assert (data.train.labels()[:, 1] == -100).all()
    assert sum(len(split) for split in data.splits.values()) == 39
    assert data.notes["unlabelled_rows"]["train"] == 1
    assert sum(data.notes["untagged_words"].values()) == 39
