"""A run of ours (PyTorch) against Keras 3 on TensorFlow, after both are shown to do the same work.

    python tests/benchmarks/against_keras.py [--pairs 5] [KEY=VALUE ...]

Both sides train the same model, Keras's by Keras's own layers and ``model.fit``, from the same weights on the same
batches in the same order, each in a fresh process. A pair counts only if the mean losses of every epoch agree within
1 %, and within a twentieth of what they changed since the first epoch. There is no dropout, whose random numbers
differ, and epsilon is so small that its place in Adam, which differs too, does not matter. Keras's Adam gets the
gradient of an embedding row as a sum: of a word that a batch repeats, it would square the parts one by one, which is
another optimizer.

What is compared is seconds per epoch: ours as the record has them (the median of all epochs), Keras's as the median of
those after the first, in which it traces its step. Keras gets its batches in two ways, each padded to the longest
review of all, as ``fit`` does with arrays (compiled by XLA), and each cut to its own longest one, as ours are (not
compiled: XLA would start anew at every length). The faster of the two counts; one that is clearly slower in the first
pair is left out of the others.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from paired import Found, Goal, Pair, Row, in_turns, main
from sides import TRAINING_ALONE, in_fresh_process, record_of

from harness import data
from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.config.schema import Config
from harness.data import Batches, Dataset
from harness.runner.run import prepare_data

ALWAYS = (
    *("hardware=cpu", "tracking=none", "rerun=true", "trainer.epochs=2"),
    *("head.dropout=0", "optimizer.eps=1e-12", *TRAINING_ALONE),
)
RECIPE = ("experiment=keras_self_attention_imdb", "trainer.report_test_each_epoch=false")
LONGER = ("data=imdb", "data.max_length=256", "trainer.batch_size=32")
FEWER = "data.limit=3800"
"""Reviews of train: two epochs of them are 238 steps."""
SLOWLY = "optimizer.lr=0.00003"
"""For models in which larger steps let rounding errors grow until not even one side agrees with itself: with a change
of 1e-13 in Adam's epsilon, losses of the first epoch differed by 0.04 (rnn, 0.0001) and 0.03 (bidirectional, 0.001);
after 238 steps, ours was 0.2210 and those of Keras's two ways 0.2311 and 0.2319 (lstm, 0.001)."""
QUICK = ("data.limit=96",)
WIDE = (("lstm", 3.0, SLOWLY), ("gru", 2.5), ("rnn", 3.0, SLOWLY), ("bidirectional", 3.0, SLOWLY))
CASES = (
    ("self_attention", "recipe keras_self_attention_imdb (batch 32, 64 tokens)", RECIPE, 2.0),
    *(
        (encoder, f"{encoder} (width 128, batch 32, 256 tokens)", (f"encoder={encoder}", *LONGER, FEWER, *more), goal)
        for encoder, goal, *more in WIDE
    ),
)
"""Encoder, what the row is called, the config, and how many times as fast as Keras it has to be."""
CASE_NAMES = tuple(what for _, what, *_ in CASES)
PADDED, CUT = "keras, padded as by fit", "keras, cut as ours"
TOLERANCE = 0.01
"""By how much of its value the loss of an epoch may differ between two sides that do the same work."""
OF_THE_FALL = 0.05
"""And by how much of its change since the first epoch: where that is small, a side that hardly trains is near too."""
ROUNDING = 1e-4
"""What float32 may change of a loss, which may differ by that in any case."""
CLEARLY = 1.25
"""How many times as long the slower of Keras's two ways has to take to be left out; more than a machine drifts."""


