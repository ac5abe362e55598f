"""The losses of tasks from files: by hand, as torch's own, and the same with the same gradients in both backends."""

import numpy as np
import pytest
import torch
from experiments import composed, fitted, ready
from histories import without_seconds
from sklearn.utils.class_weight import compute_class_weight

from harness.backends.pytorch.losses import make_loss as torch_loss
from harness.data import Dataset, Split, from_sequences
from harness.data.labels import balanced_weights, scale_of
from harness.tasks.task import class_weights

B, L, C, LENGTH_B = 5, 7, 3, np.array([7, 2, 3, 1, 7])
VOCABULARY = [str(number) for number in range(29)]


def data_of(task: str, y: np.ndarray, **more) -> Dataset:
    split = Split.from_padded(np.ones((B, L), np.int32), LENGTH_B, y)
    return Dataset(split, split, split, ["a", "b", "c"], VOCABULARY, task=task, **more)


Y_B = np.array([0, 2, 0, 0, 1])
Y_BL = np.where(np.arange(L) < LENGTH_B[:, None], np.arange(B * L).reshape(B, L) % 3, -100)
Y_BC = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1]], np.float32)
PRICES_B = np.array([100_000, 102_000, 97_000, 101_000, 100_500], np.float32)
CASES = {
    "classification": (data_of("classification", Y_B), (B, C), True),
    "tagging": (data_of("tagging", Y_BL), (B, L, C), True),
    "multilabel": (data_of("multilabel", Y_BC), (B, C), False),
    "regression": (data_of("regression", PRICES_B, label_scale=scale_of(PRICES_B)), (B, 1), False),
}


def outputs_of(task, shape):
    noise = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    return noise if task != "regression" else 100_000 + 1000 * noise


def loss_and_gradient(data, outputs, weights_C):
    outputs = torch.from_numpy(outputs).requires_grad_()
    loss = torch_loss(data, weights_C, torch.device("cpu"))
    value = loss(outputs, torch.from_numpy(data.train.labels()), torch.from_numpy(LENGTH_B))
    value.backward()
    return value.item(), outputs.grad.numpy()


