"""Training by our TensorFlow backend against ``model.fit`` of the same Keras layers on the same batches.

    python tests/benchmarks/keras_fit.py [--pairs 5] [KEY=VALUE ...]

An epoch counts from its first batch to its last step, the gathering of batches included, in both. Both train in this
process, on token ids drawn at random.
"""

import time
from collections.abc import Callable, Sequence
from itertools import count

import numpy as np
from paired import Found, Goal, Row, in_turns, main, ratios

from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.config.schema import Config
from harness.data import Batches, Dataset, from_sequences

BATCH, LENGTH = 32, 64
SEQUENCES, QUICK = 6400, 160
ENCODERS = ("self_attention", "lstm")
KEY = "epoch_seconds"


def reviews(sequences: int, length: int) -> Dataset:
    """Token ids of a vocabulary of 20,000, sequences from half of ``length`` up to it, 2 classes."""
    rng = np.random.default_rng(0)
    x = [rng.integers(2, 20_000, rng.integers(length // 2, length, endpoint=True)) for _ in range(sequences)]
    y = [int(row[0]) % 2 for row in x]
    few = (x[:BATCH], y[:BATCH])
    return from_sequences((x, y), few, few, classes=[0, 1], vocabulary=[str(number) for number in range(20_000)])


def ours(data: Dataset, config: Config, epochs: int) -> Callable[[], Found]:
    """A function that trains the next epoch of our backend and gives its seconds."""
    from harness.backends.tensorflow import Backend, training
    from harness.backends.tensorflow.optimizers import make_optimizer
    from harness.backends.tensorflow.progress import Progress
    from harness.measure import StepTimer

    backend = Backend(config, resolve_hardware(config))
    backend.build(data, 0)
    timer = StepTimer(time.perf_counter, backend.sync, warmup_steps=0)
    batches = Batches(data.train, BATCH, seed=0, to_device=backend._to_device)
    optimizer = make_optimizer(config.optimizer.model_dump(), backend.model.trainable_variables, epochs * len(batches))
    trained = training.Training(backend.model, backend.loss, optimizer, backend.specs)
    progress, numbers = Progress(timer, 1, lambda: 0.0), count()

    def epoch() -> Found:
        training.train_epoch(trained, batches, next(numbers), timer, progress)
        return {KEY: timer.epochs[-1]}

    return epoch


def bare(data: Dataset, config: Config) -> Callable[[], Found]:
    """The same with a new model of the same layers, Keras's own Adam and ``fit``."""
    import keras
    import tensorflow as tf

    from harness.backends.tensorflow import training
    from harness.backends.tensorflow.model import build

    class Bare(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.classifier = build(config, data, 0)

        def call(self, inputs, training=False):
            return self.classifier(*inputs, training=training)

    model = Bare()
    # not compiled by XLA, which would start anew at every length; ours is not either
    model.compile(
        keras.optimizers.Adam(config.optimizer.lr),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    batches = Batches(data.train, BATCH, seed=0)
    (x, length_B, y), numbers = training.signature(data), count()

    def epoch() -> Found:
        batches.set_epoch(next(numbers))
        stream = tf.data.Dataset.from_generator(
            lambda: (((batch.x, batch.length_B), batch.y) for batch in batches), output_signature=((x, length_B), y)
        )
        stream = stream.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(2)
        start = time.perf_counter()
        model.fit(stream, epochs=1, shuffle=False, verbose=0)
        return {KEY: time.perf_counter() - start}

    return epoch


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = ()) -> list[Row]:
    """A row an encoder: our seconds per epoch over those of ``fit``."""
    data, found = reviews(QUICK if quick else SEQUENCES, LENGTH), []
    for encoder in ENCODERS:
        print(f" {encoder}", flush=True)
        own = ("backend=tensorflow", "hardware=cpu", f"encoder={encoder}", f"trainer.batch_size={BATCH}")
        config = compose(*own, *overrides)
        sides = {"ours": ours(data, config, pairs + 1), "fit": bare(data, config)}
        for epoch in sides.values():
            epoch()  # traces the step
        values = ratios(in_turns(sides, pairs), KEY, over="ours", under="fit")
        what = f"epoch seconds of backend=tensorflow, {encoder}, {LENGTH} tokens"
        found.append(Row(what, "model.fit, the same layers and batches", values, Goal(most=1.05)))
    return found


if __name__ == "__main__":
    main(rows, __doc__)
