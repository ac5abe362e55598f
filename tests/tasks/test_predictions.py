"""What a run predicted, as arrays counted by hand, through the file and back, and in how many bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data import from_sequences
from harness.tasks import predictions
from harness.tasks.predictions import Predictions, predictions_of

VOCABULARY = ["[PAD]", "[UNK]", "x", "y"]


def data_of(x, y, train_y=None, **more):
    """Data whose test split has these labels, and train ``train_y`` if they differ."""
    train = (x, y if train_y is None else train_y)
    return from_sequences(train, train, (x, y), vocabulary=VOCABULARY, **more)


def stored(tmp_path, found: Predictions) -> Predictions:
    """What the file gives back."""
    found.save(tmp_path / "predictions.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["predictions.npz"]  # no part of it is left
    return predictions.load(tmp_path / "predictions.npz")


def test_a_class_for_each_row_and_labels_that_train_never_saw_follow_the_classes(tmp_path):
    data = data_of([[2], [3, 2], [2]], ["b", "a", "new"], ["b", "a", "a"], classes=["a", "b"])
    outputs_NC = np.array([[0.1, 0.9], [0.2, 0.3], [5.0, -1.0]], np.float32)
    back = stored(tmp_path, predictions_of(data, outputs_NC))
    assert (back.task, len(back)) == ("classification", 3)
    assert back.predicted.tolist() == [1, 1, 0]
    assert back.truth.tolist() == [1, 0, 2]
    assert [int(part) for part in back.item(2)] == [0, 2]


def test_a_tag_for_each_step_with_a_label_and_no_padding(tmp_path):
    data = data_of([[2, 3, 2], [], [3, 3]], [["a", None, "b"], [], ["new", "a"]], [["a", "b", "a"], [], ["b", "a"]],
                   classes=["a", "b"])  # fmt: skip
    outputs_NLC = np.zeros((3, 3, 2), np.float32)
    outputs_NLC[0, :, 1] = [1, 7, 1]  # the step without a label does not count
    outputs_NLC[2, :, 1] = [-1, 1, 9]  # the last step is padding
    back = stored(tmp_path, predictions_of(data, outputs_NLC))
    assert back.predicted.tolist() == [1, 1, 0, 1]
    assert back.truth.tolist() == [0, 1, 2, 0]
    assert back.truth_offsets.tolist() == back.predicted_offsets.tolist() == [0, 2, 2, 4]
    assert [part.tolist() for part in back.item(1)] == [[], []]


def test_any_number_of_labels_a_row_as_bits_of_all_labels(tmp_path):
    data = data_of([[2], [3, 2], [2]], [["b"], [], ["new", "a"]], [["b"], [], ["a"]], classes=["a", "b"],
                   task="multilabel")  # fmt: skip
    outputs_NC = np.array([[-1, 2], [3, 1], [0, -1]], np.float32)  # 0 is no
    back = stored(tmp_path, predictions_of(data, outputs_NC))
    assert back.predicted.tolist() == [[False, True, False], [True, True, False], [False, False, False]]
    assert back.truth.tolist() == [[False, True, False], [False, False, False], [True, False, True]]


def test_numbers_of_a_regression_stay_as_they_are(tmp_path):
    data = data_of([[2], [3, 2]], [1e6, -0.1], task="regression", standardise_labels=True)
    back = stored(tmp_path, predictions_of(data, np.array([[999_999.5], [0.3]], np.float32)))
    assert back.predicted.dtype == back.truth.dtype == np.float32
    assert back.predicted.tolist() == np.array([999_999.5, 0.3], np.float32).tolist()
    assert back.truth.tolist() == np.array([1e6, -0.1], np.float32).tolist()


def test_transcripts_have_lengths_of_their_own(tmp_path):
    x = [[2, 3, 2, 2], [3, 3], [2, 2, 3]]
    data = data_of(x, ["ab", "", ["a", "new"]], ["ab", "b", "a"], classes=["a", "b"], task="ctc")
    symbols_NL = np.array([[0, 0, 2, 0], [1, 0, 1, 1], [2, 2, 2, 2]])  # 2 is the blank; the second ends after 2 steps
    back = stored(tmp_path, predictions_of(data, np.eye(3, dtype=np.float32)[symbols_NL]))
    assert back.predicted.tolist() == [0, 0, 1, 0]
    assert back.predicted_offsets.tolist() == [0, 2, 4, 4]
    assert back.truth.tolist() == [0, 1, 0, 2]
    assert back.truth_offsets.tolist() == [0, 2, 2, 4]
    assert [part.tolist() for part in back.item(2)] == [[], [0, 2]]


IDS = st.lists(st.integers(0, 70_000), max_size=11)


@st.composite
def any_predictions(draw):
    task = draw(st.sampled_from(["classification", "tagging", "multilabel", "regression", "ctc"]))
    if task == "regression":
        numbers = st.lists(st.floats(width=32, allow_nan=False), max_size=11)
        values_N = np.array(draw(numbers), np.float32)
        return Predictions(task, values_N, values_N[::-1].copy())
    if task == "multilabel":
        bits_NA = np.array(draw(st.lists(st.lists(st.booleans(), min_size=11, max_size=11), max_size=7)), bool)
        bits_NA = bits_NA.reshape(-1, 11)
        return Predictions(task, bits_NA, ~bits_NA)
    if task == "classification":
        ids_N = np.array(draw(IDS), np.int64)
        truth_N = np.where(np.array(draw(st.lists(st.booleans(), min_size=len(ids_N), max_size=len(ids_N))), bool),
                           ids_N[::-1], -100)  # fmt: skip
        return Predictions(task, ids_N, truth_N)
    rows = draw(st.lists(st.tuples(IDS, IDS), max_size=7))
    if task == "tagging":
        rows = [(ids, ids[::-1]) for ids, _ in rows]
    flat = [np.array([one for row in rows for one in row[part]], np.int64) for part in (0, 1)]
    ends = [np.cumsum([0, *(len(row[part]) for row in rows)]) for part in (0, 1)]
    return Predictions(task, flat[0], flat[1], ends[0], ends[1])


@settings(max_examples=150, deadline=None)
@given(any_predictions())
def test_a_file_gives_back_what_was_saved_whatever_the_task(tmp_path_factory, found):
    file = tmp_path_factory.getbasetemp() / "round-trip.npz"
    found.save(file)
    back = predictions.load(file)
    assert (back.task, len(back)) == (found.task, len(found))
    for name in ("predicted", "truth", "predicted_offsets", "truth_offsets"):
        one, other = getattr(found, name), getattr(back, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.shape == other.shape
            assert one.tolist() == other.tolist()


def test_a_test_split_of_one_row(tmp_path):
    one = from_sequences(([[2], [3]], ["a", "b"]), ([], []), ([[3]], ["b"]), classes=["a", "b"], vocabulary=VOCABULARY)
    back = stored(tmp_path, predictions_of(one, np.array([[0, 1]], np.float32)))
    assert (back.predicted.tolist(), back.truth.tolist(), len(back)) == ([1], [1], 1)


def test_25000_texts_of_two_classes_take_less_than_40_kb(tmp_path):
    rng = np.random.default_rng(0)
    truth_N = rng.integers(0, 2, 25_000)  # in random order: the most that they can take
    predicted_N = np.where(rng.random(25_000) < 0.88, truth_N, 1 - truth_N)
    back = stored(tmp_path, Predictions("classification", predicted_N, truth_N))
    assert (back.predicted == predicted_N).all()
    assert (tmp_path / "predictions.npz").stat().st_size < 40_000


def test_the_same_predictions_are_the_same_bytes(tmp_path):
    files = [tmp_path / name for name in ("one.npz", "other.npz")]
    for file in files:
        Predictions("classification", np.arange(7), np.arange(7)).save(file)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other arrays", "lengths", "a flipped bit"])
def test_a_damaged_file_is_named_as_such(tmp_path, damage):
    file = tmp_path / "predictions.npz"
    ends = np.array([0, 1, 3])
    Predictions("tagging", np.arange(3), np.arange(3), ends, ends).save(file)
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "text":
        file.write_text("not an archive")
    elif damage == "other arrays":
        np.savez(file, a=np.arange(3))
    elif damage == "lengths":
        Predictions("tagging", np.arange(3), np.arange(4), ends, ends).save(file)
    else:
        place = len(whole) // 3
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
    with pytest.raises(ValueError, match=r"it is no archive|it cannot be read|it is damaged|its arrays do not fit"):
        predictions.load(file)


def test_no_byte_of_a_file_can_be_damaged_so_that_reading_it_fails_in_another_way(tmp_path):
    file = tmp_path / "predictions.npz"
    Predictions("classification", np.arange(3), np.arange(3)).save(file)
    whole = file.read_bytes()
    refused = 0
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            predictions.load(file)  # a byte of a date or of a flag may say nothing about the arrays
        except ValueError:
            refused += 1
    assert refused > len(whole) / 2


def test_where_there_is_no_file_the_error_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        predictions.load(tmp_path / "predictions.npz")
