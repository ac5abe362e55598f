"""The training of a model: the compiled step, the epochs, and resuming from a checkpoint.

Dimension letters: B batch, L length, D feature width.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from harness.backends import array_files
from harness.backends import history as history_of
from harness.backends.base import DeviceBatch
from harness.backends.history import Metrics
from harness.backends.resuming import resumable
from harness.backends.schedules import RateOf
from harness.backends.tensorflow.layers import seed_generators
from harness.backends.tensorflow.losses import Loss
from harness.backends.tensorflow.model import SequenceModel
from harness.backends.tensorflow.optimizers import Optimizer, clipped
from harness.backends.tensorflow.progress import Progress
from harness.config.schema import TrainerConfig
from harness.data import Batches, Dataset
from harness.measure import StepTimer
from harness.tasks.task import Task

LAST, BEST = "last.npz", "best.npz"
"""Everything that the next epoch depends on, after the last epoch; the weights of the best epoch."""


def signature(data: Dataset, integer: tf.DType = tf.int32) -> list[tf.TensorSpec]:
    """Types and shapes of x, ``length_B`` and y; B and L stay open, so that one trace serves batches of every size.

    ``integer`` is the type of token ids and lengths.
    """
    x = tf.TensorSpec([None, None], integer) if data.tokens else tf.TensorSpec([None, None, data.width], tf.float32)
    y = tf.TensorSpec([None] * len(data.train.labels_shape), tf.as_dtype(data.train.y.dtype))
    return [x, tf.TensorSpec([None], integer), y]


def differentiate(
    model: SequenceModel, loss_of: Loss, x: tf.Tensor, length_B: tf.Tensor, y: tf.Tensor
) -> tuple[tf.Tensor, list]:
    """The loss, and its dense gradient for each trained weight; None for a weight that the loss does not depend on."""
    trained = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(trained)
        loss = loss_of(model(x, length_B, training=True), y)
    gradients = tape.gradient(loss, trained)
    return loss, [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]


class Training:
    """A model with its optimizer and the step that trains it."""

    def __init__(
        self, model: SequenceModel, loss: Loss, optimizer: Optimizer, specs: Sequence[tf.TensorSpec],
        clip_norm: float | None = None, compiled: bool = False,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.clip_norm, self.compiled = clip_norm, compiled
        self.weights = [variable.value for variable in model.variables]
        random_states = {id(generator.state) for generator in seed_generators(model)}
        self.random_states = [variable for variable in model.variables if id(variable) in random_states]
        self.last_loss = tf.Variable(0.0, trainable=False)
        self.loss_sum = tf.Variable(0.0, trainable=False)
        self.step = tf.function(self._step, input_signature=specs, jit_compile=compiled or None)

    def _step(self, x: tf.Tensor, length_B: tf.Tensor, y: tf.Tensor) -> None:
        loss, gradients = differentiate(self.model, self.loss, x, length_B, y)
        self.optimizer.apply(gradients if self.clip_norm is None else clipped(gradients, self.clip_norm))
        self.last_loss.assign(loss)
        self.loss_sum.assign_add(loss * tf.cast(tf.shape(length_B)[0], tf.float32))

    def prepare(self, batches: Sequence[DeviceBatch]) -> None:
        """Trace the step, and run it on these batches, before any timed step; nothing else is changed by that.

        XLA compiles it for their shapes.
        """
        self.step.get_concrete_function()
        if not batches:
            return
        kept = [variable.numpy() for variable in self.state]
        for batch in batches:
            self.step(batch.x, batch.length_B, batch.y)
        self.restore(kept)

    @property
    def state(self) -> list[tf.Variable]:
        """Everything that a step changes and the next step depends on."""
        return [*self.weights, *self.optimizer.state]

    def restore(self, arrays: Sequence[np.ndarray]) -> None:
        """Set the weights and, if there are more arrays, the optimizer's state."""
        for variable, array in zip(self.state, arrays, strict=False):
            variable.assign(array)

    def epoch_begins(self, seed: int, epoch: int) -> None:
        """Seed dropout by seed and epoch only, so that a resumed training equals one that was never interrupted."""
        self.loss_sum.assign(0.0)
        for number, state in enumerate(self.random_states):
            state.assign(np.random.SeedSequence([seed, epoch, number]).generate_state(2).astype(np.int64))


