"""Connectionist temporal classification: against torch's loss, every path counted by hand, and cases by hand."""

import itertools

import numpy as np
import pytest
import torch

from harness.backends.pytorch.losses import LOSSES
from harness.data import from_sequences
from harness.tasks import ctc
from harness.tasks.task import task_of

A, B, BLANK = 0, 1, 2


def logits_of(*paths: list[int]) -> np.ndarray:
    """Logits whose most likely symbols are these."""
    return 5 * np.eye(3, dtype=np.float32)[np.array(paths)]


def test_the_likelihood_is_the_sum_over_all_paths_that_spell_the_target():
    rng = np.random.default_rng(0)
    logits_BLK = rng.normal(size=(1, 5, 3)).astype(np.float32)
    p_LK = np.exp(logits_BLK[0].astype(float))
    p_LK /= p_LK.sum(1, keepdims=True)
    for target in ([], [A], [A, A], [A, B, A], [B, B, B]):
        spelling = 0.0
        for path in itertools.product(range(3), repeat=5):
            merged = [symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK]
            spelling += np.prod([p_LK[step, symbol] for step, symbol in enumerate(path)]) if merged == target else 0.0
        y_BT = np.array([target + [-100] * (3 - len(target))])
        assert ctc.negative_log_likelihood(logits_BLK, y_BT, np.array([5])) == pytest.approx(-np.log(spelling))


def test_loss_and_gradient_are_those_of_torch_and_do_not_depend_on_padding():
    rng = np.random.default_rng(1)
    logits_BLK = rng.normal(size=(5, 13, 8)).astype(np.float32)
    y_BT = rng.integers(0, 7, (5, 3))
    y_BT[1] = 4  # repeats
    y_BT[2, 1:] = y_BT[3] = -100  # one label, and none
    length_B = np.array([13, 7, 3, 2, 11], np.int32)
    ours = ctc.loss(logits_BLK, y_BT, length_B)
    for row in range(5):
        target = y_BT[row][y_BT[row] != -100]
        log_p = torch.from_numpy(logits_BLK[row, : length_B[row], None]).double().log_softmax(-1)
        lengths = torch.tensor([length_B[row]]), torch.tensor([len(target)])
        theirs = torch.nn.functional.ctc_loss(log_p, torch.from_numpy(target)[None], *lengths, blank=7)
        assert ours[row] == pytest.approx(float(theirs), rel=1e-6)
    logits = torch.from_numpy(logits_BLK).requires_grad_()
    loss = LOSSES["ctc"](logits, torch.from_numpy(y_BT), torch.from_numpy(length_B))
    assert loss.item() == pytest.approx(ours.mean(), rel=1e-5)
    loss.backward()
    assert (logits.grad[2, 3:] == 0).all()
    assert (logits.grad[2, :3] != 0).any()


def test_a_target_that_does_not_fit_is_impossible():
    impossible = ctc.negative_log_likelihood(np.zeros((1, 2, 3)), np.array([[A, A]]), np.array([2]))
    assert impossible == np.inf


def test_the_greedy_answer_merges_repeats_and_drops_blanks():
    logits = logits_of([A, A, BLANK, A, B, B], [BLANK, B, B, BLANK, BLANK, A])
    assert ctc.decode(logits, np.array([6, 5])) == [[A, A, B], [B]]
    assert ctc.decode(logits, np.array([2, 0])) == [[A], []]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("abc", "abc", 0), ("kitten", "sitting", 3), ("flaw", "lawn", 2),
     ("saturday", "sunday", 3)],
)  # fmt: skip
def test_edit_distance(one, other, expected):
    assert ctc.edit_distance(one, other) == ctc.edit_distance(other, one) == expected


def made(**changes):
    x = [np.ones((6, 2), np.float32)] * 2
    parts = {name: (x, ["aba", "bb"]) for name in ("train", "validation", "test")}
    return from_sequences(**{**parts, "classes": ["a", "b"], "task": "ctc", **changes})


def test_label_error_rate_is_summed_over_the_split_before_it_is_divided():
    data = made()
    task = task_of(data)
    logits = logits_of([A, B, BLANK, BLANK, BLANK, BLANK], [B, B, B, A, BLANK, A])  # ab for aba, baa for bb
    halves = [(logits[i : i + 1], data.test.labels()[i : i + 1], data.test.length_N[i : i + 1]) for i in range(2)]
    found = task.evaluate(halves)
    assert found["label_error_rate"] == (1 + 2) / (3 + 2)
    assert found["loss"] == pytest.approx(ctc.loss(logits, data.test.labels(), data.test.length_N).mean())
    assert task.width == 3
    assert task.monitor("auto") == "val/label_error_rate"


def test_targets_are_kept_in_order_and_named_a_task_of_their_own():
    data = made()
    data.check()
    assert data.task == "ctc"
    assert data.train.labels().tolist() == [[0, 1, 0], [1, 1, -100]]
    x, y, length_N = data.train.padded(), data.train.labels(), data.train.length_N
    tagging = type(data)(*[data.train.from_padded(x[:, :3], length_N.clip(max=3), y)] * 3, ["a", "b"])
    assert tagging.task == "tagging"
    assert made(task="ctc").hash == data.hash


def test_a_target_longer_than_its_input_allows_is_refused():
    short = [np.ones((6, 2), np.float32), np.ones((2, 2), np.float32)]
    with pytest.raises(ValueError, match="row 1 of the test split has a target of 2 labels, 1 of them like the one be"):
        made(test=(short, ["aba", "bb"])).check()
    made(test=(short, ["aba", "ba"])).check()
    with pytest.raises(ValueError, match="no target of the test split has a label"):
        made(test=(short, ["", ""])).check()


def test_targets_with_a_label_that_train_never_saw_are_errors_and_have_no_loss():
    x = [np.ones((6, 2), np.float32)] * 2
    data = made(test=(x, ["aca", "bb"]))
    data.check()
    assert (data.classes, data.unseen) == (["a", "b"], ["c"])
    assert data.test.labels().tolist() == [[0, 2, 0], [1, 1, -100]]
    task = task_of(data)
    logits = logits_of([A, BLANK, BLANK, A, BLANK, BLANK], [B, B, B, BLANK, B, BLANK])  # aa for aca, bb for bb
    whole = [(logits, data.test.labels(), data.test.length_N)]
    known = ctc.loss(logits[1:], data.test.labels()[1:], data.test.length_N[1:])
    assert task.width == 3
    assert task.evaluate(whole) == {"label_error_rate": 1 / 5, "loss": pytest.approx(known.mean())}
    alone = [(logits[:1], data.test.labels()[:1], data.test.length_N[:1])]
    assert task.evaluate(alone) == {"label_error_rate": 1 / 3}