def fit(job: dict[str, Any], tell: Any) -> None:
    """Train in Keras; tells seconds per epoch, the mean loss of each epoch, steps per epoch and parameters."""
    from harness.backends.tensorflow import runtime

    config, dataset = job["config"], data.open_prepared(Path(job["prepared"]))
    runtime.start(resolve_hardware(config))
    import keras
    import tensorflow as tf

    class EpochSeconds(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(time.perf_counter() - self.start)

    class Adam(keras.optimizers.Adam):
        def apply(self, grads, trainable_variables=None):
            super().apply([tf.convert_to_tensor(gradient) for gradient in grads], trainable_variables)

    settings, optimizer = config.trainer, config.optimizer
    width = dataset.train.longest if job["padded"] else None
    model = same_model(job["encoder"], config, dataset, width)
    beta_1, beta_2 = optimizer.betas
    adam = Adam(optimizer.lr, beta_1=beta_1, beta_2=beta_2, epsilon=optimizer.eps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(adam, loss, jit_compile="auto" if job["padded"] else False)
    batches = Batches(dataset.train, settings.batch_size, seed=config.seed, bucket=settings.bucket)
    signature = (tf.TensorSpec((None, width), tf.int32), tf.TensorSpec((None,), tf.int64))
    stream = tf.data.Dataset.from_generator(lambda: arrays(batches, settings.epochs, width), output_signature=signature)
    timed = EpochSeconds()
    fitted = model.fit(
        stream.prefetch(2), epochs=settings.epochs, steps_per_epoch=len(batches), verbose=0, callbacks=[timed]
    )
    losses = {f"loss_{epoch}": float(value) for epoch, value in enumerate(fitted.history["loss"], start=1)}
    seconds = statistics.median(timed.seconds[1:] or timed.seconds)
    tell({"epoch_seconds": seconds, "steps": len(batches), "parameters": model.count_params(), **losses})


def same_model(encoder: str, config: Config, dataset: Dataset, width: int | None = None) -> Any:
    """The model of Keras's own layers for ``x_BL`` of this width, with the weights that a run of ours begins with."""
    import keras_model

    from harness.backends.tensorflow.model import build

    weights = [variable.numpy() for variable in build(config, dataset, config.seed).trainable_variables]
    if encoder == "self_attention":  # (D, 3E) in one, (3, D, E) in the other
        weights[1] = np.stack(np.split(weights[1], 3, 1))
    shape = (dataset.width, width, len(dataset.classes), config.input.size, config.head.dropout)
    model = keras_model.build(encoder, *shape)
    model.set_weights([*weights, *model.get_weights()[len(weights) :]])  # dropout's state comes last
    return model


def arrays(batches: Batches, epochs: int, width: int | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Token ids ``x_BL`` and classes of all batches of all epochs; padded to ``width``, or each to its longest."""
    for epoch in range(epochs):
        batches.set_epoch(epoch)
        for batch in batches:
            x_BL = batch.x
            yield (x_BL if width is None else np.pad(x_BL, ((0, 0), (0, width - x_BL.shape[1])))), batch.y


def ours(config: Config) -> Found:
    """The same of a run of the harness."""
    record = record_of(config)
    metrics, losses = record.metrics, {f"loss_{one['epoch']:.0f}": one["train/loss"] for one in record.history}
    return {"epoch_seconds": metrics["speed/epoch_seconds"], "parameters": metrics["cost/parameters"], **losses}


def check_same_work(pair: Pair) -> None:
    """Refuse a pair of which a side trains another model, or to another loss.

    Raises:
        RuntimeError: it does.
    """
    expected = pair["ours"]
    first, *later = (key for key in expected if key.startswith("loss_"))
    allowed = {"parameters": 0.0, **{key: TOLERANCE * expected[key] for key in (first, *later)}}
    for key in later:
        change = max(OF_THE_FALL * abs(expected[first] - expected[key]), ROUNDING * expected[key])
        allowed[key] = min(allowed[key], change)
    for side in pair.keys() - {"ours"}:
        for key, most in allowed.items():
            found, wanted = pair[side][key], expected[key]
            if abs(found - wanted) > most:
                raise RuntimeError(f"{side} does other work than ours: {key} {found:,.5g} instead of {wanted:,.5g}")


def speeds(pairs: Sequence[Pair]) -> list[float]:
    """How many times as fast as the faster of Keras's two ways ours is, in each pair."""
    return [min(_keras(pair).values()) / pair["ours"]["epoch_seconds"] for pair in pairs]


def _keras(pair: Pair) -> dict[str, float]:
    """Seconds per epoch of each of Keras's ways that was measured."""
    return {side: found["epoch_seconds"] for side, found in pair.items() if side != "ours"}


def clearly_slower(pair: Pair) -> set[str]:
    """Keras's ways that need not be measured again, because the other is faster by more than a machine drifts."""
    seconds = _keras(pair)
    return {side for side, value in seconds.items() if value > CLEARLY * min(seconds.values())}


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = (), only: str = "") -> list[Row]:
    """A row a case, of those whose name begins with ``only``: Keras's seconds per epoch over ours."""
    found = []
    with tempfile.TemporaryDirectory(prefix="against-keras-") as folder:
        for encoder, what, settings, goal in (case for case in CASES if case[1].startswith(only)):
            print(f" {what}", flush=True)
            more = (*(QUICK if quick else ()), *overrides, f"output_dir={folder}")
            config = compose(*settings, *ALWAYS, *more)
            in_keras = compose(*settings, *ALWAYS, *more, "backend=tensorflow")
            job = {"config": in_keras, "prepared": str(prepare_data(config)), "encoder": encoder}
            sides = {
                "ours": lambda config=config: ours(config),
                PADDED: lambda job=job: in_fresh_process("against_keras:fit", {**job, "padded": True}, "tensorflow"),
                CUT: lambda job=job: in_fresh_process("against_keras:fit", {**job, "padded": False}, "tensorflow"),
            }
            done = in_turns(sides, 1)
            for side in clearly_slower(done[0]):
                del sides[side]
            done += in_turns(sides, pairs - 1, first=2)
            for pair in done:
                check_same_work(pair)
            found.append(Row(f"training speed, {what}", "Keras 3, model.fit", speeds(done), Goal(least=goal)))
    return found


if __name__ == "__main__":
    main(rows, __doc__)