def fit(
    training: Training,
    batches: Batches,
    evaluate: Callable[[], dict[str, Metrics]],
    settings: TrainerConfig,
    task: Task,
    timer: StepTimer,
    folder: Path,
    epoch_done: Callable[[Metrics], None],
    rate_of: RateOf | None = None,
    limits: Sequence[float] = (),
) -> tuple[list[Metrics], int]:
    """Train, and leave the model with the weights of the best epoch.

    ``evaluate`` returns the scores of ``val``, if there is such a split, and, if it is evaluated each epoch, ``test``;
    the metric that ``trainer.monitor`` names chooses the best epoch. ``rate_of`` gives the learning rate of an epoch,
    where the history decides it, ``limits`` the cost of a hopeless best score after each epoch. A checkpoint in the
    folder is resumed, unless it is damaged, and the last one stays: the caller removes it when the results are safe.

    Returns:
        The history, one entry per epoch, and the best epoch, counted from 1.

    Raises:
        RuntimeError: the training diverged.
    """
    monitor = task.monitor(settings.monitor)
    history = resume(training, monitor, folder)
    progress = Progress(timer, settings.epochs, lambda: float(training.last_loss))
    if 0 < len(history) < settings.epochs:
        progress.resumes(history)
    while len(history) < settings.epochs and not history_of.is_over(history, monitor, settings.patience, limits):
        if rate_of is not None:
            training.optimizer.set_rate(rate_of(history))
        mean_loss = train_epoch(training, batches, len(history), timer, progress)
        trained = {f"train/{task.loss}": mean_loss * task.loss_unit}
        history_of.check_finite(history_of.entry(len(history) + 1, trained, {}))
        numbers = history_of.entry(len(history) + 1, trained, evaluate()) | history_of.spent(history, timer)
        history_of.check_finite(numbers)
        history.append(numbers)
        save(training, history, monitor, folder)
        epoch_done(history[-1])
        progress.epoch_ends(history[-1])
    best = array_files.load(folder / BEST)
    assert best is not None, "no epoch was saved"
    training.restore(best[0])
    return history, history_of.best_epoch(history, monitor)


def train_epoch(training: Training, batches: Batches, epoch: int, timer: StepTimer, progress: Progress) -> float:
    """Train one epoch, counted from 0; returns its mean loss."""
    batches.set_epoch(epoch)
    assert batches.seed is not None, "training batches are shuffled"
    training.epoch_begins(batches.seed, epoch)
    progress.epoch_begins(epoch + 1, len(batches))
    timer.epoch_begins()
    for number, batch in enumerate(timer.waiting(batches), 1):
        timer.step_begins()
        training.step(batch.x, batch.length_B, batch.y)
        timer.step_ends(batch.tokens, batch.sequences)
        progress.step(number)
    timer.epoch_ends()
    return float(training.loss_sum) / len(batches.split)


def save(training: Training, history: list[Metrics], monitor: str, folder: Path) -> None:
    """Save everything that the next epoch depends on, then the weights if they are the best so far."""
    array_files.save(folder / LAST, [variable.numpy() for variable in training.state], history)
    if history_of.best_epoch(history, monitor) == len(history):
        array_files.save(folder / BEST, [variable.numpy() for variable in training.weights], len(history))


def resume(training: Training, monitor: str, folder: Path) -> list[Metrics]:
    """Restore the last checkpoint; returns the history so far, empty if there is none or it is damaged."""
    if not resumable(folder / LAST, folder / BEST, array_files.load):
        return []
    checkpoint = array_files.load(folder / LAST)
    assert checkpoint is not None, "it was there a moment ago"
    arrays, history = checkpoint
    training.restore(arrays)
    if history_of.best_epoch(history, monitor) == len(history):
        # the run may have been interrupted between the two files
        array_files.save(folder / BEST, [variable.numpy() for variable in training.weights], len(history))
    return history
