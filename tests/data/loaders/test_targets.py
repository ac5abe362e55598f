"""Numbers, several labels a text and columns of 0 and 1, read from files as other programs write them."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import refused

from harness.data.loaders.text import load_files
from harness.tasks.task import task_of

TEXTS = ["a good film", "a bad film", "no film", "good good plot"] * 10


def write(path, **columns):
    """A table of texts and these columns, in the form that the file's ending says."""
    frame = pd.DataFrame({"text": TEXTS, **columns})
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")), encoding="utf8")
    return str(path)


def by_text(data):
    """The labels of every row of all splits, by its text; a text has the same label wherever it occurs."""
    found = {}
    for split in data.splits.values():
        for row, y in enumerate(split.y):
            found[" ".join(data.vocabulary[one] for one in split.sequence(row))] = y.tolist()
    return found


PRICES = [3.5, -2, 1e3, 0.25] * 10
REGRESSION = {"label": "price", "task": "regression"}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_column_of_numbers_is_a_regression_in_the_unit_of_the_file(tmp_path, ending):
    data = load_files(write(tmp_path / f"a.{ending}", price=PRICES), **REGRESSION, tolerance=0.5)
    data.check()
    assert by_text(data) == {"a good film": 3.5, "a bad film": -2, "no film": 1000, "good good plot": 0.25}
    assert (data.task, data.tolerance, data.classes, data.train.y.dtype) == ("regression", 0.5, [], np.float32)
    train = data.train.y.astype(np.float64)
    assert data.label_scale == pytest.approx([train.mean(), train.std()])
    assert data.summary().label_scale == data.label_scale


def test_rows_without_a_number_are_dropped_and_counted(tmp_path):
    file = write(tmp_path / "a.csv", price=[*PRICES[:36], "", "nan", " ", "3"])
    data = load_files(file, **REGRESSION)
    assert sum(len(split) for split in data.splits.values()) == 37
    assert data.notes["unlabelled_rows"]["train"] == 3
    missing = write(tmp_path / "a.jsonl", price=[*PRICES[:38], None, float("nan")])
    assert load_files(missing, **REGRESSION).notes["unlabelled_rows"]["train"] == 2


@pytest.mark.parametrize("value", ["3,5", "cheap", "1_0", "12 EUR", "0x10"])
def test_a_text_that_is_no_number_is_named_with_its_row(tmp_path, value):
    file = write(tmp_path / "a.csv", price=[*PRICES[:39], value])
    message = refused(load_files, file, **REGRESSION)
    assert f"row 40 below the header has {value!r} in 'price'; data.task=regression needs numbers" in message


def test_what_float32_cannot_hold_and_what_is_no_number_in_json_is_refused(tmp_path):
    assert "beyond the largest float32" in refused(
        load_files, write(tmp_path / "a.csv", price=[*PRICES[:39], "1e39"]), **REGRESSION
    )
    assert "row 40 has True in 'price'; data.task=regression needs numbers" in refused(
        load_files, write(tmp_path / "a.jsonl", price=[*PRICES[:39], True]), **REGRESSION
    )
    same = load_files(write(tmp_path / "b.csv", price=[7] * 40), **REGRESSION)
    assert "all labels of the training split are the same number" in refused(same.check)


def test_a_hidden_number_is_no_answer_and_one_beyond_float_is_refused(tmp_path):
    hidden = write(tmp_path / "hidden.jsonl", price=[-1.0] * 40)  # as in the published test split of STS-B
    train = write(tmp_path / "a.jsonl", price=[1.5, 2.0] * 20)
    assert "the test split has no labels" in refused(load_files, train, test=hidden, **REGRESSION)
    signed = write(tmp_path / "b.jsonl", price=[-1, 2] * 20)
    assert set(load_files(signed, test=hidden, **REGRESSION).test.y) == {-1}
    (tmp_path / "c.jsonl").write_text(json.dumps({"text": "a", "price": 10**400}) + "\n")
    assert "this is beyond the largest float32" in refused(load_files, str(tmp_path / "c.jsonl"), **REGRESSION)


SETS = [["toxic", "very rude"], ["rude"], [], ["toxic"]] * 10
EXPECTED = {"a good film": [0, 1, 1], "a bad film": [1, 0, 0], "no film": [0, 0, 0], "good good plot": [0, 1, 0]}
"""By the classes rude, toxic, very rude."""


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_column_of_lists_has_several_labels_a_text_or_none(tmp_path, ending):
    data = load_files(write(tmp_path / f"a.{ending}", labels=SETS), label="labels", task="multilabel")
    data.check()
    assert (data.task, data.classes) == ("multilabel", ["rude", "toxic", "very rude"])
    assert by_text(data) == EXPECTED
    assert data.train.y.dtype == np.float32


