"""The mean over single test items is the metric: by hand, against each task's own scores, and of real runs."""

import textwrap

import numpy as np
import pytest
from conftest import QUICK
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import keep

from harness.analysis.item_scores import SCORERS, item_scores, read_predictions, unusable
from harness.data import from_sequences
from harness.records import store
from harness.tasks.predictions import Predictions, predictions_of
from harness.tasks.task import TASKS, task_of


def record_of(folder, kept: Predictions, metrics=None, **data):
    """A record whose folder has these predictions."""
    return keep(folder, kept, metrics=metrics or {}, data=data)


def scored(record, metric):
    """The scores and weights of the items."""
    found = item_scores(record, metric)
    assert found.score_N.dtype == found.weight_N.dtype == np.float64
    return found.score_N.tolist(), found.weight_N.tolist()


def test_classes_are_right_or_wrong_and_rows_without_a_truth_do_not_count(tmp_path):
    kept = Predictions("classification", np.array([0, 1, 1, 2]), np.array([0, 1, 2, -100]))
    record = record_of(tmp_path, kept, {"test/accuracy": 2 / 3, "val/accuracy": 0.5, "test/f1_macro": 0.6})
    assert scored(record, "test/accuracy") == ([1, 1, 0, 0], [1, 1, 1, 0])
    assert item_scores(record, "test/f1_macro") is None
    assert item_scores(record, "val/accuracy") is None
    assert unusable([record]) == []


def test_tags_are_counted_by_sequence(tmp_path):
    ends = np.array([0, 3, 3, 5])
    kept = Predictions("tagging", np.array([0, 1, 2, 0, 0]), np.array([0, 1, 0, 1, 0]), ends, ends)
    record = record_of(tmp_path, kept, {"test/accuracy": 3 / 5, "test/f1_span": 0.5})
    assert scored(record, "test/accuracy") == ([2, 0, 1], [3, 0, 2])
    assert item_scores(record, "test/f1_span") is None


def test_labels_of_a_row_are_right_only_together(tmp_path):
    kept = Predictions("multilabel", np.array([[1, 0], [1, 1]]) > 0, np.array([[1, 0], [0, 1]]) > 0)
    record = record_of(tmp_path, kept, {"test/exact_match": 0.5, "test/f1_micro": 0.8})
    assert scored(record, "test/exact_match") == ([1, 0], [1, 1])
    assert item_scores(record, "test/f1_micro") is None


def test_numbers_have_squared_errors_and_are_right_within_the_tolerance(tmp_path):
    kept = Predictions("regression", np.array([1.0, 2.0, -1.0], np.float32), np.array([1.5, 2.25, 1.0], np.float32))
    metrics = {"test/mse": (0.25 + 0.0625 + 4) / 3, "test/accuracy": 1 / 3}
    record = record_of(tmp_path, kept, metrics, tolerance=0.5)  # an error of 0.5 is not below it
    assert scored(record, "test/mse") == ([0.25, 0.0625, 4.0], [1, 1, 1])
    assert scored(record, "test/accuracy") == ([0, 1, 0], [1, 1, 1])


def test_transcripts_have_edits_and_labels(tmp_path):
    kept = Predictions("ctc", np.array([0, 1, 1]), np.array([0, 2, 1, 1]), np.array([0, 2, 3, 3]),
                       np.array([0, 3, 4, 4]))  # fmt: skip
    record = record_of(tmp_path, kept, {"test/label_error_rate": 1 / 4})
    assert scored(record, "test/label_error_rate") == ([1, 0, 0], [3, 1, 0])


def random_data(task: str, rng: np.random.Generator, rows: int, unseen: bool):
    """Data whose test split has random labels, and random outputs on it."""
    length_N = rng.integers(1, 8, rows)
    x = [rng.integers(2, 5, length) for length in length_N]
    known = ["a", "b", "c"]
    labels = [*known, "new"] if unseen else known

    def label(names, length):
        if task == "classification":
            return names[rng.integers(len(names))]
        if task == "multilabel":
            return [name for name in names if rng.random() < 0.4]
        if task == "regression":
            return float(rng.normal())
        count = length if task == "tagging" else (length + 1) // 2
        drawn = [names[rng.integers(len(names))] for _ in range(count)]
        return [None if task == "tagging" and rng.random() < 0.2 else name for name in drawn]

    test = [label(labels, length) for length in length_N]
    if task == "tagging":
        test[0][0] = "a"  # a split needs a label
    several = task in ("multilabel", "tagging", "ctc")
    train = [0.0, 1.0, 2.0] if task == "regression" else [[name] if several else name for name in known]
    more = {} if task == "regression" else {"classes": known}
    data = from_sequences(([[2]] * 3, train), ([], []), (x, test), vocabulary=["[PAD]", "[UNK]", "x", "y", "z"],
                          task=task, tolerance=0.7 if task == "regression" else None, **more)  # fmt: skip
    made_task = task_of(data)
    shape = (rows, data.test.longest) if made_task.per_step else (rows,)
    return data, rng.normal(size=(*shape, made_task.width)).astype(np.float32)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(TASKS)), st.integers(0, 2**32 - 1), st.integers(1, 29), st.booleans())
