"""Files of series of numbers, each form: what is read, and the one sentence where it is not."""

import gzip

import numpy as np
import pandas as pd
import pytest
from conftest import refused
from hypothesis import given
from hypothesis import strategies as st

from harness.data.loaders import published_series
from harness.data.loaders.published_series import published_files
from harness.data.loaders.series_arrays import read_arrays
from harness.data.loaders.series_tables import Columns, read_steps
from harness.data.loaders.series_text import has_rows, read_rows, read_ts
from harness.data.loaders.timeseries import load_timeseries, read_series

HEADER = """# made by a test
@problemName Made
@timeStamps false
@missing true
@univariate false
@classLabel true left right
@data
"""
NAN = float("nan")


def made(folder, text, name="made_TRAIN.ts"):
    (folder / name).write_text(text, encoding="utf8")
    return folder / name


def test_ts_has_channels_between_colons_and_any_lengths(tmp_path):
    found = read_ts(made(tmp_path, HEADER + "1,2,3:4,?,6:left\n\n# between\n-1.5 , 2E1:NaN,.5: right\n"))
    np.testing.assert_array_equal(found.x[0], [[1, 4], [2, NAN], [3, 6]])
    np.testing.assert_array_equal(found.x[1], [[-1.5, NAN], [20, 0.5]])
    assert found.labels == ["left", "right"]


def test_ts_of_a_regression_has_numbers_as_labels(tmp_path):
    text = HEADER.replace("@classLabel true left right", "@targetlabel true").lower()
    assert read_ts(made(tmp_path, text + "1,2:3,4:-0.25\n")).labels == ["-0.25"]


def test_only_comments_of_ts_may_be_in_another_encoding(tmp_path):
    (tmp_path / "a.ts").write_bytes(b"# Universit\xe9\n" + HEADER.encode() + b"1:2:left\n")
    assert read_ts(tmp_path / "a.ts").labels == ["left"]
    (tmp_path / "b.ts").write_bytes(HEADER.encode() + b"1:2:left\n1:2:l\xe9ft\n")
    assert "b.ts is not UTF-8 at line 9" in refused(read_ts, tmp_path / "b.ts")


@pytest.mark.parametrize(("text", "said"), [
    (HEADER + "1,2:3,4:left\n1,2:3,4\n", "row 2 ends in '3,4', not in one of the header's labels (left, right); is"),
    (HEADER + "1,2:3,4:left\n1,2:3:left\n", "row 2 has channels of 1 and 2 steps"),
    (HEADER + "1,2:3,4:left\n1,2:left\n", "row 2 has 1 channels, and row 1 has 2"),
    (HEADER + "1,2:3,x:left\n", "row 1 holds 'x' at step 2; expected a number"),
    (HEADER.replace("timeStamps false", "timeStamps true") + "(0,1),(1,2):left\n", "has time stamps (@timeS"),
    (HEADER.replace("classLabel true left right", "classLabel false") + "1,2\n", "has no labels (@classLabel false)"),
    (HEADER.replace("@data\n", "1,2:3,4:left\n"), "line 7 comes before @data"),
    (HEADER.replace("@data\n", ""), "has no line @data"),
])  # fmt: skip
def test_a_broken_ts_is_refused_with_its_row(tmp_path, text, said):
    assert said in refused(read_ts, made(tmp_path, text))


@pytest.mark.parametrize("separator", ["\t", ",", "  "])
def test_rows_of_the_older_form_start_with_their_label(tmp_path, separator):
    rows = [["1", "0.5", "-2", "NaN"], ["2.0000000e+00", "1e-3", "7", "11"]]
    file = made(tmp_path, "\n".join(separator.join(row) for row in rows), "a.tsv")
    assert has_rows(file)
    found = read_rows(file)
    np.testing.assert_array_equal(found.x, np.array([[0.5, -2, NAN], [0.001, 7, 11]])[:, :, None])
    assert found.labels == ["1", "2"]


