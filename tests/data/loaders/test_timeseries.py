"""Series of numbers from file to data set: splits, scale, gaps.

Dimension letters: N series, L steps, D channels.
"""

import numpy as np
import pytest
from conftest import refused
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from harness.data.loaders.series import Scale
from harness.data.loaders.timeseries import load_timeseries
from harness.report.data_notes import data_notes

CHANNELS = 3


def series(count, seed=0):
    """Series of 1 to 7 steps, with gaps, and a constant channel, that is no exact binary fraction."""
    rng = np.random.default_rng(seed)
    x = [rng.normal(5, 3, (rng.integers(1, 8), CHANNELS)) for _ in range(count)]
    for x_LD in x:
        x_LD[rng.random(x_LD.shape) < 0.1] = np.nan
        x_LD[:, 1] = 0.1
    return x


def saved(folder, name, x, y):
    np.savez(folder / name, x=np.concatenate(x), y=y, offsets=np.cumsum([0, *map(len, x)]))
    return str(folder / name)


@pytest.fixture
def file(tmp_path):
    return saved(tmp_path, "train.npz", series(97), np.arange(97) % 5)


def rows(split):
    return [split.sequence(row) for row in range(len(split))]


def test_each_channel_has_mean_0_and_deviation_1_over_the_real_steps_of_train(tmp_path):
    x = [x_LD[:, :2] for x_LD in series(97) if not np.isnan(x_LD).any()]
    data = load_timeseries(train=saved(tmp_path, "a.npz", x, np.arange(len(x)) % 2))
    steps_SD = np.concatenate(rows(data.train)).astype(np.float64)
    np.testing.assert_allclose(steps_SD.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(steps_SD.std(0), [1, 0], atol=1e-6)  # the second is constant
    scale = data.notes["scale"]
    kept = np.concatenate(rows(load_timeseries(train=str(tmp_path / "a.npz"), standardise=False).test))
    again = (kept.astype(np.float64) - scale["mean"]) / scale["std"]  # as a user prepares new data
    np.testing.assert_allclose(np.concatenate(rows(data.test)), again, atol=1e-5)
    assert kept.mean(0)[0] == pytest.approx(5, abs=1)


def test_the_scale_is_that_of_sklearn_over_the_values_that_are_there():
    x = series(97)
    expected = StandardScaler().fit(np.concatenate(x))
    scale = Scale.of(x)
    np.testing.assert_allclose(scale.mean_D, expected.mean_, rtol=1e-12)
    np.testing.assert_allclose(scale.std_D, expected.scale_, rtol=1e-12)
    assert scale.std_D[1] == 1


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.floats(-1e6, 1e6))
def test_a_constant_channel_becomes_0_whatever_its_value(lengths, value):
    x = [np.full((length, 1), value) for length in lengths]
    scale = Scale.of(x)
    assert scale.std_D[0] == 1
    assert all(abs(scale.standardise(x_LD)).max() <= 1e-9 * max(1, abs(value)) for x_LD in x)


def test_a_large_offset_does_not_swallow_a_channel(tmp_path):
    x = [1.7e9 + np.arange(length, dtype=np.float64)[:, None] for length in (5, 7) * 11]
    data = load_timeseries(train=saved(tmp_path, "a.npz", x, np.arange(22) % 2))  # seconds since 1970
    assert len(np.unique(np.concatenate(rows(data.train)))) == 7


def test_gaps_lie_on_the_line_between_their_neighbours_and_are_the_mean_where_there_are_none():
    nan = np.nan
    scale = Scale.of([np.array([[1.0, 2.0, 8.0], [3.0, 4.0, nan]]), np.array([[5.0, nan, nan]])])
    assert scale.mean_D.tolist() == [3, 3, 8]
    filled = scale.fill(np.array([[nan, 7.0, nan], [2.0, nan, nan], [nan, nan, nan], [nan, 1.0, nan], [8.0, nan, nan]]))
    assert filled.tolist() == [[2, 7, 8], [2, 5, 8], [4, 3, 8], [6, 1, 8], [8, 1, 8]]


def test_a_channel_that_train_never_has_is_0():
    scale = Scale.of([np.array([[np.nan, 1.0], [np.nan, 2.0]])])
    assert scale.standardise(scale.fill(np.array([[np.nan, 1.5]]))).tolist() == [[0, 0]]
    reference = SimpleImputer(keep_empty_features=True).fit([[np.nan, 1.0], [np.nan, 2.0]])
    assert scale.fill(np.array([[np.nan, np.nan]])).tolist() == reference.transform([[np.nan, np.nan]]).tolist()


def test_gaps_are_counted_and_said(file):
    data = load_timeseries(train=file)
    known = [load_timeseries(train=file, **{"standardise": flag}).notes["missing_values"] for flag in (True, False)]
    assert known[0] == known[1] == data.notes["missing_values"]
    cut = [x_LD[: np.flatnonzero(~np.isnan(x_LD).all(1))[-1] + 1] for x_LD in series(97)]
    assert sum(known[0].values()) == sum(int(np.isnan(x_LD).sum()) for x_LD in cut) > 0
    assert np.isfinite(np.concatenate(rows(data.train))).all()


