"""The level of chance: the scores of one constant answer, by hand and as scikit-learn computes them."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error

from harness.backends.sklearn.encoders.dummy import Dummy
from harness.backends.sklearn.model import Fitting
from harness.data import Split, from_sequences, prepare
from harness.data.cache import read_summary
from harness.data.chance import level_of_chance
from harness.data.loaders.digits import digits
from harness.tasks.task import task_of

VOCABULARY = ["[PAD]", "[UNK]", "x"]


def summary(train, validation, test, **more):
    """The summary of data with these labels."""
    parts = {"train": train, "validation": validation, "test": test}
    splits = {name: ([[2]] * len(labels), labels) for name, labels in parts.items()}
    return from_sequences(**splits, vocabulary=VOCABULARY, **more).summary()


def splits_of(train, validation, test):
    """Splits whose labels are these arrays."""
    named = {"train": train, "validation": validation, "test": test}
    return {
        name: Split(np.full(len(y), 2, np.int32), np.arange(len(y) + 1), np.asarray(y)) for name, y in named.items()
    }


def test_the_commonest_class_of_train_is_answered_on_every_split():
    """On test it is not the commonest: 2 of 7 are right, F1 of b is 2 * 2 / (2 + 7), of a and c 0."""
    found = summary(list("bbbac"), list("bca"), list("bbaaaca"), classes=["a", "b", "c"]).chance
    assert found == pytest.approx({
        "val/accuracy": 1 / 3, "val/f1_macro": 2 / 4 / 3, "test/accuracy": 2 / 7, "test/f1_macro": 4 / 9 / 3,
    })  # fmt: skip


def test_of_equally_common_classes_the_first_is_answered():
    assert summary(list("abab"), list("b"), list("aab"), classes=["a", "b"]).chance["test/accuracy"] == 2 / 3


def test_a_class_that_is_answered_and_does_not_occur_counts_in_f1_and_so_does_a_label_that_train_lacks():
    found = summary(list("bba"), list("aa"), ["b", "d", "b"], classes=["a", "b"]).chance
    assert (found["val/accuracy"], found["val/f1_macro"]) == (0, 0)
    assert found["test/accuracy"] == 2 / 3
    assert found["test/f1_macro"] == pytest.approx(2 * 2 / 5 / 2)  # of b 0.8, of d 0


def test_labels_that_do_not_count_are_left_out_and_a_split_without_others_has_no_level():
    assert level_of_chance("classification", splits_of([1, -100, -100, 1, 0], [-100], [1, 0, -100])) == pytest.approx(
        {"test/accuracy": 0.5, "test/f1_macro": 2 / 3 / 2}
    )


def test_the_mean_of_train_is_answered_in_a_regression():
    """The mean is 3, so that the errors on test are -2, 0, 1, 7; a tolerance of 1 is not reached by an error of 1."""
    labels = [1.0, 2.0, 6.0], [], [1.0, 3.0, 4.0, 10.0]
    assert summary(*labels, task="regression").chance == {"test/mse": 54 / 4}
    assert summary(*labels, task="regression", tolerance=1.0).chance == {"test/mse": 54 / 4, "test/accuracy": 1 / 4}
    assert summary(*labels, task="regression", tolerance=1.5).chance["test/accuracy"] == 2 / 4
    # the labels that a model trains on may be standardised, the scores are in the unit of the labels
    assert summary(*labels, task="regression", standardise_labels=True).chance == {"test/mse": 54 / 4}


@pytest.mark.parametrize("seed", range(3))
def test_the_scores_are_those_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    train_M, test_N = random.integers(0, 5, 43), random.integers(0, 7, 31)
    answer = DummyClassifier(strategy="most_frequent").fit(np.zeros((43, 1)), train_M).predict(np.zeros((31, 1)))
    found = level_of_chance("classification", splits_of(train_M, [], test_N))
    assert found == pytest.approx({
        "test/accuracy": accuracy_score(test_N, answer),
        "test/f1_macro": f1_score(test_N, answer, average="macro", zero_division=0),
    })  # fmt: skip
    train_M, test_N = random.normal(3, 2, 43).astype(np.float32), random.normal(3, 2, 31).astype(np.float32)
    answer = DummyRegressor().fit(np.zeros((43, 1)), train_M.astype(float)).predict(np.zeros((31, 1)))
    found = level_of_chance("regression", splits_of(train_M, [], test_N))
    assert found == pytest.approx({"test/mse": mean_squared_error(test_N.astype(float), answer)})


def test_the_commonest_tag_is_answered_at_every_step_and_marks_no_span_where_it_is_outside():
    """Of the 5 steps of test, 3 are O: F1 of O is 6 / 8, of B-X 0."""
    x, tags = [[2, 2, 2], [2, 2]], [["O", "B-X", "O"], ["O", "B-X"]]
    more = {"vocabulary": VOCABULARY, "task": "tagging"}
    found = from_sequences((x, tags), (x, tags), (x, tags), classes=["O", "B-X"], **more).summary().chance
    level = {"accuracy": 3 / 5, "f1_macro": 6 / 8 / 2, "f1_span": 0.0}
    assert found == pytest.approx({f"{split}/{name}": one for split in ("val", "test") for name, one in level.items()})
    plain = [["a", "b", "a"], ["a", "b"]]
    found = from_sequences((x, plain), (x, plain), (x, plain), classes=["a", "b"], **more).summary().chance
    assert found.keys() == {"val/accuracy", "val/f1_macro", "test/accuracy", "test/f1_macro"}


def test_labels_that_more_than_half_of_train_has_are_answered():
    """a is answered, b, of exactly half, is not: 2 of 3 rows have a, one of them nothing else."""
    x = [[2]] * 4
    train, test = [["a", "b"], ["a"], ["a"], ["b"]], [["a"], ["a", "b"], ["b"]]
    data = from_sequences(
        (x, train), (x, train), (x[:3], test), classes=["a", "b"], vocabulary=VOCABULARY, task="multilabel"
    )
    found = {name: one for name, one in data.summary().chance.items() if name.startswith("test")}
    assert found == pytest.approx({
        "test/f1_micro": 2 * 2 / (4 + 3), "test/f1_macro": 4 / 5 / 2, "test/exact_match": 1 / 3,
    })  # fmt: skip


@pytest.mark.parametrize("task", ["classification", "tagging", "multilabel", "regression"])
@pytest.mark.parametrize("seed", range(3))
def test_the_scores_are_those_of_the_dummy(task, seed):
    """Validation and test also have labels that train lacks."""
    random = np.random.default_rng(seed)

    def part(rows, names):
        x = [[2] * int(random.integers(1, 5)) for _ in range(rows)]
        draws = {
            "classification": lambda _: str(random.choice(names)),
            "tagging": lambda one: random.choice(names * 2 + ["O"] * 4, len(one)).tolist(),
            "multilabel": lambda _: [name for name in names if random.random() < 0.5],
            "regression": lambda _: float(random.normal(3, 2)),
        }
        return x, [draws[task](one) for one in x]

    names = ["O", "B-X", "I-X"]
    more = {"tolerance": 1.0} if task == "regression" else {"classes": names}
    splits = part(23, names), part(11, [*names, "B-Y"]), part(17, [*names, "B-Y"])
    data = from_sequences(*splits, vocabulary=VOCABULARY, task=task, **more)
    scored, dummy = task_of(data), Dummy(1)
    dummy.check(data, scored, "")
    dummy.fit(Fitting(data, scored, "", seed, None))
    found = data.summary().chance
    for name, split in (("val", data.validation), ("test", data.test)):
        outputs = dummy.outputs(split.padded(np.arange(len(split))), split.length_N)
        scores = scored.evaluate([(outputs, split.labels(), split.length_N)])
        level = {one: value for one, value in scores.items() if one != "loss"}
        assert {one: found[f"{name}/{one}"] for one in level} == pytest.approx(level)


def test_a_transcription_has_no_level():
    x, y = [[2], [2]], [["a"], ["a"]]
    data = from_sequences((x, y), (x, y), (x, y), classes=["a"], vocabulary=VOCABULARY, task="ctc")
    assert (data.task, data.summary().chance) == ("ctc", {})


def test_prepared_data_keep_it_for_the_record(tmp_path):
    folder = prepare(digits, {"validation": 0.15, "test": 0.2, "limit": None}, tmp_path)
    y_N = {name: np.load(folder / f"{name}.y.npy") for name in ("train", "test")}
    commonest = max(range(10), key=lambda digit: (y_N["train"] == digit).sum())
    assert read_summary(folder).chance["test/accuracy"] == (y_N["test"] == commonest).mean()
