"""Probes of counting or adding over the steps: adding, majority, parity.

Dimension letters: L length, D feature width.
"""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, between, check_at_least, dataset
from harness.errors import UserError

TOLERANCE = 0.04
"""The error below which an answer to the adding problem counts as correct, as its authors set it."""
BITS = ["0", "1"]
PARITIES = ["even", "odd"]


def adding(length: int = 50, **sizes: Any) -> Dataset:
    """The adding problem: the sum of the two marked numbers (Hochreiter & Schmidhuber 1997, experiment 4).

    A step is a number in -1..1 and a marker. The marker is 1 at one of the first ten steps and at another of the first
    ``length / 2`` steps, -1 at the first and the last step unless they are marked, else 0. Sequences have ``length`` to
    1.1 ``length`` steps. The label is 0.5 + (X1 + X2) / 4, where a marked number at the first step counts as 0. A
    constant prediction has a mean squared error of about 1/24.
    """
    check_at_least("adding", 20, length=length)

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
    """Which of two tokens is more frequent (Merrill, Sabharwal & Smith 2022); odd lengths exclude ties.

    The order of tokens does not matter: a bag of embeddings solves it.
    """
    _check_lengths("majority", length, min_length)
    if not length % 2 or not min_length % 2:
        raise UserError(f"data: majority needs odd lengths, not data.length={length} and data.min_length={min_length}")

    def draw(rng: np.random.Generator) -> Example:
        bits = rng.integers(0, 2, min_length + 2 * between(rng, 0, (length - min_length) // 2))
        return 2 + bits, BITS[int(2 * bits.sum() > len(bits))]

    return dataset("majority", draw, vocabulary=BITS, classes=BITS, **sizes)


def parity(length: int = 24, min_length: int = 16, every_step: bool = True, **sizes: Any) -> Dataset:
    """Whether the number of ones is odd (Hahn 2020; Bhattamishra, Ahuja & Goyal 2020).

    Every token changes the answer: one state that flips is sufficient, an average is not. With ``every_step``, each
    step is labelled with the parity of the ones so far, as in the word problems of Merrill, Petty & Sabharwal 2024.
    Without, the sequence has one label, from which even recurrent encoders learn slowly or not at all. In validation
    and test, only steps whose prefix is not in train count, because a table of prefixes would solve the others.
    """
    _check_lengths("parity", length, min_length)

    def draw(rng: np.random.Generator) -> Example:
        bits = rng.integers(0, 2, between(rng, min_length, length))
        names = [PARITIES[odd] for odd in np.cumsum(bits) % 2]
        return 2 + bits, names if every_step else names[-1]

    return dataset("parity", draw, vocabulary=BITS, classes=PARITIES, at_every_step=every_step, **sizes)


def _check_lengths(name: str, length: Any, min_length: Any) -> None:
    check_at_least(name, 1, length=length, min_length=min_length)
    if min_length > length:
        raise UserError(f"data.min_length={min_length} of {name} is more than data.length={length}")