def test_missing_values_can_be_refused_and_infinite_ones_always_are(tmp_path, file):
    first = next(row for row, x_LD in enumerate(series(97)) if np.isnan(x_LD).any())
    said = refused(load_timeseries, train=file, missing="error")
    assert f"x[{first}] has no value at step " in said
    assert said.endswith("; set data.missing=interpolate or fill it")
    x = series(7)
    x[3][0, 2] = -np.inf
    infinite = saved(tmp_path, "b.npz", x, np.arange(7) % 2)
    assert "x[3] has an infinite value at step 1 of channel 3; correct" in refused(load_timeseries, train=infinite)
    x[3][0, 2] = -1e300  # its square, for the standard deviation, would be infinite, and the channel zero
    large = saved(tmp_path, "c.npz", x, np.arange(7) % 2)
    assert "x[3] has a value beyond the largest float32 at step 1 of channel 3" in refused(load_timeseries, train=large)


def test_steps_without_any_value_at_the_end_are_padding(tmp_path):
    nan = np.nan
    (tmp_path / "a.tsv").write_text("\n".join(f"{row % 2}\t{row}\tNaN\t3\tNaN\tNaN" for row in range(20)))
    data = load_timeseries(train=str(tmp_path / "a.tsv"), standardise=False)
    assert set(data.train.length_N) == {3}
    first = data.train.sequence(0)[:, 0]
    assert first[1] == (first[0] + 3) / 2
    x = np.full((20, 5, 2), nan)
    x[:, 1, 0] = np.arange(20)
    np.savez(tmp_path / "b.npz", x=x, y=np.arange(20) % 2)
    assert set(load_timeseries(train=str(tmp_path / "b.npz")).test.length_N) == {2}


def test_splits_are_cut_with_the_shares_of_the_classes_or_come_from_files(tmp_path, file):
    data = load_timeseries(train=file, validation_share=0.2, test_share=0.2)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 63, "validation": 15, "test": 19}
    for split in data.splits.values():
        assert np.ptp(np.bincount(split.y, minlength=5)) <= 1
    others = {name: saved(tmp_path, f"{name}.npz", series(17, seed), np.arange(17) % 5)
              for seed, name in enumerate(("validation", "test"), start=1)}  # fmt: skip
    given_ = load_timeseries(train=file, **others)
    assert {name: len(split) for name, split in given_.splits.items()} == {"train": 97, "validation": 17, "test": 17}
    assert given_.test.y.tolist() == (np.arange(17) % 5).tolist()
    scale = Scale.of(series(97))
    expected = [scale.standardise(scale.fill(x_LD)) for x_LD in series(17, 2)]
    np.testing.assert_allclose(rows(given_.test)[4], expected[4][: given_.test.length_N[4]], atol=1e-6)


def test_labels_of_a_regression_are_numbers(tmp_path):
    y = np.random.default_rng(0).normal(size=97)
    data = load_timeseries(train=saved(tmp_path, "a.npz", series(97), y), task="regression")
    assert data.task == "regression"
    assert data.classes == []
    found = np.sort(np.concatenate([split.y for split in data.splits.values()]))
    np.testing.assert_array_equal(found, np.sort(y).astype(np.float32))
    assert data.label_scale == pytest.approx([data.train.y.mean(), data.train.y.std()])  # trained on as those of texts
    texts = saved(tmp_path, "b.npz", series(97), ["high"] * 97)
    assert "x[0] has the label 'high'; data.task=regression needs" in refused(load_timeseries, train=texts,
                                                                              task="regression")  # fmt: skip


def test_classes_that_are_decimal_numbers_are_said(tmp_path, capsys):
    for y, said in (([0.5, 1.25], "such as 0.5 and 1.25, and each is a class; if they are no classes"), ([1, 2], "")):
        file = saved(tmp_path, "a.npz", series(97), np.resize(y, 97))
        assert load_timeseries(train=file).task == "classification"
        found = capsys.readouterr().err
        assert said in found
        assert ("each is a class" in found) == bool(said)


def test_tables_of_all_splits_have_the_columns_of_train(tmp_path):
    header, other = "sequence,u,v,label", "sequence,v,label,u"
    train = [f"{row},{row},{-row},{'ab'[row % 2]}" for row in range(20)]
    (tmp_path / "a.csv").write_text("\n".join([header, *train]))
    (tmp_path / "b.csv").write_text("\n".join([other, "x,-3,a,3", "y,-4,b,4"]))
    data = load_timeseries(train=str(tmp_path / "a.csv"), test=str(tmp_path / "b.csv"), standardise=False)
    assert data.test.padded().tolist() == [[[3, -3]], [[4, -4]]]
    assert data.notes["channels"] == ["u", "v"]
    one = load_timeseries(train=str(tmp_path / "a.csv"), test=str(tmp_path / "b.csv"), channels="v", standardise=False)
    assert one.test.padded().tolist() == [[[-3]], [[-4]]]
    (tmp_path / "c.csv").write_text("\n".join(["sequence,0,1,label", *train]))
    first = load_timeseries(train=str(tmp_path / "c.csv"), channels=0, standardise=False)  # as Hydra reads it
    assert first.notes["channels"] == ["0"]
    assert first.train.x.min() >= 0


