"""A probe of nested computation: lists of operations inside one another."""

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, between, check_at_least, dataset
from harness.errors import UserError

OPERATIONS: dict[str, Callable[[list[int]], int]] = {
    "MIN": min, "MAX": max, "MED": lambda values: int(np.median(values)), "SM": lambda values: sum(values) % 10,
}  # fmt: skip
DIGITS = [str(digit) for digit in range(10)]
VOCABULARY = [*DIGITS, *(f"[{name}" for name in OPERATIONS), "]"]
TRIES = 1000
"""Random expressions before the settings are refused."""
NESTED = 0.25
"""The probability that an argument is a list, as the authors set it."""


def listops(length: int = 30, min_length: int = 5, depth: int = 3, arguments: int = 4, **sizes: Any) -> Dataset:
    """ListOps: the value of an expression of minima, maxima, medians and sums modulo 10 (Nangia & Bowman 2018).

    ``[MAX 2 9 [MIN 4 7 ] 0 ]`` is 9. The grammar is that of the Long Range Arena (Tay et al. 2021), which uses depth
    10, 10 arguments and 500 to 2000 tokens: a list has 2 to ``arguments`` arguments, each of which is a list with
    probability 1/4, down to ``depth``. The median of an even number of values is rounded down. Only expressions of
    ``min_length`` to ``length`` tokens are kept.
    """
    check_at_least("listops", 1, depth=depth)
    check_at_least("listops", 2, arguments=arguments)
    check_at_least("listops", 4, length=length, min_length=min_length)
    if min_length > length:
        raise UserError(f"data.min_length={min_length} of listops is more than data.length={length}")

    def draw(rng: np.random.Generator) -> Example:
        for _ in range(TRIES):
            tokens, value = _list(rng, depth, arguments)
            if min_length <= len(tokens) <= length:
                return [2 + VOCABULARY.index(token) for token in tokens], str(value)
        raise UserError(f"data: hardly any listops with these settings has {min_length} to {length} tokens")

    return dataset("listops", draw, vocabulary=VOCABULARY, classes=DIGITS, **sizes)


def _list(rng: np.random.Generator, depth: int, most: int) -> tuple[list[str], int]:
    """The tokens of a random list of at most this depth and this many arguments, and its value."""
    name = str(rng.choice(list(OPERATIONS)))
    tokens, values = [f"[{name}"], []
    for _ in range(between(rng, 2, most)):
        if depth > 1 and rng.random() < NESTED:
            more, value = _list(rng, depth - 1, most)
        else:
            value = int(rng.integers(10))
            more = [str(value)]
        tokens += more
        values.append(value)
    return [*tokens, "]"], int(OPERATIONS[name](values))
