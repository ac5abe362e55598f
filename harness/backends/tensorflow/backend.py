"""The TensorFlow backend: what ``harness.backends.Backend`` asks for, with Keras layers and a training step of our own.

Dimension letters: N sequences, L length, C classes.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.backends.history import Metrics
from harness.backends.tensorflow import runtime
from harness.backends.tensorflow.layers import named_layers
from harness.backends.tensorflow.model import build
from harness.backends.tensorflow.optimizers import make_optimizer
from harness.backends.tensorflow.training import Training, differentiate, fit, signature
from harness.config.schema import Config
from harness.data import Batch, Batches, Dataset, Split
from harness.data.batches import gather
from harness.data.dataset import IGNORED
from harness.errors import UserError
from harness.measure import StepTimer
from harness.records.record import Hardware
from harness.tasks import task as tasks
from harness.tasks.task import task_of


class Backend:
    """Encoders in Keras on TensorFlow, in one process."""

    rank = 0

    def __init__(self, config: Config, hardware: Hardware) -> None:
        self.config, self.hardware = config, hardware
        self.on_gpu = hardware.accelerator == "gpu"
        self.device = "GPU:0" if self.on_gpu else "CPU:0"
        # TensorFlow keeps int32 in the host's memory whatever the device, and would copy it within the timed step
        self.integer = tf.int64 if self.on_gpu else tf.int32
        runtime.start(hardware)

    def seed(self, seed: int) -> None:
        keras.utils.set_random_seed(seed)

    def build(self, data: Dataset, seed: int) -> Metrics:
        runtime.check(self.hardware)
        settings = self.config.trainer
        self.model = model = build(self.config, data, seed)
        self.specs = signature(data, self.integer)
        if settings.compile and not all(layer.supports_jit for _, layer in named_layers(model.parts)):
            raise UserError("trainer.compile=true: XLA cannot compile cuDNN's recurrent kernels; take another encoder")
        self.forward = tf.function(self._forward, input_signature=self.specs[:2])
        counted = {name: _parameters(part) for name, part in model.parts.items()}
        total = _parameters(model)
        return {"cost/parameters": total, "cost/encoder_parameters": total - counted["input"] - counted["head"]}

    def _forward(self, x: tf.Tensor, length_B: tf.Tensor) -> tf.Tensor:
        return self.model(x, length_B, training=False)

    def flops(self, length: int) -> int | None:
        return self.model.flops(length)

    def fit(
        self, data: Dataset, timer: StepTimer, folder: Path, epoch_done: Callable[[Metrics], None]
    ) -> tuple[list[Metrics], int]:
        settings, watched, task = self.config.trainer, {"val": data.validation}, task_of(data)
        if settings.report_test_each_epoch:
            watched["test"] = data.test
        batches = Batches(
            data.train, settings.batch_size, seed=self.config.seed, bucket=settings.bucket,
            to_device=self._to_device,
        )
        if settings.compile:
            # XLA compiles anew for every shape: all batches get the length of the longest sequence
            batches.to_device = lambda batch: self._to_device(_padded(batch, data.train.x.shape[1]))
        optimizer = make_optimizer(
            self.config.optimizer.model_dump(), self.model.trainable_variables, settings.epochs * len(batches)
        )
        training = Training(self.model, optimizer, self.specs, settings.clip_norm, settings.compile)
        last = len(data.train) % batches.batch_size
        sizes = {min(batches.batch_size, len(data.train)), last} - {0}
        training.prepare(batches.to_device(gather(data.train, np.arange(size))) for size in sorted(sizes))

        def evaluate() -> dict[str, Metrics]:
            return {name: task.evaluate(list(self._outcomes(split))) for name, split in watched.items()}

        found = fit(training, batches, evaluate, settings, task.monitor(settings.monitor), timer, folder, epoch_done)
        # inference's memory is to hold no optimizer; step and training refer to one another, so they are collected
        del training, optimizer
        gc.collect()
        return found

    def gather(self, value: Metrics) -> list[Metrics]:
        return [value]

    def _outcomes(self, split: Split) -> Iterator[tasks.Scored]:
        """Logits, labels and lengths, batch by batch."""
        for x, length_B, y, *_ in self._evaluation(split):
            yield self.forward(x, length_B).numpy(), y.numpy(), length_B.numpy()

    def predict(self, split: Split) -> np.ndarray:
        batches = self._evaluation(split)
        classes = self.model.parts["head"].layers[-1].out_dim
        logits = np.zeros((*split.y.shape, classes), np.float32)
        for rows, (found, *_) in zip(batches.rows(), self._outcomes(split), strict=True):
            if found.ndim == 2:
                logits[rows] = found
            else:
                logits[rows, : found.shape[1]] = found
        return logits

    def passes(self, split: Split, rows: Sequence[np.ndarray]) -> tuple[Callable[[Any], object], list[Any]]:
        return lambda batch: self.forward(batch[0], batch[1]), [self._to_device(gather(split, some)) for some in rows]

    def attention(self, split: Split, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {}  # what a layer of Keras was given cannot be listened to from outside

    def training_pass(self) -> Callable[[Any], object]:
        compiled = self.config.trainer.compile or None
        # the gradients are returned, because what a graph does not return it does not compute
        one_pass = tf.function(partial(differentiate, self.model), input_signature=self.specs, jit_compile=compiled)
        return lambda batch: one_pass(*batch[:3])

    def sync(self) -> None:
        if self.on_gpu:  # on a CPU a call returns when it is done
            tf.test.experimental.sync_devices()

    def device_peak(self) -> float | None:
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20 if self.on_gpu else None

    def device_reset(self) -> None:
        if self.on_gpu:
            tf.config.experimental.reset_memory_stats("GPU:0")

    def _evaluation(self, split: Split) -> Batches:
        return Batches(split, self.config.trainer.eval_batch_size, to_device=self._to_device)

    def _to_device(self, batch: Batch) -> tuple:
        """What the model reads, on the device, and how much of it is real, as numbers."""
        arrays = (batch.x, batch.length_B, batch.y)
        with tf.device(self.device):
            placed = [
                tf.convert_to_tensor(array, self.integer if array.dtype == np.int32 else None) for array in arrays
            ]
        return *placed, batch.tokens, batch.sequences


def _padded(batch: Batch, length: int) -> Batch:
    more = (0, length - batch.x.shape[1])
    x = np.pad(batch.x, [(0, 0), more, *[(0, 0)] * (batch.x.ndim - 2)])
    y = batch.y if batch.y.ndim == 1 else np.pad(batch.y, [(0, 0), more], constant_values=IGNORED)
    return replace(batch, x=x, y=y)


def _parameters(layer: keras.layers.Layer) -> int:
    return sum(int(np.prod(variable.shape)) for variable in layer.trainable_variables)