def test_labels_that_train_never_saw_stay_in_test_and_numbers_are_compared_over_all_files(tmp_path):
    train = saved(tmp_path, "a.npz", series(20), np.array([1, 2] * 10))
    data = load_timeseries(train=train, test=saved(tmp_path, "b.npz", series(4), np.array(["1.0", "2", "3", "1"])))
    assert (data.classes, data.unseen) == (["1", "2"], ["3"])
    assert data.test.y.tolist() == [0, 1, 2, 0]


def test_a_series_without_a_label_is_dropped_and_counted_or_refused(tmp_path):
    y = np.arange(20) % 2.0
    y[3] = np.nan
    train = saved(tmp_path, "a.npz", series(20), y)
    data = load_timeseries(train=train)
    assert sum(len(split) for split in data.splits.values()) == 19
    assert (data.classes, data.notes["unlabelled_rows"]["train"]) == (["0", "1"], 1)
    message = refused(load_timeseries, train=train, unlabelled="error")
    assert "x[3] has no 'label' (1 such); fill it, remove the row, or set data.unlabelled=drop" in message
    number = load_timeseries(train=train, task="regression")
    assert sum(len(split) for split in number.splits.values()) == 19
    hidden = saved(tmp_path, "b.npz", series(5), np.full(5, np.nan))
    assert "the test split has no labels" in refused(load_timeseries, train=train, test=hidden)
    header = "@timestamps false\n@classlabel true up down\n@data\n"
    (tmp_path / "a.ts").write_text(header + "".join(f"1,{row}:{('up', 'down', '?')[row % 3]}\n" for row in range(30)))
    (tmp_path / "a.csv").write_text("sequence,v,label\n" + "".join(
        f"{row},1,{('up', 'down', '')[row % 3]}\n" * 2 for row in range(30)))  # fmt: skip
    for name in ("a.ts", "a.csv"):
        assert load_timeseries(train=str(tmp_path / name)).notes["unlabelled_rows"]["train"] == 10


def test_a_regression_trains_on_standardised_labels(tmp_path):
    data = load_timeseries(train=saved(tmp_path, "a.npz", series(20), 2e5 + 1e3 * np.arange(20)), task="regression")
    train = data.train.y.astype(np.float64)
    assert data.label_scale == pytest.approx([train.mean(), train.std()])


def test_numbers_are_no_classes_where_the_file_says_so(tmp_path):
    header = "@timestamps false\n@targetlabel true\n@data\n"
    (tmp_path / "a.ts").write_text(header + "".join(f"1,{row}:{row / 3}\n" for row in range(20)))
    said = refused(load_timeseries, train=str(tmp_path / "a.ts"))
    assert said.endswith("are numbers (@targetLabel true); set data.task=regression")
    assert load_timeseries(train=str(tmp_path / "a.ts"), task="regression").task == "regression"


@pytest.mark.parametrize(("settings", "said"), [
    ({}, "data=timeseries needs either data.train=FILE"),
    ({"source": "JapaneseVowels", "test": "a.npz"}, "data=timeseries needs either data.train=FILE"),
    ({"train": "gone.ts"}, "there is no file gone.ts (looked in"),
    ({"train": "gone.csv"}, "there is no file gone.csv (looked in"),
    ({"train": "FILE", "test": "FILE"}, "are the same file; leave one out"),
    ({"train": "FILE", "channels": ["u"]}, "data.channels names columns of a table, and "),
    ({"train": "FILE", "missing": "drop"}, "data.missing is interpolate or error, not 'drop'"),
    ({"train": "FILE", "task": "tagging"}, "data.task is classification or regression, not 'tagging'"),
    ({"train": "FILE", "standardise": 1}, "data.standardise is true or false, not 1"),
])  # fmt: skip
def test_settings_that_mean_nothing_are_refused(file, settings, said):
    settings = {name: file if value == "FILE" else value for name, value in settings.items()}
    assert said in refused(load_timeseries, **settings)


def test_series_with_other_channels_are_refused(tmp_path, file):
    other = saved(tmp_path, "b.npz", [x_LD[:, :2] for x_LD in series(11)], np.arange(11) % 5)
    assert "all series need the same channels" in refused(load_timeseries, train=file, test=other)


def test_a_run_on_series_says_what_was_filled(command, file):
    from conftest import QUICK

    ended = command("encoder=gru", "data=timeseries", f"data.train={file}", *QUICK, "tracking=none")
    assert ended.code == 0, ended.err
    (sentence,) = [one for one in data_notes(ended.records) if "missing" in one]
    gaps = ended.record.data.notes["missing_values"]
    assert sentence.startswith(f"{gaps['train']} train, {gaps['validation']} validation, {gaps['test']} test values ")
    assert sentence in " ".join(ended.out.split())
