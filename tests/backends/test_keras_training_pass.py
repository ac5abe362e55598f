"""The pass that a profile times, in TensorFlow: the gradients of the loss, and no weight changes."""

import numpy as np
import pytest

from harness.config.compose import compose
from harness.records.record import Hardware
from harness.runner.profile_point import random_tokens

HARDWARE = Hardware("cpu")


def test_the_training_pass_gives_the_gradients_of_the_loss_and_changes_nothing(in_keras):
    tf = pytest.importorskip("tensorflow")
    from harness.backends.tensorflow import Backend
    from harness.backends.tensorflow.losses import cross_entropy

    config = compose("mode=profile", "backend=tensorflow", "encoder=gru", "encoder.hidden_size=5", "input.size=7")
    backend = Backend(config, HARDWARE)
    backend.seed(0)
    data = random_tokens(3, 11, config)
    backend.build(data, 0)
    _, (batch,) = backend.passes(data.train, [np.arange(3)])
    before = [variable.numpy() for variable in backend.model.variables]
    loss, gradients = backend.training_pass()(batch)
    for variable, kept in zip(backend.model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), kept)
    with tf.GradientTape() as tape:
        expected = cross_entropy(backend.model(batch.x, batch.length_B, training=True), batch.y)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    wanted = tape.gradient(expected, [variable.value for variable in backend.model.trainable_variables])
    for found, one in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(found, tf.convert_to_tensor(one), atol=1e-6)
        assert np.abs(found).sum() > 0
