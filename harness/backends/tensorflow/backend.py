"""The TensorFlow backend: ``harness.backends.Backend`` with Keras layers and a training step of its own.

Dimension letters: N sequences, L length, C classes.
"""

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from harness.backends import array_files
from harness.backends.base import DeviceBatch
from harness.backends.exported import Exported
from harness.backends.history import Metrics, evaluated_splits
from harness.backends.outputs import in_order
from harness.backends.resuming import read_weights
from harness.backends.schedules import rate_of
from harness.backends.tensorflow import exporting, runtime
from harness.backends.tensorflow.encoders.recurrent import kernels_of
from harness.backends.tensorflow.layers import named_layers
from harness.backends.tensorflow.losses import make_loss
from harness.backends.tensorflow.model import build
from harness.backends.tensorflow.optimizers import make_optimizer
from harness.backends.tensorflow.training import BEST, Training, differentiate, fit, signature
from harness.config.schema import Config
from harness.data import Batch, Batches, Dataset, Split
from harness.data.batches import gather
from harness.data.dataset import IGNORED
from harness.data.outline import outline_of
from harness.errors import UserError
from harness.measure import StepTimer
from harness.records.metrics import ENCODER_PARAMETERS, FROZEN_PARAMETERS, PARAMETERS
from harness.records.record import Hardware, Kernels
from harness.tasks import task as tasks
from harness.tasks.task import class_weights, task_of


