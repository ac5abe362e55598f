"""Runs in bfloat16 on a processor (``hardware=cpu_bf16``) against the same runs in float32: speed and accuracy.

    python tests/benchmarks/half_precision.py [--pairs 5] [KEY=VALUE ...]

A pair is one seed: the accuracies of the same seed are subtracted, so that five pairs are five seeds. On a processor
without instructions for bfloat16 there is nothing to compare, and no row.
"""

import tempfile
from collections.abc import Callable, Sequence

from against_keras import LONGER, RECIPE
from paired import Found, Goal, Pair, Row, in_turns, main, ratios
from sides import record_of

from harness.backends.pytorch.encoders.recurrent import processor_has_half
from harness.config.compose import compose
from harness.config.schema import Config

ALWAYS = (
    *("tracking=none", "rerun=true", "trainer.epochs=2"),
    *("measure.latency_passes=1", "measure.latency_seconds=0.01"),
)
QUICK = ("data.limit=96", "trainer.epochs=1", "measure.warmup_steps=1", "measure.inference_seconds=0.01")
ENCODERS = ("rnn", "lstm", "gru", "self_attention", "transformer")
CASES = (
    ("recipe keras_self_attention_imdb", RECIPE),
    *((f"{encoder}, 256 tokens", (f"encoder={encoder}", *LONGER, "data.limit=7600")) for encoder in ENCODERS),
)
CASE_NAMES = tuple(what for what, _ in CASES)
HALF, SINGLE = "cpu_bf16", "cpu"
NUMBERS = {
    "epoch_seconds": "speed/epoch_seconds",
    "inference": "speed/inference_sequences_per_second",
    "accuracy": "test/accuracy",
}
"""What a run tells, and what it is called in its record."""


def side(config: Config) -> Callable[[], Found]:
    """A function that runs the config and gives its numbers."""

    def numbers() -> Found:
        metrics = record_of(config).metrics
        return {key: metrics[name] for key, name in NUMBERS.items()}

    return numbers


def of_case(what: str, pairs: Sequence[Pair]) -> list[Row]:
    """The rows of a case: how many times as fast training and inference are, and points of accuracy more."""
    training = ratios(pairs, "epoch_seconds", over=SINGLE, under=HALF)
    inference = ratios(pairs, "inference", over=HALF, under=SINGLE)
    points = [100 * (pair[HALF]["accuracy"] - pair[SINGLE]["accuracy"]) for pair in pairs]
    return [
        Row(f"training speed in bfloat16, {what}", "float32", training, Goal(least=1.0)),
        Row(f"inference speed in bfloat16, {what}", "float32", inference, Goal(least=1.0)),
        Row(f"test accuracy in bfloat16, {what}: difference", "float32, the same seeds", points, Goal(), "points"),
    ]


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = (), only: str = "") -> list[Row]:
    """Three rows a case, of those whose name begins with ``only``; a pair for each seed."""
    if not processor_has_half():
        print(" this processor has no instructions for bfloat16: there is nothing to compare", flush=True)
        return []
    found = []
    with tempfile.TemporaryDirectory(prefix="half-precision-") as folder:
        for what, settings in (case for case in CASES if case[0].startswith(only)):
            print(f" {what}", flush=True)
            words = (*settings, *ALWAYS, *(QUICK if quick else ()), *overrides, f"output_dir={folder}")
            done: list[Pair] = []
            for seed in range(pairs):
                sides = {name: side(compose(*words, f"hardware={name}", f"seed={seed}")) for name in (HALF, SINGLE)}
                done += in_turns(sides, 1, first=seed + 1)
            found += of_case(what, done)
    return found


if __name__ == "__main__":
    main(rows, __doc__)