def test_labels_that_are_numbers_are_compared_over_all_files(tmp_path):
    train = write(tmp_path / "a.jsonl", labels=[[1, 2], [1], [], [2]] * 10)
    test = write(tmp_path / "b.jsonl", labels=[[1.0, "1"], [2.0], [3], ["2.", "3.0"]] * 10)
    data = load_files(train, test=test, label="labels", task="multilabel")
    assert (data.classes, data.unseen) == (["1", "2"], ["3"])
    assert data.test.y[:4].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]]


def test_a_missing_item_of_a_list_is_no_label(tmp_path):
    file = tmp_path / "a.jsonl"  # NaN and 1.0: what pandas makes of [1, null]
    file.write_text('{"text": "x", "label": [1.0, NaN]}\n{"text": "y", "label": [2, null, ""]}\n' * 20)
    assert load_files(str(file), task="multilabel").classes == ["1", "2"]


def test_a_label_is_no_object(tmp_path):
    file = write(tmp_path / "a.jsonl", labels=[[], *[[{"name": "rude"}]] * 39])
    message = refused(load_files, file, label="labels", task="multilabel")
    assert "row 2 has [{'name': 'rude'}] in 'labels'; this has lists or objects inside" in message


def test_lines_of_fasttext_with_one_label_are_lists_and_classes(tmp_path):
    several, single = tmp_path / "several.txt", tmp_path / "single.txt"
    several.write_text("no label\n__label__a __label__b x\n__label__a y\n" * 10)
    single.write_text("__label__b x\n__label__a y\n" * 10)
    data = load_files(str(several), test=str(single), task="multilabel")
    assert data.classes == ["a", "b"]
    assert data.test.y[:2].tolist() == [[0, 1], [1, 0]]
    assert sum(len(split) for split in (data.train, data.validation)) == 30  # a text without a label has none of them
    assert load_files(str(single)).classes == ["a", "b"]
    assert "row 2 has a list or an object in 'label'" in refused(load_files, str(several))


def test_large_integers_beside_a_list_of_one_keep_their_digits(tmp_path):
    one, other = 2**53 + 1, 2**53
    file = write(tmp_path / "a.jsonl", label=[[one], other, [], None] * 10)
    (tmp_path / "a.jsonl").write_text((tmp_path / "a.jsonl").read_text().replace("NaN", "null"))
    data = load_files(file)
    assert data.classes == [str(other), str(one)]
    assert data.notes["unlabelled_rows"]["train"] == 20


@pytest.mark.parametrize("separator", ["|", " | ", ";"])
def test_a_separator_splits_texts_into_labels(tmp_path, separator):
    file = write(tmp_path / "a.csv", labels=[f"{separator.strip()} ".join(row) for row in SETS])
    data = load_files(file, label="labels", task="multilabel", label_separator=separator)
    assert by_text(data) == EXPECTED
    words = write(tmp_path / "b.csv", labels=["toxic rude", "rude", " ", "toxic  toxic"] * 10)
    data = load_files(words, label="labels", task="multilabel", label_separator=" ")
    assert by_text(data)["a good film"] == [1, 1]
    assert by_text(data)["good good plot"] == [0, 1]


def test_labels_that_train_never_saw_are_missed_and_rare_ones_stay_in_train(tmp_path):
    settings = {"label": "labels", "task": "multilabel"}
    rare = [*SETS[:39], ["once"]]
    data = load_files(write(tmp_path / "rare.jsonl", labels=rare), **settings)
    assert "once" in data.classes
    assert data.unseen == []
    test = write(tmp_path / "test.jsonl", labels=[["new", "toxic"], *SETS[1:39], ["newer"]])
    data = load_files(write(tmp_path / "a.jsonl", labels=SETS), test=test, **settings)
    data.check()
    assert (data.classes, data.unseen) == (["rude", "toxic", "very rude"], ["new", "newer"])
    assert data.test.y[[0, 39]].tolist() == [[0, 1, 0, 1, 0], [0, 0, 0, 0, 1]]
    assert data.notes["unseen_labels"] == {"validation": 0, "test": 2}
    assert data.notes["counted_labels"]["test"] == data.test.y.sum()
    found = task_of(data).evaluate([(np.full((40, 3), -1.0), data.test.y, data.test.length_N)])
    assert found["f1_micro"] == 0