@pytest.mark.parametrize(("text", "said"), [
    ("1\t0,5\t2\n", "row 1 holds '0,5' at step 1"),
    ("1 0,5 2,5\n", "row 1 holds '5 2' at step 1"),
])  # fmt: skip
def test_a_decimal_comma_is_no_separator(tmp_path, text, said):
    assert said in refused(read_rows, made(tmp_path, text, "a.tsv"))


@pytest.mark.parametrize("separator", ["\t", ",", " , "])
def test_an_empty_field_is_a_missing_value_and_no_shorter_series(tmp_path, separator):
    rows = [["1", "", "0.5", "", "2"], ["", "1", "2", "3", "4"], ["1.0e+00", "7", "", "", ""]]
    found = read_rows(made(tmp_path, "\n".join(separator.join(row) for row in rows), "a.txt"))
    expected = [[NAN, 0.5, NAN, 2], [1, 2, 3, 4], [7, NAN, NAN, NAN]]
    np.testing.assert_array_equal([x_LD[:, 0] for x_LD in found.x], expected)
    assert found.labels == ["1", None, "1"]
    between_spaces = read_rows(made(tmp_path, "  1.0e+00   7 8 \t\n", "b.txt"))  # a tab at the end separates nothing
    assert (between_spaces.labels, between_spaces.x[0][:, 0].tolist()) == (["1"], [7, 8])


def test_a_tsv_with_a_line_of_names_is_a_table(tmp_path):
    file = made(tmp_path, "sequence\tvalue\tlabel\na\t1\tup\na\t2\tup\nb\t3\tdown\n", "a.tsv")
    found = read_series(file, Columns())
    assert [x_LD.tolist() for x_LD in found.x] == [[[1], [2]], [[3]]]
    assert found.labels == ["up", "down"]


def test_compressed_rows(tmp_path):
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(b"1\t2\t3\n2\t4\t5\n"))
    (tmp_path / "a.ts.gz").write_bytes(gzip.compress((HEADER + "2,3:left\n4,5:right\n").encode()))
    for name in ("a.tsv.gz", "a.ts.gz"):
        assert [x_LD[:, 0].tolist() for x_LD in read_series(tmp_path / name, Columns()).x] == [[2, 3], [4, 5]]


def test_columns_with_numbers_as_names_are_no_channels_by_mistake(tmp_path):
    file = made(tmp_path, "0,1,2,true\n7,1,5,0\n7,0,6,0\n8,0,9,1\n", "a.csv")
    found = read_series(file, Columns(sequence=0, step=1, label=True))  # as Hydra reads them
    assert (found.channels, found.labels) == (["2"], ["0", "1"])
    assert [x_LD.tolist() for x_LD in found.x] == [[[6], [5]], [[9]]]
    assert read_series(file, Columns(sequence=0, channels=[2], label=True)).x[0].tolist() == [[5], [6]]
    message = refused(read_series, file, Columns(sequence=0, channels=[2, True], label=True))
    assert "data.channels has 'true', which is data.label: the answer is no input" in message


@given(st.lists(st.lists(st.floats(allow_infinity=False, width=64), min_size=1, max_size=5), min_size=1, max_size=7))
def test_what_is_written_as_ts_comes_back_to_the_last_digit(tmp_path_factory, rows):
    lines = [f"{','.join(map(repr, row))}:{','.join(map(repr, row[::-1]))}:left\n" for row in rows]
    found = read_ts(made(tmp_path_factory.mktemp("ts"), HEADER + "".join(lines)))
    for x_LD, row in zip(found.x, rows, strict=True):
        np.testing.assert_array_equal(x_LD, np.stack([row, row[::-1]], 1))


