"""A run of ours (PyTorch) against Keras 3 on TensorFlow: the same model by Keras's own layers, ``model.fit``.

    python tests/benchmarks/against_keras.py [--pairs 5] [KEY=VALUE ...]

Real reviews, prepared once, the same padded arrays for both. Each side trains in a fresh process. What is compared is
seconds per epoch: ours as the record has them (the median of all epochs), Keras's as the median of those after the
first, in which it traces its step.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paired import Goal, Row, in_turns, main, ratios
from sides import TRAINING_ALONE, in_fresh_process, record_of

from harness import data
from harness.config.compose import compose
from harness.config.hardware import resolve_hardware
from harness.config.schema import Config
from harness.runner.run import prepare_data

ALWAYS = ("hardware=cpu", "tracking=none", "rerun=true", "trainer.epochs=3", *TRAINING_ALONE)
RECIPE = ("experiment=keras_self_attention_imdb", "trainer.report_test_each_epoch=false", "data.limit=6400")
LONGER = ("data=imdb", "data.max_length=256", "data.limit=960", "trainer.batch_size=32")
QUICK = ("data.limit=96",)
CASES = (
    ("self_attention", "recipe keras_self_attention_imdb (batch 32, 64 tokens)", RECIPE, 1.6),
    *(
        (encoder, f"{encoder} (width 128, batch 32, 256 tokens)", (f"encoder={encoder}", *LONGER), goal)
        for encoder, goal in (("lstm", 3.0), ("gru", 2.5), ("rnn", 3.0), ("bidirectional", 2.0))
    ),
)
"""Encoder, what the row is called, the config, and how many times as fast as Keras it has to be."""


def fit(job: dict[str, Any], tell: Any) -> None:
    """Train in Keras; tells seconds per epoch, the last epoch's mean loss and the number of parameters."""
    from harness.backends.tensorflow import runtime

    config, dataset = job["config"], data.open_prepared(Path(job["prepared"]))
    runtime.start(resolve_hardware(config))
    import keras
    import keras_model

    class EpochSeconds(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(time.perf_counter() - self.start)

    keras.utils.set_random_seed(config.seed)
    train, settings, optimizer = dataset.train, config.trainer, config.optimizer
    shape = (dataset.width, train.longest, len(dataset.classes), config.input.size, config.head.dropout)
    model = keras_model.build(job["encoder"], *shape)
    beta_1, beta_2 = optimizer.betas
    adam = keras.optimizers.Adam(optimizer.lr, beta_1=beta_1, beta_2=beta_2, epsilon=optimizer.eps)
    model.compile(adam, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    timed, size = EpochSeconds(), settings.batch_size
    history = model.fit(train.padded(), train.y, size, settings.epochs, verbose=0, callbacks=[timed])
    seconds, loss = statistics.median(timed.seconds[1:]), history.history["loss"][-1]
    tell({"epoch_seconds": seconds, "last_loss": loss, "parameters": model.count_params()})


def ours(config: Config) -> dict[str, float]:
    """The same of a run of the harness."""
    record = record_of(config)
    metrics, loss = record.metrics, record.history[-1]["train/loss"]
    return {
        "epoch_seconds": metrics["speed/epoch_seconds"], "last_loss": loss, "parameters": metrics["cost/parameters"]
    }  # fmt: skip


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = ()) -> list[Row]:
    """A row a case: Keras's seconds per epoch over ours."""
    found = []
    with tempfile.TemporaryDirectory(prefix="against-keras-") as folder:
        for encoder, what, settings, goal in CASES:
            print(f" {what}", flush=True)
            more = (*(QUICK if quick else ()), *overrides, f"output_dir={folder}")
            config = compose(*settings, *ALWAYS, *more)
            job = {"config": config, "prepared": str(prepare_data(config)), "encoder": encoder}
            sides = {
                "keras": lambda job=job: in_fresh_process("against_keras:fit", job, "tensorflow"),
                "ours": lambda config=config: ours(config),
            }
            done = in_turns(sides, pairs)
            for pair in done:
                assert pair["keras"]["parameters"] == pair["ours"]["parameters"], "the models are not the same"
            speed = ratios(done, "epoch_seconds", over="keras", under="ours")
            found.append(Row(f"training speed, {what}", "Keras 3, model.fit", speed, Goal(least=goal)))
    return found


if __name__ == "__main__":
    main(rows, __doc__)
