"""One experiment, two backends: the same start, outputs, gradients and steps.

Dimension letters: B batch, L length, D input width.
"""

import numpy as np
import pytest
from adapters import ENCODERS, encoder, scatter
from experiments import composed, features, words

B, L, D = 3, 11, 5
MASK_BL = np.arange(L) < np.array([11, 4, 0])[:, None]
POOLINGS = ["mean", "max", "sum", "last", "additive_attention"]
WHOLE = ["bag_of_embeddings", "self_attention", "rnn", "lstm", "gru", "bilstm_self_attention"]
SMALL = ("input.size=5", "head.hidden_sizes=[13]")


def close(found, expected, tolerance):
    """Equal within ``tolerance`` of the largest expected value."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = max(np.abs(value).max(), 1e-3)
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_have_the_same_outputs_and_gradients(in_torch, in_keras, name):
    x_BLD = np.random.default_rng(1).normal(size=(B, L, D)).astype(np.float32)
    ours, theirs = encoder(in_keras, name, D), encoder(in_torch, name, D)
    close(in_keras.weights(ours), in_torch.weights(theirs), 0)
    found, expected = (side.output(made, x_BLD, MASK_BL) for side, made in ((in_keras, ours), (in_torch, theirs)))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    by_x, by_weights = in_keras.gradients(ours, x_BLD, MASK_BL)
    expected_x, expected_weights = in_torch.gradients(theirs, x_BLD, MASK_BL)
    np.testing.assert_allclose(by_x, expected_x, atol=1e-4 * np.abs(expected_x).max())
    close(by_weights, expected_weights, 1e-4)


@pytest.mark.parametrize("part", [("encoders", "SelfAttention", 14, 2), ("poolings", "AdditiveAttention", 7)])
def test_attention_can_be_looked_at_by_the_same_name(in_torch, in_keras, part):
    import tensorflow as tf
    import torch

    kind, name, *sizes = part
    ours, theirs = (side.new(kind, name, D, *sizes) for side in (in_keras, in_torch))
    for side, made in ((in_keras, ours), (in_torch, theirs)):
        scatter(side, made)
    x_BLD = np.random.default_rng(1).normal(size=(B, L, D)).astype(np.float32)
    expected = theirs.attention(torch.from_numpy(x_BLD), torch.from_numpy(MASK_BL)).detach()
    np.testing.assert_allclose(ours.attention(tf.constant(x_BLD), tf.constant(MASK_BL)), expected, atol=1e-6)


def models(in_torch, in_keras, data, *overrides):
    """The Keras model and the torch model of one config."""
    from harness.backends.pytorch.model import build as build_torch
    from harness.backends.tensorflow.model import build as build_keras

    return [
        build(composed(f"backend={backend}", *SMALL, *overrides), data, seed=2)
        for build, backend in ((build_keras, "tensorflow"), (build_torch, "pytorch"))
    ]


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_models_start_alike_and_have_the_same_logits_and_gradients(in_torch, in_keras, name, pooling):
    data, position = words(), ["none", "sinusoidal", "learned"][(WHOLE.index(name) + POOLINGS.index(pooling)) % 3]
    ours, theirs = models(in_torch, in_keras, data, f"encoder={name}", f"pooling={pooling}", f"position={position}")
    close(in_keras.weights(ours), in_torch.weights(theirs), 0)
    for side, made in ((in_keras, ours), (in_torch, theirs)):
        scatter(side, made)
    inputs = data.validation.padded(), data.validation.length_N
    np.testing.assert_allclose(in_keras.output(ours, *inputs), in_torch.output(theirs, *inputs), atol=1e-5)
    _, found = in_keras.gradients(ours, *inputs)
    _, expected = in_torch.gradients(theirs, *inputs)
    close(found, expected, 1e-4)
    assert ours.flops(11) == theirs.flops(11) > 0


@pytest.mark.parametrize("size", ["5", "null"])
def test_models_of_feature_vectors_agree_with_a_projection_and_without(in_torch, in_keras, size):
    data = features()
    ours, theirs = models(in_torch, in_keras, data, "encoder=gru", f"input.size={size}")
    close(in_keras.weights(ours), in_torch.weights(theirs), 0)
    inputs = data.validation.padded(), data.validation.length_N
    np.testing.assert_allclose(in_keras.output(ours, *inputs), in_torch.output(theirs, *inputs), atol=1e-5)
    assert ours.flops(7) == theirs.flops(7)


def test_models_that_tag_agree_and_ignored_positions_cost_nothing(in_torch, in_keras):
    import tensorflow as tf
    import torch

    from harness.backends.pytorch.losses import cross_entropy as torch_loss
    from harness.backends.tensorflow.losses import cross_entropy as keras_loss

    data = words(tagging=True)
    ours, theirs = models(in_torch, in_keras, data, "encoder=bidirectional")
    inputs = data.validation.padded(), data.validation.length_N
    found, expected = in_keras.output(ours, *inputs), in_torch.output(theirs, *inputs)
    assert found.shape == (17, data.validation.longest, 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    y_BL = data.validation.labels()
    loss = float(keras_loss(tf.constant(found), tf.constant(y_BL)))
    assert loss == pytest.approx(float(torch_loss(torch.from_numpy(expected), torch.from_numpy(y_BL))), rel=1e-5)
    counted = y_BL >= 0
    exponents = np.exp(expected[counted])
    by_hand = -np.log(exponents[np.arange(counted.sum()), y_BL[counted]] / exponents.sum(1)).mean()
    assert loss == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("counts", [False, True])
def test_a_batch_to_tag_in_which_no_position_counts_costs_nothing(in_torch, in_keras, counts):
    import tensorflow as tf
    import torch

    from harness.backends.pytorch.losses import cross_entropy as torch_loss
    from harness.backends.tensorflow.losses import cross_entropy as keras_loss

    logits_BLC = np.random.default_rng(0).normal(size=(B, L, 3)).astype(np.float32)
    y_BL = np.full((B, L), -100)
    if counts:
        y_BL[0, :7] = 2
    ours, theirs = tf.constant(logits_BLC), torch.from_numpy(logits_BLC).requires_grad_()
    with tf.GradientTape() as tape:
        tape.watch(ours)
        found = keras_loss(ours, tf.constant(y_BL))
    expected = torch_loss(theirs, torch.from_numpy(y_BL))
    expected.backward()
    if counts:
        plain = torch.from_numpy(logits_BLC).requires_grad_()
        loss = torch.nn.functional.cross_entropy(plain.flatten(0, 1), torch.from_numpy(y_BL).flatten())
        loss.backward()
        assert expected.item() == loss.item() == pytest.approx(float(found), rel=1e-6)
        assert torch.equal(theirs.grad, plain.grad)
    else:
        assert float(found) == expected.item() == 0
        assert not theirs.grad.any()
        assert not tape.gradient(found, ours).numpy().any()


SGD = ("optimizer=sgd",)
OPTIMIZERS = {
    "adam": ("optimizer=adam",),
    "adam clipped": ("optimizer=adam", "trainer.clip_norm=0.01"),
    "adam, epsilon that weighs": ("optimizer=adam", "optimizer.eps=0.01", "+optimizer.weight_decay=0.1"),
    "adamw cosine": ("optimizer=adamw", "optimizer.weight_decay=0.3", "optimizer.schedule=cosine"),
    "sgd": SGD,
    "sgd clipped": (*SGD, "trainer.clip_norm=0.05", "optimizer.schedule=inverse_time", "optimizer.decay=0.2"),
    "sgd nesterov": (*SGD, "optimizer.momentum=0.7", "optimizer.nesterov=true", "+optimizer.weight_decay=0.1"),
    "sgd momentum": (*SGD, "optimizer.momentum=0.7"),
    "adadelta": ("optimizer=adadelta",),
    "adadelta, epsilon that weighs": (
        "optimizer=adadelta", "optimizer.rho=0.7", "optimizer.eps=0.01", "+optimizer.weight_decay=0.1",
        "optimizer.schedule=cosine", "trainer.clip_norm=0.05",
    ),
}
STEPS = 7


def torch_steps(in_torch, model, config, data):
    """The weights after each step and its loss, as Lightning's trainer makes it."""
    import pytorch_lightning as lightning
    import torch

    from harness.backends import DeviceBatch
    from harness.backends.pytorch.losses import make_loss
    from harness.backends.pytorch.training import Training
    from harness.data import Batches
    from harness.measure import StepTimer
    from harness.tasks.task import task_of

    found = []

    class Weights(lightning.Callback):
        def on_train_batch_end(self, trainer, module, *_):
            found.append((in_torch.weights(model), module.last_loss.item()))

    timer = StepTimer(lambda: 0.0, lambda: None, warmup_steps=0)
    loss = make_loss(data, None, torch.device("cpu"))
    training = Training(model, task_of(data), loss, config.optimizer, config.trainer.clip_norm, 0, STEPS, timer)

    def tensors(batch):
        x, length_B, y = map(torch.from_numpy, (batch.x, batch.length_B, batch.y))
        return DeviceBatch(x, length_B, y, batch.tokens, batch.sequences, batch.whole, batch.weight)

    parts = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = lightning.Trainer(
        accelerator="cpu", max_epochs=1, limit_val_batches=0, callbacks=[Weights()], **dict.fromkeys(parts, False)
    )
    loaders = [Batches(data.train, 7, seed=0, to_device=tensors) for _ in range(2)]
    trainer.fit(training, *loaders)
    return found


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_step_and_several_lead_to_the_same_weights(in_torch, in_keras, name):
    from harness.backends.tensorflow.losses import cross_entropy
    from harness.backends.tensorflow.optimizers import make_optimizer
    from harness.backends.tensorflow.training import Training, signature
    from harness.data import Batches

    data = words(7 * STEPS)
    ours, theirs = models(in_torch, in_keras, data, "encoder=bag_of_embeddings", "pooling=additive_attention")
    config = composed("backend=tensorflow", *OPTIMIZERS[name])
    optimizer = make_optimizer(config.optimizer, ours.trainable_variables, STEPS)
    training = Training(ours, cross_entropy, optimizer, signature(data), config.trainer.clip_norm)
    batches = list(Batches(data.train, 7, seed=0))
    for batch, (expected, loss) in zip(batches, torch_steps(in_torch, theirs, config, data), strict=True):
        training.step(batch.x, batch.length_B, batch.y)
        assert float(training.last_loss) == pytest.approx(loss, rel=1e-5)
        for parameter, value in in_keras.weights(ours).items():
            np.testing.assert_allclose(value, expected[parameter], atol=1e-5, rtol=1e-5, err_msg=parameter)


def test_lstm_steps_lead_to_the_same_weights(in_torch, in_keras):
    from harness.backends.tensorflow.losses import cross_entropy
    from harness.backends.tensorflow.optimizers import make_optimizer
    from harness.backends.tensorflow.training import Training, signature
    from harness.data import Batches

    data = words(7 * STEPS)
    ours, theirs = models(in_torch, in_keras, data, "encoder=lstm", "encoder.hidden_size=7", "encoder.num_layers=2")
    config = composed("backend=tensorflow")
    optimizer = make_optimizer(config.optimizer, ours.trainable_variables, STEPS)
    training = Training(ours, cross_entropy, optimizer, signature(data))
    batches = list(Batches(data.train, 7, seed=0))
    for batch, (expected, _) in zip(batches, torch_steps(in_torch, theirs, config, data), strict=True):
        training.step(batch.x, batch.length_B, batch.y)
        for parameter, value in in_keras.weights(ours).items():
            np.testing.assert_allclose(value, expected[parameter], atol=1e-5, rtol=1e-5, err_msg=parameter)
    assert training.step.experimental_get_tracing_count() == 1
