"""In half precision, the parts computed in single precision have gradients in single precision, as in a profile."""

import pytest
import pytorch_lightning as lightning
import torch
from experiments import composed, words

from harness.backends.pytorch.backend import Backend
from harness.backends.pytorch.training import Training
from harness.data import Batches
from harness.measure import StepTimer
from harness.records.record import Hardware

HARDWARE = Hardware("cpu", precision="bf16")


@pytest.mark.parametrize(
    ("encoder", "weight"),
    [
        (("s4d", "state_size=6"), "encoder.layers.0.states.frequency_EN"),
        (("jordan_rnn", "output_size=6"), "encoder.feedback.weight"),  # a loop over steps, which use the same weights
    ],
)
def test_a_training_step_has_the_gradients_of_a_training_pass(encoder, weight):
    name, own = encoder
    settings = (f"encoder={name}", "encoder.hidden_size=5", f"encoder.{own}", "input.size=7")
    config, data = composed(*settings), words(11)
    backend = Backend(config, HARDWARE)
    backend.build(data, 0)
    batches = Batches(data.train, 11, seed=0, to_device=backend._to_device)
    backend.training_pass()(next(iter(batches)))
    expected = {name: parameter.grad.clone() for name, parameter in backend.model.named_parameters()}

    backend.build(data, 0)
    timer = StepTimer(lambda: 0.0, lambda: None, warmup_steps=0)
    training = Training(backend.model, backend.task, backend.loss, config.optimizer, None, 0, 1, timer)
    parts = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = lightning.Trainer(
        accelerator="cpu", precision="bf16-mixed", max_epochs=1, limit_val_batches=0, **dict.fromkeys(parts, False)
    )
    trainer.fit(training, batches, batches)
    for name, parameter in backend.model.named_parameters():
        assert torch.equal(parameter.grad, expected[name]), name
    assert expected[weight].abs().sum() > 0


def test_the_gradients_of_a_weight_that_is_used_at_each_position_add_up_in_single_precision():
    """In bfloat16, a sum of ones stops at 256."""
    weight = torch.nn.Parameter(torch.ones(1, 1))
    with Backend(composed("encoder=jordan_rnn"), HARDWARE)._precision():
        outputs = [torch.nn.functional.linear(torch.ones(1, 1), weight) for _ in range(1000)]
    assert {output.dtype for output in outputs} == {torch.bfloat16}
    sum(output.float() for output in outputs).sum().backward()
    assert weight.grad.item() == 1000
