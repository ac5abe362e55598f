"""Our training against ``model.fit`` of the same Keras layers on the same batches, in turns: A B A B ...

    python tests/benchmarks/keras_fit.py --encoder lstm --sequences 6400 --length 64 --pairs 5

Prints sequences per second of both and the ratio of each pair; above 1 ours is faster. An epoch counts from its first
batch to its last step, the gathering of batches included, in both. Keep the machine quiet.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from harness.backends.tensorflow import Backend, training
from harness.backends.tensorflow.optimizers import make_optimizer
from harness.backends.tensorflow.progress import Progress
from harness.data import Batches, Dataset, from_sequences
from harness.measure import StepTimer

TESTS = Path(__file__).parents[1]
sys.path.extend([str(TESTS), str(TESTS / "backends")])
from experiments import HARDWARE, composed  # noqa: E402 - found in the folders that pytest would add to the path

BATCH = 32


def reviews(sequences: int, length: int) -> Dataset:
    """Token ids of a vocabulary of 20,000, sequences from half of ``length`` up to it, 2 classes."""
    rng = np.random.default_rng(0)
    x = [rng.integers(2, 20_000, rng.integers(length // 2, length, endpoint=True)) for _ in range(sequences)]
    y = [int(row[0]) % 2 for row in x]
    few = (x[:BATCH], y[:BATCH])
    return from_sequences((x, y), few, few, classes=[0, 1], vocabulary=[str(number) for number in range(20_000)])


def ours(data: Dataset, config: dict, threads: int):
    """A function that trains one epoch of our backend and returns its seconds."""
    backend = Backend(config, {**HARDWARE, "threads": threads})
    backend.build(data, 0)
    timer = StepTimer(time.perf_counter, backend.sync, warmup_steps=0)
    batches = Batches(data.train, BATCH, seed=0, to_device=backend._to_device)
    steps = config["trainer"]["epochs"] * len(batches)
    optimizer = make_optimizer(config["optimizer"], backend.model.trainable_variables, steps)
    trained = training.Training(backend.model, optimizer, backend.specs)
    progress = Progress(timer, 1, lambda: 0.0)

    def epoch(number: int) -> float:
        training.train_epoch(trained, batches, number, timer, progress)
        return timer.epochs[-1]

    return epoch


def bare(data: Dataset, config: dict):
    """The same with a new model of the same layers, Keras's own Adam and ``fit``."""
    import keras
    import tensorflow as tf

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
        keras.optimizers.Adam(config["optimizer"]["lr"]), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    batches = Batches(data.train, BATCH, seed=0)
    x, length_B, y = training.signature(data)

    def epoch(number: int) -> float:
        batches.set_epoch(number)
        stream = tf.data.Dataset.from_generator(
            lambda: (((batch.x, batch.length_B), batch.y) for batch in batches), output_signature=((x, length_B), y)
        )
        stream = stream.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(2)
        start = time.perf_counter()
        model.fit(stream, epochs=1, shuffle=False, verbose=0)
        return time.perf_counter() - start

    return epoch


def main() -> None:
    """Run the pairs and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="self_attention")
    parser.add_argument("--sequences", type=int, default=6400)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    data = reviews(arguments.sequences, arguments.length)
    settings = (f"encoder={arguments.encoder}", f"trainer.batch_size={BATCH}", f"trainer.epochs={arguments.pairs + 1}")
    config = composed("backend=tensorflow", *settings)
    a, b = ours(data, config, arguments.threads), bare(data, config)
    a(0), b(0)  # both trace their step here
    ratios = []
    for pair in range(1, arguments.pairs + 1):
        seconds_a, seconds_b = a(pair), b(pair)
        ratios.append(seconds_b / seconds_a)
        speeds = (arguments.sequences / seconds for seconds in (seconds_a, seconds_b))
        print("pair {}: ours {:,.0f}/s, fit {:,.0f}/s, ratio {:.3f}".format(pair, *speeds, ratios[-1]), flush=True)
    print(f"median ratio of {arguments.encoder}: {np.median(ratios):.3f}")


if __name__ == "__main__":
    main()