def test_a_split_without_any_of_the_labels_is_no_hidden_one(tmp_path):
    settings = {"label": "labels", "task": "multilabel"}
    train, none = write(tmp_path / "a.jsonl", labels=SETS), write(tmp_path / "none.jsonl", labels=[[]] * 40)
    assert not load_files(train, validation=none, **settings).validation.y.any()
    hidden = write(tmp_path / "hidden.jsonl", labels=[None] * 40)
    assert "the test split has no labels" in refused(load_files, train, test=hidden, **settings)
    message = refused(load_files, write(tmp_path / "b.jsonl", labels=[None, *SETS[1:]]), unlabelled="error", **settings)
    assert "row 1 has no 'labels' (1 such)" in message


def test_texts_without_a_separator_and_lists_written_as_text_are_refused(tmp_path):
    file = write(tmp_path / "a.csv", labels=["", *["toxic|rude"] * 39])
    message = refused(load_files, file, label="labels", task="multilabel")
    assert "row 2 below the header has 'toxic|rude' in 'labels'; data.task=multilabel needs a list" in message
    assert "set data.label_separator" in message
    file = write(tmp_path / "b.csv", labels=[str(row) for row in SETS])
    message = refused(load_files, file, label="labels", task="multilabel", label_separator=",")
    assert "row 1 below the header" in message
    assert "this is a list written as text; save the table as jsonl or parquet" in message


@pytest.mark.parametrize("yes_no", [(1, 0), (True, False), ("1", "0"), (1.0, 0.0), ("yes", "No")])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_a_label_holds_1_or_0(tmp_path, yes_no, ending):
    yes, no = yes_no
    names = ["rude", "toxic", "very rude"]
    columns = {name: [yes if name in row else no for row in SETS] for name in names}
    data = load_files(write(tmp_path / f"a.{ending}", **columns), label=names[::-1], task="multilabel")
    assert data.classes == names
    assert by_text(data) == EXPECTED


def test_a_row_that_nobody_labelled_is_dropped_and_another_value_is_named(tmp_path):
    rude = [1, 0, 1, 0] * 10
    hidden = write(tmp_path / "a.csv", rude=[*rude[:38], -1, ""], toxic=rude[::-1])
    assert load_files(hidden, label=["rude", "toxic"], task="multilabel").notes["unlabelled_rows"]["train"] == 2
    other = write(tmp_path / "b.csv", rude=[*rude[:39], "2"], toxic=rude)
    message = refused(load_files, other, label=["rude", "toxic"], task="multilabel")
    assert "row 40 below the header has '2' in 'rude'; a column of data.label=[...] holds 1 or 0" in message
    assert "has no column 'threat'; it has text, rude, toxic" in refused(
        load_files, other, label=["rude", "threat"], task="multilabel"
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"task": "ranking"}, "data.task is one of classification, regression, multilabel or null, and is 'ranking'"),
        ({"task": "tagging"}, "for a tag for each word set data.tokens and data.tags"),
        ({"label": ["a", "b"]}, "data.label names several columns; set data.task=multilabel"),
        ({"label_separator": "|"}, "data.label_separator is a text, and for data.task=multilabel only"),
        ({"tolerance": 0.5}, "data.tolerance is a number above 0, and for data.task=regression only"),
        ({"task": "regression", "tolerance": 0}, "data.tolerance is a number above 0"),
        ({"task": "regression", "tokens": "text", "tags": "price"}, "data.task=regression reads data.label, and"),
    ],
)
def test_settings_that_contradict_each_other(tmp_path, settings, said):
    assert said in refused(load_files, write(tmp_path / "a.csv", price=PRICES), **settings)


@pytest.mark.parametrize("value", [[["toxic"]], [{"id": 1}]])
def test_lists_and_objects_inside_a_list_of_labels_are_refused(tmp_path, value):
    file = write(tmp_path / "a.jsonl", labels=[*SETS[:39], value])
    message = refused(load_files, file, label="labels", task="multilabel")
    assert "row 40 has" in message
    assert "this has lists or objects inside; give one list of texts or numbers" in message


def test_a_column_of_a_label_that_no_row_has_is_said(tmp_path, capsys):
    file = write(tmp_path / "a.csv", toxic=[1, 0] * 20, rude=[0, 1] * 20, never=[0] * 40)
    data = load_files(file, label=["toxic", "rude", "never"], task="multilabel")
    assert data.classes == ["rude", "toxic"]
    assert "has 1 in 'never', which is no label then" in capsys.readouterr().err