def saved(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


X_SD = np.arange(22, dtype=np.float32).reshape(11, 2)


def test_arrays_one_after_another_are_cut_at_their_offsets(tmp_path):
    found = read_arrays(saved(tmp_path, x=X_SD, y=["b", "a", "a"], offsets=[0, 5, 5, 11]))
    assert [x_LD.tolist() for x_LD in found.x] == [X_SD[:5].tolist(), [], X_SD[5:].tolist()]
    assert found.labels == ["b", "a", "a"]
    flat = read_arrays(saved(tmp_path, x=X_SD[:, 1], y=[1, 0], offsets=[0, 4, 11]))
    assert [x_LD.tolist() for x_LD in flat.x] == [X_SD[:4, 1:].tolist(), X_SD[4:, 1:].tolist()]


def test_padded_arrays_are_cut_at_their_length(tmp_path):
    x_NLD = np.arange(30).reshape(3, 5, 2)
    found = read_arrays(saved(tmp_path, x=x_NLD, y=np.array([7.0, 3.0, 7.0]), length=[5, 0, 2]))
    assert [x_LD.tolist() for x_LD in found.x] == [x_NLD[0].tolist(), [], x_NLD[2, :2].tolist()]
    assert found.labels == ["7", "3", "7"]
    one_channel = read_arrays(saved(tmp_path, x=x_NLD[:, :, 0], y=["\u00fc".encode(), b"v", b"u"]))
    np.testing.assert_array_equal(one_channel.x, x_NLD[:, :, :1])
    assert one_channel.labels == ["\u00fc", "v", "u"]


@pytest.mark.parametrize(("arrays", "said"), [
    ({"x": X_SD}, "has no y; expected numbers x (N, L, D) or (N, L), or with offsets"),
    ({"x": X_SD[:, 0], "y": [1]}, "has x float32 (11,), y int64 (1,); expected"),
    ({"x": np.array([["a"]]), "y": [1]}, "has x <U1 (1, 1)"),
    ({"x": X_SD, "y": [1, 2]}, "has 11 series in x and 2 labels in y"),
    ({"x": X_SD, "y": [1, 2], "offsets": [0, 12, 11]}, "offsets must be whole numbers that rise from 0 to 11"),
    ({"x": X_SD, "y": [1, 2], "offsets": [0, 5]}, "offsets must be whole numbers that rise from 0 to 11"),
    ({"x": X_SD, "y": np.ones(11), "length": np.full(11, 3)}, "length must be 11 whole numbers from 0 to 2"),
    ({"x": np.array([[1], [1, 2]], object), "y": [1, 2]}, "holds an array of Python objects"),
    ({"x": np.ones((2, 3)), "y": np.array(["a", "b"], object)}, "save labels as y.astype(str)"),
    ({"x": np.ones((2, 3)), "y": [b"caf\xe9", b"b"]}, "labels in y that are bytes and not UTF-8"),
])  # fmt: skip
def test_arrays_of_other_shapes_are_refused(tmp_path, arrays, said):
    assert said in refused(read_arrays, saved(tmp_path, **arrays))


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    assert "is no file of np.savez" in refused(read_arrays, made(tmp_path, "x", "a.npz"))
    np.save(tmp_path / "b.npz.npy", X_SD)
    (tmp_path / "b.npz.npy").rename(tmp_path / "b.npz")
    assert "is no file of np.savez" in refused(read_arrays, tmp_path / "b.npz")


STEPS = pd.DataFrame({
    "who": ["b", "a", "b", "a", "b"], "when": ["10", "2", "9", "1", "11"], "u": ["1", "2", "3", "?", "5"],
    "v": [0.1, 0.2, 0.3, 0.4, None], "label": ["no", "yes", "no", "yes", "no"],
})  # fmt: skip


def test_a_table_has_one_row_a_step_in_the_order_of_step():
    found = read_steps(STEPS, "t.csv", Columns("who", "when"))
    np.testing.assert_array_equal(found.x[0], [[3, 0.3], [1, 0.1], [5, NAN]])
    np.testing.assert_array_equal(found.x[1], [[NAN, 0.4], [2, 0.2]])
    assert (found.labels, found.channels) == (["no", "yes"], ["u", "v"])
    assert read_steps(STEPS, "t.csv", Columns("who", None, ["v"])).x[1].tolist() == [[0.2], [0.4]]


def test_steps_may_be_times():
    times = STEPS.assign(when=["2024-01-03", "2024-01-02T10:00", "2024-01-01", "2024-01-02T09:59:59", "2024-02-01"])
    for frame in (times, times.assign(when=pd.to_datetime(times["when"], format="ISO8601"))):
        found = read_steps(frame, "t.csv", Columns("who", "when", ["u"]))
        np.testing.assert_array_equal(found.x[0], [[3], [1], [5]])
        np.testing.assert_array_equal(found.x[1], [[NAN], [2]])


@pytest.mark.parametrize(("change", "columns", "said"), [
    ({}, Columns(), "t.csv has no column 'sequence'; it has who, when, u, v, label; set data.sequence to one of them"),
    ({}, Columns("who", "when", ["w"]), "has no column 'w'"),
    ({"u": ["1", "2", "3", "four", "5"]}, Columns("who"), "row 4 below the header has 'four' in 'u'; expected"),
    ({"label": ["no", "yes", "no", "no", "no"]}, Columns("who"),
     "row 4 below the header has the label 'no', and sequence 'a' began with 'yes'"),
    ({"when": ["10", "2", "soon", "1", "11"]}, Columns("who", "when", ["u"]), "has 'soon' in 'when', set by data.step"),
    ({"who": ["b", "a", None, "a", "b"]}, Columns("who"), "row 3 below the header has no 'who'"),
])  # fmt: skip
def test_a_table_that_is_no_sequence_of_numbers_is_refused(change, columns, said):
    assert said in refused(read_steps, STEPS.assign(**change), "t.csv", columns)


def test_every_set_that_sktime_ships_is_read_like_by_its_own_loader():
    datasets = pytest.importorskip("sktime.datasets", reason="sktime is not installed")
    for name, series, channels in (("JapaneseVowels", 270, 12), ("ItalyPowerDemand", 67, 1), ("BasicMotions", 40, 6)):
        file = published_files(name)["train"]
        frame, labels = datasets.load_from_tsfile(str(file), return_data_type="nested_univ")
        found = read_ts(file)
        assert [label.lower() for label in found.labels] == list(labels)  # it lowers them
        assert len(found.x) == series
        for x_LD, (_, row) in zip(found.x, frame.iterrows(), strict=True):
            assert x_LD.shape[1] == channels
            np.testing.assert_array_equal(x_LD, np.stack([channel.to_numpy() for channel in row], 1))


def test_a_published_set_is_a_folder_with_its_train_and_test_files(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_MIRROR", str(tmp_path))
    folder = tmp_path / "Made"
    folder.mkdir()
    for name in ("Made_TRAIN.ts", "Made_eq_TRAIN.ts", "Made_TRAIN.tsv", "Made_TEST.tsv"):
        made(folder, "", name)
    for source in (str(folder), "Made"):
        assert published_files(source) == {"train": folder / "Made_TRAIN.ts", "test": folder / "Made_TEST.tsv"}
    (folder / "Made_TRAIN.ts").rename(folder / "Made_other_TRAIN.ts")
    assert "has Made_eq_TRAIN.ts and Made_other_TRAIN.ts; name one of them" in refused(published_files, str(folder))
    (folder / "none").mkdir()
    assert "has no file NAME_TRAIN.ts or .tsv or .txt" in refused(published_files, str(folder / "none"))


def test_a_set_that_is_not_there_is_refused_with_those_that_are(tmp_path, monkeypatch):
    package = tmp_path / "datasets" / "data" / "Shipped"
    package.mkdir(parents=True)
    made(package, "", "Shipped_TRAIN.ts")
    monkeypatch.setattr(published_series, "PACKAGES", ("shipping",))
    monkeypatch.syspath_prepend(tmp_path.parent)
    tmp_path.rename(tmp_path.parent / "shipping")
    assert refused(load_timeseries, "Gone").endswith("the installed sets are Shipped")
    monkeypatch.setattr(published_series, "PACKAGES", ("no_such_package",))
    assert refused(load_timeseries, "Gone").endswith("no sets are installed (pip install --no-deps sktime)")
