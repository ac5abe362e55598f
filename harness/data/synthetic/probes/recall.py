"""A probe of lookup by content: the value that followed a key."""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, check_at_least, dataset
from harness.errors import UserError

POWER = 0.01
"""Exponent of the power law that makes early queries more likely than late ones, as the authors set it."""


def associative_recall(length: int = 10, pairs: int = 2, keys: int = 8, values: int = 8, **sizes: Any) -> Dataset:
    """Multi-query associative recall (Arora et al. 2023, Zoology): ``pairs`` keys, each followed by its value.

    In the rest of the ``length`` steps every key appears once more, and its label there is its value. Keys differ from
    one another, and so do values. Steps between these queries are random values, as in Zoology. A set of pairs, in any
    order, is in one split only, so that the answers of train cannot be looked up for test. Zoology uses 4 to 64 pairs
    of 4096 keys and values in 64 to 512 steps.
    """
    check_at_least("associative_recall", 2, pairs=pairs)
    check_at_least("associative_recall", pairs, keys=keys, values=values)
    if length < 3 * pairs:
        raise UserError(f"data.length={length} has no room for {pairs} pairs and queries; set {3 * pairs} or more")
    room = length - 2 * pairs
    share = POWER * np.arange(1, room + 1) ** (POWER - 1)
    share /= share.sum()

    def draw(rng: np.random.Generator) -> Example:
        key_P, value_P = rng.permutation(keys)[:pairs], rng.permutation(values)[:pairs]
        x = np.concatenate([np.stack([key_P, keys + value_P], 1).ravel(), keys + rng.integers(0, values, room)])
        places = 2 * pairs + rng.choice(room, pairs, replace=False, p=share)
        x[places] = key_P
        y: list[str | None] = [None] * length
        for place, value in zip(places, value_P, strict=True):
            y[place] = names[value]
        return 2 + x, y

    def question(x: np.ndarray) -> bytes:
        pair_P2 = x[: 2 * pairs].reshape(pairs, 2)
        return pair_P2[pair_P2[:, 0].argsort()].tobytes()

    names = [f"v{number}" for number in range(values)]
    vocabulary = [*(f"k{number}" for number in range(keys)), *names]
    return dataset("associative_recall", draw, vocabulary=vocabulary, classes=names, question=question, **sizes)