class Backend:
    """Encoders in Keras on TensorFlow, in one process."""

    rank = 0
    exports = ("keras",)

    def __init__(self, config: Config, hardware: Hardware) -> None:
        self.config, self.hardware = config, hardware
        self.on_gpu = hardware.accelerator == "gpu"
        self.device = "GPU:0" if self.on_gpu else "CPU:0"
        # TensorFlow keeps int32 in host memory whatever the device, and would copy it during the timed step
        self.integer = tf.int64 if self.on_gpu else tf.int32
        runtime.start(hardware)

    def seed(self, seed: int) -> None:
        keras.utils.set_random_seed(seed)

    def build(self, data: Dataset, seed: int) -> None:
        runtime.check(self.hardware)
        settings = self.config.trainer
        self.model = build(self.config, data, seed)
        self.outline = outline_of(data)
        self.task, self.specs = task_of(data), signature(data, self.integer)
        self.loss = make_loss(data, class_weights(self.config, data))
        if settings.compile and not all(layer.supports_jit for _, layer in named_layers(self.model.parts)):
            raise UserError("trainer.compile=true: XLA cannot compile cuDNN's recurrent kernels; take another encoder")
        self.forward = tf.function(self._forward, input_signature=self.specs[:2])

    def parameters(self) -> Metrics:
        counts = {name: _parameters(part) for name, part in self.model.parts.items()}
        total = _parameters(self.model)
        costs: Metrics = {PARAMETERS: total, ENCODER_PARAMETERS: total - counts["input"] - counts["head"]}
        table_VD = getattr(self.model.parts["input"], "table_VD", None)
        if table_VD is not None and not table_VD.trainable:
            costs[FROZEN_PARAMETERS] = math.prod(table_VD.shape)
        return costs

    def _forward(self, x: tf.Tensor, length_B: tf.Tensor) -> tf.Tensor:
        return self.model(x, length_B, training=False)

    def flops(self, length: int) -> int | None:
        return self.model.flops(length)

    def kernels(self) -> Kernels:
        return kernels_of(self.model.parts)

    def fit(
        self, data: Dataset, timer: StepTimer, folder: Path, epoch_done: Callable[[Metrics], None],
        limits: Sequence[float] = (),
    ) -> tuple[list[Metrics], int]:
        settings, task = self.config.trainer, self.task
        splits = evaluated_splits(data, settings.report_test_each_epoch)
        batches = Batches(
            data.train, settings.batch_size, seed=self.config.seed, bucket=settings.bucket,
            to_device=self._to_device,
        )
        if settings.compile:
            # XLA compiles again for every shape: all batches get the length of the longest sequence
            batches.to_device = lambda batch: self._to_device(batch, data.train.longest)
        total_steps = settings.epochs * len(batches)
        optimizer = make_optimizer(self.config.optimizer, self.model.trainable_variables, total_steps)
        training = Training(self.model, self.loss, optimizer, self.specs, settings.clip_norm, settings.compile)
        training.prepare(self._first_batches(batches))

        def evaluate() -> dict[str, Metrics]:
            return {name: task.evaluate(list(self._outcomes(split))) for name, split in splits.items()}

        rate = rate_of(self.config.optimizer, task.monitor(settings.monitor))
        result = fit(training, batches, evaluate, settings, task, timer, folder, epoch_done, rate, limits)
        # the memory of inference must not include the optimizer; step and training form a reference cycle
        del training, optimizer
        gc.collect()
        return result

    def restore(self, folder: Path) -> None:
        with read_weights(folder / BEST):
            arrays, _ = array_files.load(folder / BEST) or ([], None)
            for variable, array in zip(self.model.variables, arrays, strict=True):
                variable.value.assign(array)

    def export(self, kind: str, file: Path, examples: Split) -> None:
        exporting.export(self.model, self.config, self.outline, file)

    def exported(self, kind: str, file: Path) -> Exported:
        return exporting.exported(file)

    def _first_batches(self, batches: Batches) -> list[DeviceBatch]:
        """The batches that the step runs on before training: of every shape for XLA, the largest for a GPU.

        With the largest, the GPU's allocator grows and its kernels are chosen before any timed step.
        """
        first = [batches.largest()] if self.on_gpu else []
        if self.config.trainer.compile:
            full, total = batches.batch_size, len(batches.split)
            sizes = {min(full, total), total % full} - {0}
            first += [batches.to_device(gather(batches.split, np.arange(size))) for size in sorted(sizes)]
        return first

    def gather(self, value: Metrics) -> list[Metrics]:
        return [value]

    def _outcomes(self, split: Split) -> Iterator[tasks.Scored]:
        """Logits, labels and lengths, batch by batch."""
        for batch in self._evaluation(split):
            yield self.forward(batch.x, batch.length_B).numpy(), batch.y.numpy(), batch.length_B.numpy()

    def predict(self, split: Split) -> np.ndarray:
        outputs = (outputs for outputs, *_ in self._outcomes(split))
        return in_order(split, self.task, zip(self._evaluation(split).rows(), outputs, strict=True))

    def passes(
        self, split: Split, rows: Sequence[np.ndarray]
    ) -> tuple[Callable[[DeviceBatch], object], list[DeviceBatch]]:
        batches = [self._to_device(gather(split, some)) for some in rows]
        return lambda batch: self.forward(batch.x, batch.length_B), batches

    def attention(self, split: Split, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {}  # Keras has no hooks that show the inputs of a layer

    def training_pass(self) -> Callable[[DeviceBatch], object]:
        compiled = self.config.trainer.compile or None
        # the gradients are returned, because a graph computes only what it returns
        whole = partial(differentiate, self.model, self.loss)
        one_pass = tf.function(whole, input_signature=self.specs, jit_compile=compiled)
        return lambda batch: one_pass(batch.x, batch.length_B, batch.y)

    def warm_up_device(self) -> None:
        if self.on_gpu:
            runtime.warm_up(self.device)
            self.sync()

    def sync(self) -> None:
        if self.on_gpu:  # on a CPU a call returns when its work is done
            tf.test.experimental.sync_devices()

    def device_peak(self) -> float | None:
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20 if self.on_gpu else None

    def device_reset(self) -> None:
        if self.on_gpu:
            tf.config.experimental.reset_memory_stats("GPU:0")

    def _evaluation(self, split: Split) -> Batches:
        return Batches(split, self.config.trainer.eval_batch_size, to_device=self._to_device)

    def _to_device(self, batch: Batch, length: int | None = None) -> DeviceBatch:
        """The batch on the device, padded to ``length`` steps if that is given."""
        x, y = batch.x, batch.y
        if length is not None:
            x = _padded(x, length)
            y = _padded(y, length, IGNORED) if self.task.per_step else y
        with tf.device(self.device):
            x, length_B, y = (
                tf.convert_to_tensor(array, self.integer if array.dtype == np.int32 else None)
                for array in (x, batch.length_B, y)
            )
        return DeviceBatch(x, length_B, y, batch.tokens, batch.sequences, batch.whole, batch.weight)


def _padded(values: np.ndarray, length: int, padding: int = 0) -> np.ndarray:
    """Values per step, ``BL`` or ``BLD``, padded to ``length`` steps."""
    more = [(0, 0), (0, length - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
    return np.pad(values, more, constant_values=padding)


def _parameters(layer: keras.layers.Layer) -> int:
    return sum(int(np.prod(variable.shape)) for variable in layer.trainable_variables)
