"""What takes a count or a sum over the steps: adding, majority, parity."""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, at_least, between, dataset
from harness.errors import UserError

TOLERANCE = 0.04
"""The error below which an answer to the adding problem counts as right, by its authors."""
BITS = ["0", "1"]
PARITIES = ["even", "odd"]


def adding(length: int = 50, **sizes: Any) -> Dataset:
    """The adding problem: the sum of the two numbers that are marked (Hochreiter & Schmidhuber 1997, experiment 4).

    Steps are pairs of a number in -1..1 and a marker: 1 at one of the first ten steps and at one of the first
    ``length / 2 - 1`` that are still unmarked, -1 at the first and the last step, else 0. Sequences have from
    ``length`` to 1.1 ``length`` steps. The label is 0.5 + (X1 + X2) / 4, where what stands at the first step is taken
    as 0; a constant answer has a squared error of about 1/24.
    """
    at_least("adding", 20, length=length)

    def draw(rng: np.random.Generator) -> Example:
        x_LD = np.zeros((between(rng, length, length + length // 10), 2), np.float32)
        x_LD[:, 0] = rng.uniform(-1, 1, len(x_LD))
        x_LD[[0, -1], 1] = -1
        first = int(rng.integers(10))
        second = int(rng.choice([step for step in range(length // 2) if step != first]))
        x_LD[[first, second], 1] = 1
        return x_LD, 0.5 + sum(float(x_LD[step, 0]) for step in (first, second) if step != 0) / 4

    return dataset("adding", draw, task="regression", tolerance=TOLERANCE, **sizes)


def majority(length: int = 41, min_length: int = 21, **sizes: Any) -> Dataset:
    """Which of two tokens is there more often (Merrill, Sabharwal & Smith 2022); lengths are odd, so that one is.

    Counting is enough and order is nothing: a bag of embeddings answers it.
    """
    _check_lengths("majority", length, min_length)
    if not length % 2 or not min_length % 2:
        raise UserError(f"data: majority needs odd lengths, and data.length={length}, data.min_length={min_length}")

    def draw(rng: np.random.Generator) -> Example:
        bits = rng.integers(0, 2, min_length + 2 * between(rng, 0, (length - min_length) // 2))
        return 2 + bits, BITS[int(2 * bits.sum() > len(bits))]

    return dataset("majority", draw, vocabulary=BITS, classes=BITS, **sizes)


def parity(length: int = 24, min_length: int = 16, every_step: bool = True, **sizes: Any) -> Dataset:
    """Whether the number of ones is odd (Hahn 2020; Bhattamishra, Ahuja & Goyal 2020).

    Every single token decides: one state that flips is enough, and no average is. With ``every_step``, each step has
    the parity of the ones so far for its label, as word problems are set by Merrill, Petty & Sabharwal 2024; without,
    the sequence has one label, from which recurrent encoders too learn slowly, if at all. In validation and test only
    the steps count whose beginning is not in train: a table of the beginnings would answer the others.
    """
    _check_lengths("parity", length, min_length)

    def draw(rng: np.random.Generator) -> Example:
        bits = rng.integers(0, 2, between(rng, min_length, length))
        names = [PARITIES[odd] for odd in np.cumsum(bits) % 2]
        return 2 + bits, names if every_step else names[-1]

    return dataset("parity", draw, vocabulary=BITS, classes=PARITIES, at_every_step=every_step, **sizes)


def _check_lengths(name: str, length: Any, min_length: Any) -> None:
    at_least(name, 1, length=length, min_length=min_length)
    if min_length > length:
        raise UserError(f"data.min_length={min_length} of {name} is more than data.length={length}")