@pytest.mark.parametrize("task", CASES)
def test_both_backends_have_the_same_loss_and_gradient(in_keras, task):
    import tensorflow as tf

    from harness.backends.tensorflow.losses import make_loss as keras_loss

    data, shape, weighted = CASES[task]
    outputs = outputs_of(task, shape)
    for weights_C in [None, balanced_weights(data.train.y, C)] if weighted else [None]:
        value, gradient = loss_and_gradient(data, outputs, weights_C)
        ours = tf.constant(outputs)
        with tf.GradientTape() as tape:
            tape.watch(ours)
            found = keras_loss(data, weights_C)(ours, tf.constant(data.train.labels()))
        assert float(found) == pytest.approx(value, rel=1e-5)
        ours_gradient = tape.gradient(found, ours).numpy()
        np.testing.assert_allclose(ours_gradient, gradient, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("y", [Y_B, Y_BL])
def test_balanced_weights_are_scikit_learns_on_what_counts(y):
    counted = y[y != -100]
    expected = compute_class_weight("balanced", classes=np.arange(C), y=counted)
    np.testing.assert_allclose(balanced_weights(y, C), expected, rtol=1e-6)
    np.testing.assert_allclose(balanced_weights(y, C + 1), [*expected, 0], rtol=1e-6)  # one that train never saw


def test_the_weighted_loss_is_torchs_weighted_mean_by_hand():
    data, shape, _ = CASES["classification"]
    logits_BC, weights_C = outputs_of("classification", shape), balanced_weights(Y_B, C)
    assert weights_C.tolist() == pytest.approx([5 / 9, 5 / 3, 5 / 3])
    log_p_BC = logits_BC - np.log(np.exp(logits_BC).sum(1, keepdims=True))
    weight_B = weights_C[Y_B]
    by_hand = -(weight_B * log_p_BC[np.arange(B), Y_B]).sum() / weight_B.sum()
    own = torch.nn.CrossEntropyLoss(weight=torch.from_numpy(weights_C))
    value, _ = loss_and_gradient(data, logits_BC, weights_C)
    assert value == pytest.approx(by_hand, rel=1e-6)
    assert value == own(torch.from_numpy(logits_BC), torch.from_numpy(Y_B)).item()


def test_the_loss_of_several_labels_is_the_mean_over_sequences_and_classes():
    from harness.tasks.multilabel import binary_cross_entropy

    data, shape, _ = CASES["multilabel"]
    logits_BC = outputs_of("multilabel", shape)
    value, gradient_BC = loss_and_gradient(data, logits_BC, None)
    assert value == pytest.approx(binary_cross_entropy(logits_BC, Y_BC), rel=1e-6)
    np.testing.assert_allclose(gradient_BC, (1 / (1 + np.exp(-logits_BC)) - Y_BC) / (B * C), atol=1e-7)


def test_a_standardised_regression_trains_on_standard_deviations():
    data, shape, _ = CASES["regression"]
    assert data.label_scale == pytest.approx([PRICES_B.mean(), PRICES_B.std()])
    prediction_B1 = outputs_of("regression", shape)
    value, _ = loss_and_gradient(data, prediction_B1, None)
    error_B = (prediction_B1[:, 0] - PRICES_B) / PRICES_B.std()
    assert value == pytest.approx((error_B**2).mean(), rel=1e-5)


def learnable(task, rows=120):
    """Sequences whose answer a bag of words knows: a price, or which of three words occur."""
    rng = np.random.default_rng(2)

    def some(count):
        x = [rng.integers(2, 9, rng.integers(1, 6)) for _ in range(count)]
        prices = [200_000 + 4000 * int((row == 2).sum()) for row in x]
        sets = [[word for word in (2, 3, 4) if word in row] for row in x]
        return x, prices if task == "regression" else sets

    more = {"standardise_labels": True} if task == "regression" else {"classes": [2, 3, 4]}
    return from_sequences(some(rows), some(31), some(37), vocabulary=VOCABULARY, task=task, **more)


SMALL = ("encoder=bag_of_embeddings", "pooling=sum", "input.size=7", "trainer.batch_size=11", "optimizer.lr=0.1")


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_a_task_trains_alike_in_both_backends_and_is_scored_in_the_unit_of_the_labels(in_keras, tmp_path, task):
    data, histories = learnable(task), []
    for backend in ("pytorch", "tensorflow"):
        (tmp_path / backend).mkdir()
        made = ready(data, *SMALL, "trainer.epochs=6", backend=backend)
        (history, _), _ = fitted(made, data, tmp_path / backend)
        histories.append(without_seconds(history))
        outputs = made.predict(data.test)
        assert outputs.shape == (37, 1 if task == "regression" else 3)
        if task == "regression":
            assert np.abs(outputs - 200_000).max() < 30_000
    ours, theirs = histories
    assert [list(entry) for entry in ours] == [list(entry) for entry in theirs]
    assert ours[0][f"train/{'mse' if task == 'regression' else 'loss'}"] > 0
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, rel=1e-2, abs=1e-3)
    if task == "regression":
        variance = data.validation.y.astype(np.float64).var()
        assert variance > 1e6
        for name in ("val/mse", "train/mse"):
            assert min(entry[name] for entry in ours) < 0.1 * variance
    else:
        assert ours[-1]["val/f1_micro"] > 0.95


def test_weights_are_of_train_and_only_where_they_are_set():
    data = CASES["classification"][0]
    assert class_weights(composed("backend=pytorch"), data) is None
    weights_C = class_weights(composed("data.class_weights=balanced"), data)
    np.testing.assert_array_equal(weights_C, balanced_weights(Y_B, C))
    assert class_weights(composed("data.class_weights=balanced", "mode=profile"), data) is None