def test_the_mean_over_the_items_is_what_the_task_itself_says(tmp_path_factory, task, seed, rows, unseen):
    data, outputs = random_data(task, np.random.default_rng(seed), rows, unseen)
    found = task_of(data).evaluate([(outputs, data.test.labels(), data.test.length_N)])
    folder = tmp_path_factory.mktemp("run")
    metrics = {f"test/{name}": value for name, value in found.items()}
    record = record_of(folder, predictions_of(data, outputs), metrics, tolerance=data.tolerance)
    names = [name for of, name in SCORERS if of == task]
    assert names
    for name in names:
        scores = item_scores(record, f"test/{name}")
        assert scores.mean == pytest.approx(found[name], rel=1e-6, abs=1e-12)
        assert len(scores.score_N) == len(scores.weight_N) == rows
    assert unusable([record]) == []


LOADER = """
import numpy as np
from harness.data import from_sequences

def load(task):
    rng = np.random.default_rng(0)
    names = ["a", "b", "c"]

    def label(row, names):
        if task == "classification":
            return names[int(row.sum()) % len(names)]
        if task == "regression":
            return float(row.sum())
        if task == "multilabel":
            return [name for number, name in enumerate(names) if number + 2 in row]
        if task == "tagging":
            return [names[one % len(names)] for one in row]
        return [names[one % len(names)] for one in row[::2]]

    def part(rows, names):
        x = [rng.integers(2, 6, rng.integers(1, 8)) for _ in range(rows)]
        return x, [label(row, names) for row in x]

    more = {} if task == "regression" else {"classes": names}
    # the test split has a label that train never saw
    test = part(37, names if task == "regression" else [*names, "new"])
    return from_sequences(part(53, names), part(19, names), test, vocabulary=["[PAD]", "[UNK]", *"wxyz"], task=task,
                          tolerance=2.0 if task == "regression" else None, **more)
"""
DATA = ("data=custom", "data._target_=my_items.load", "tracking=none", "encoder=gru", *QUICK)


@pytest.fixture
def loader(tmp_path):
    (tmp_path / "my_items.py").write_text(textwrap.dedent(LOADER))


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_real_run_keeps_predictions_whose_mean_is_its_metric(command, loader, task):
    ended = command(*DATA, f"+data.task={task}", "trainer.epochs=1")
    assert ended.code == 0, ended.err
    record = ended.record
    kept = read_predictions(record)
    assert (kept.task, len(kept)) == (task, 37)
    assert unusable([record]) == []
    for name in (name for of, name in SCORERS if of == task):
        found = item_scores(record, f"test/{name}")
        assert found.mean == pytest.approx(record.metrics[f"test/{name}"], rel=1e-6, abs=1e-12)


def test_a_copied_run_has_its_predictions_and_tensorflow_keeps_the_same_file(command, loader):
    pytest.importorskip("tensorflow")
    run = (*DATA, "+data.task=tagging", "trainer.epochs=1")
    first = command(*run).record
    copied = next(record for record in command(*run, "name=copied").records if record.name == "copied")
    assert copied.copied_from == first.run_dir
    assert (copied.folder / store.PREDICTIONS).read_bytes() == (first.folder / store.PREDICTIONS).read_bytes()
    records = command(*run, "backend=tensorflow", "name=keras").records
    keras = next(record for record in records if record.name == "keras")
    ours, theirs = (np.load(record.folder / store.PREDICTIONS) for record in (first, keras))
    assert sorted(ours) == sorted(theirs)
    assert ours["truth"].tolist() == theirs["truth"].tolist()
    assert ours["truth_lengths"].tolist() == theirs["truth_lengths"].tolist()
    assert item_scores(keras, "test/accuracy").mean == keras.metrics["test/accuracy"]


@pytest.fixture
def record(tmp_path):
    kept = Predictions("classification", np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]))
    return record_of(tmp_path, kept, {"test/accuracy": 0.75})


def test_predictions_of_another_split_or_of_another_run_are_refused_with_a_sentence(record):
    file = record.folder / store.PREDICTIONS
    assert unusable([record]) == []
    record.data.sizes["test"] = 5
    assert item_scores(record, "test/accuracy") is None
    (sentence,) = unusable([record])
    assert sentence == (
        f"{file} holds predictions of classification for 4 rows, and its record has a test split of classification "
        "with 5 rows; rerun=true makes it again"
    )
    record.data.sizes["test"] = 4
    record.metrics["test/accuracy"] = 0.5
    assert item_scores(record, "test/accuracy") is None
    assert "gives test/accuracy 0.75, and its record has 0.5: they are of different runs" in unusable([record])[0]


def test_a_damaged_file_is_none_with_a_sentence_and_a_missing_one_just_none(record):
    file = record.folder / store.PREDICTIONS
    file.write_bytes(file.read_bytes()[:100])
    assert item_scores(record, "test/accuracy") is None
    (sentence,) = unusable([record])
    assert sentence == f"{file} holds no predictions (it is no archive of arrays); rerun=true makes it again"
    file.unlink()
    assert item_scores(record, "test/accuracy") is None
    assert unusable([record]) == []
    assert read_predictions(record) is None


def test_a_run_that_failed_or_lacks_the_metric_has_no_scores(record):
    assert item_scores(record, "test/accuracy") is not None
    assert item_scores(record, "test/exact_match") is None
    record.status = "failed"
    assert item_scores(record, "test/accuracy") is None


def test_scores_are_read_once_and_again_after_the_run_is_run_again(record):
    first = item_scores(record, "test/accuracy")
    assert item_scores(record, "test/accuracy") is first
    with pytest.raises(ValueError, match="read-only"):
        first.score_N[0] = 7
    Predictions("classification", np.array([0, 1, 2, 2]), np.array([0, 1, 2, 2])).save(
        record.folder / store.PREDICTIONS
    )
    record.metrics["test/accuracy"] = 1.0
    assert item_scores(record, "test/accuracy").mean == 1.0
