"""Several labels per sequence: scikit-learn's scores, the loss by hand, labels that train never saw, and the arrays."""

import numpy as np
import pytest
from conftest import refused
from sklearn.metrics import accuracy_score, f1_score, log_loss

from harness.data import from_sequences, one_sequence
from harness.data.batches import gather
from harness.records.metrics import METRICS
from harness.tasks import multilabel
from harness.tasks.task import TASKS, task_of

VOCABULARY = ["[PAD]", "[UNK]", "x", "y"]


def random_answers(rows=211, classes=7, unseen=0):
    rng = np.random.default_rng(0)
    logits_NC = rng.normal(size=(rows, classes)).astype(np.float32)
    y_NA = (rng.random((rows, classes + unseen)) < 0.3).astype(np.float32)
    y_NA[:, 2] = 0  # a label that no row of this split has
    logits_NC[:, 2] = -1
    return logits_NC, y_NA


@pytest.mark.parametrize("unseen", [0, 2])
def test_scores_are_scikit_learns_and_labels_without_an_output_are_missed(unseen):
    logits_NC, y_NA = random_answers(unseen=unseen)
    predicted_NA = np.concatenate([logits_NC > 0, np.zeros((211, unseen), bool)], axis=1)
    found = multilabel.scores(logits_NC, y_NA)
    for average in ("micro", "macro"):
        expected = f1_score(y_NA, predicted_NA, average=average, zero_division=0)
        assert found[f"f1_{average}"] == pytest.approx(expected, rel=1e-12)
    assert found["exact_match"] == accuracy_score(y_NA, predicted_NA)
    probability_NC = 1 / (1 + np.exp(-logits_NC.astype(np.float64)))
    by_class = [log_loss(y_NA[:, one], probability_NC[:, one], labels=[0, 1]) for one in range(7)]
    assert found["loss"] == pytest.approx(np.mean(by_class), rel=1e-6)


def test_the_loss_by_hand_and_where_exponentials_would_overflow():
    # the labels of the first row are as likely as not; the second is wrong by 1e4 and right by 1e4
    logits_NC, y_NC = np.array([[0.0, 0.0], [1e4, -1e4]], np.float32), np.array([[1.0, 0.0], [0.0, 0.0]], np.float32)
    assert multilabel.binary_cross_entropy(logits_NC, y_NC) == pytest.approx((2 * np.log(2) + 1e4) / 4)


def test_a_split_without_any_label_and_any_prediction_has_no_f1_and_is_right():
    found = multilabel.scores(np.full((3, 2), -5.0), np.zeros((3, 2), np.float32))
    assert (found["f1_micro"], found["f1_macro"], found["exact_match"]) == (0.0, 0.0, 1.0)


def labelled():
    x = [[2, 3, 3], [2], [3, 2]]
    return from_sequences(
        (x, [["a", "b"], [], ["b"]]), (x[:2], [["b"], ["a"]]), (x[1:], [[], ["a"]]),
        classes=["a", "b"], vocabulary=VOCABULARY, task="multilabel",
    )  # fmt: skip


def test_labels_are_rows_of_0_and_1_that_no_batch_cuts():
    data = labelled()
    data.check()
    assert data.train.y.dtype == np.float32
    assert data.train.y.tolist() == [[1, 1], [0, 0], [0, 1]]
    shortest = gather(data.train, np.array([1]))
    assert (shortest.x.shape, shortest.y.tolist()) == ((1, 1), [[0, 0]])
    assert one_sequence(data, 5).y.tolist() == [[0, 0]]
    assert data.task == "multilabel"


def test_batches_are_scored_together_and_micro_f1_chooses_the_epoch():
    task, (logits_NC, y_NC) = TASKS["multilabel"]([*"abcdefg"]), random_answers()
    length_N = np.ones(211, np.int32)
    parts = [(logits_NC[rows], y_NC[rows], length_N[rows]) for rows in (slice(0, 100), slice(100, 211))]
    assert task.evaluate(parts) == multilabel.scores(logits_NC, y_NC)
    assert task.monitor("auto") == "val/f1_micro"
    assert task.confusion(logits_NC, labelled().test) is None
    for score in task.scores:
        assert METRICS[f"val/{score}"].higher_is_better is (score != "loss")
    assert task_of(labelled()).width == 2


def test_labels_that_only_validation_or_test_has_come_last_and_have_no_output():
    x = [[2, 3, 3], [2], [3, 2]]
    data = from_sequences(
        (x, [["b"], [], ["b"]]), (x[:2], [["b"], ["a"]]), (x[1:], [["new", "b"], ["a"]]),
        classes=["a", "b"], vocabulary=VOCABULARY, task="multilabel",
    )  # fmt: skip
    data.check()
    assert (data.classes, data.unseen) == (["b"], ["a", "new"])
    assert data.test.y.tolist() == [[1, 0, 1], [0, 1, 0]]
    assert data.train.y.tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert data.notes["unseen_labels"] == {"validation": 1, "test": 2}
    assert task_of(data).width == 1


def test_labels_that_cannot_be_learned_are_refused():
    def check(train, classes=("a", "b")):
        x = [[2], [3]]
        splits = (x, train), (x, [["a"], []]), (x, [["a"], []])
        from_sequences(*splits, classes=classes, vocabulary=VOCABULARY, task="multilabel").check()

    assert "all rows of the training split have the same labels" in refused(check, [["a"], ["a"]])
    assert "row 1 of train has the label 'c', which is not among the classes" in refused(check, [["a"], ["c"]])
    check([["a"], []], classes=("a",))  # one class, which a sequence has or not, is a question too
