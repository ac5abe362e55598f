"""What the timer counts in a real fit by Lightning. A fake clock adds long times to everything that is no training
step, and none of these times may appear in the times of steps."""

import pytest
import torch
from torch import nn

from harness.backends.pytorch import backend as backend_module
from harness.backends.pytorch.backend import Backend
from harness.backends.pytorch.checkpoints import EpochEnds
from harness.backends.pytorch.layers import clear_padding
from harness.backends.pytorch.progress import Progress
from harness.backends.pytorch.training import Training
from harness.config.compose import compose
from harness.data import batches
from harness.data.synthetic.features import synthetic_features
from harness.measure import StepTimer
from harness.records.record import Hardware

HARDWARE = Hardware("cpu")
STEP, WAIT, VALIDATION, CHECKPOINT, EPOCH_START, BATCH_START, BATCH_END, NEWS = (
    0.1, 3.0, 50.0, 700.0, 11_000.0, 130_000.0, 1_700_000.0, 23_000_000.0,
)  # fmt: skip


class Clock:
    now = 0.0

    def __call__(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


CLOCK = Clock()


class SlowEncoder(nn.Module):
    """Takes a tenth of a second in training and 50 seconds in validation."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim

    def forward(self, x_BLD, mask_BL):
        CLOCK.passes(STEP if self.training else VALIDATION)
        return clear_padding(x_BLD, mask_BL)


def delayed(seconds, function):
    def slow(*arguments, **named):
        CLOCK.passes(seconds)
        return function(*arguments, **named)

    return slow


@pytest.fixture
def slow_world(monkeypatch):
    """Everything around the step takes its own, unmistakable time."""
    CLOCK.now = 0.0
    gather = batches.gather
    monkeypatch.setattr(batches, "gather", delayed(WAIT, gather))
    monkeypatch.setattr(backend_module, "gather", gather)
    trainer = backend_module.lightning.Trainer
    monkeypatch.setattr(trainer, "save_checkpoint", delayed(CHECKPOINT, trainer.save_checkpoint))
    for hook, seconds in (
        ("on_train_epoch_start", EPOCH_START), ("on_train_batch_start", BATCH_START), ("on_train_batch_end", BATCH_END),
    ):  # fmt: skip
        for watcher in (EpochEnds, Progress):
            monkeypatch.setattr(watcher, hook, delayed(seconds, getattr(watcher, hook)))


def fit(tmp_path, **trainer):
    overrides = [f"trainer.{key}={value}" for key, value in {"epochs": 2, "batch_size": 7, **trainer}.items()]
    config = compose("encoder=custom", f"encoder._target_={__name__}.SlowEncoder", "input.size=5", *overrides)
    data = synthetic_features(sequences=60, length=4, width=8, classes=3, min_length=2)
    backend = Backend(config, HARDWARE)
    backend.seed(0)
    backend.build(data, 0)
    timer = StepTimer(CLOCK, backend.sync, warmup_steps=0)
    backend.fit(data, timer, tmp_path, lambda _: CLOCK.passes(NEWS))
    return timer, data


def test_only_the_step_is_in_the_step(slow_world, tmp_path):
    timer, data = fit(tmp_path)
    steps = 2 * -(-len(data.train) // 7)
    assert timer.seconds == pytest.approx([STEP] * steps, abs=1e-6)
    assert timer.waited == pytest.approx([WAIT] * steps)
    found = timer.metrics()
    assert found["speed/train_sequences_per_second"] == pytest.approx(len(data.train) * 2 / (steps * STEP), rel=1e-6)
    assert found["speed/data_wait_fraction"] == pytest.approx(WAIT / (WAIT + STEP))


def test_tokens_are_counted_without_padding(slow_world, tmp_path):
    timer, data = fit(tmp_path)
    real = int(data.train.length_N.sum())
    assert sum(timer.tokens) == 2 * real < 2 * len(data.train) * data.train.longest
    assert sum(timer.sequences) == 2 * len(data.train)


def test_an_epoch_is_its_training_part_without_validation_checkpoint_and_news(slow_world, tmp_path):
    timer, data = fit(tmp_path)
    steps = -(-len(data.train) // 7)
    # all included from the first batch asked for to the last step's end, of two watchers each
    watching = 2 * (steps * BATCH_START + (steps - 1) * BATCH_END)
    assert timer.epochs == pytest.approx([steps * (STEP + WAIT) + watching] * 2)


def test_the_optimizers_step_is_in_the_step(monkeypatch, tmp_path):
    CLOCK.now = 0.0
    step = torch.optim.Adam.step

    def slow_step(self, closure=None):
        CLOCK.passes(0.4)
        return step(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", slow_step)
    timer, _ = fit(tmp_path, epochs=1)
    assert timer.seconds == pytest.approx([STEP + 0.4] * len(timer.seconds))


def test_what_the_module_does_at_an_epochs_end_is_in_no_step(monkeypatch, tmp_path):
    CLOCK.now = 0.0
    monkeypatch.setattr(Training, "on_validation_epoch_end", delayed(999.0, Training.on_validation_epoch_end))
    timer, _ = fit(tmp_path)
    assert max(timer.seconds) == pytest.approx(STEP)
    assert max(timer.epochs) < 10
