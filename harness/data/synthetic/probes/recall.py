"""What takes finding by content: the value that stood behind a key."""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, at_least, dataset
from harness.errors import UserError

POWER = 0.01
"""Of the power law by which a key is asked for again soon rather than late, as its authors set it."""


def associative_recall(length: int = 10, pairs: int = 2, keys: int = 8, values: int = 8, **sizes: Any) -> Dataset:
    """Multi-query associative recall (Arora et al. 2023, Zoology): ``pairs`` keys, each followed by its value; then
    every key once more, somewhere in the rest of ``length`` steps, where its value is asked for.

    Keys are different from one another, and so are values. Steps between the questions are random values, as there.
    The same pairs, in whatever order, are in one split alone: a table of the answers in train has none of test's.
    Zoology takes 4 to 64 pairs of 4096 keys and values in 64 to 512 steps.
    """
    at_least("associative_recall", 2, pairs=pairs)
    at_least("associative_recall", pairs, keys=keys, values=values)
    if length < 3 * pairs:
        raise UserError(f"data.length={length} has no room for {pairs} pairs and as many questions; take {3 * pairs}")
    room = length - 2 * pairs
    share = POWER * np.arange(1, room + 1) ** (POWER - 1)
    share /= share.sum()

    def draw(rng: np.random.Generator) -> Example:
        asked, found = rng.permutation(keys)[:pairs], rng.permutation(values)[:pairs]
        x = np.concatenate([np.stack([asked, keys + found], 1).ravel(), keys + rng.integers(0, values, room)])
        places = 2 * pairs + rng.choice(room, pairs, replace=False, p=share)
        x[places] = asked
        y: list[str | None] = [None] * length
        for place, value in zip(places, found, strict=True):
            y[place] = names[value]
        return 2 + x, y

    def question(x: np.ndarray) -> bytes:
        told_P2 = x[: 2 * pairs].reshape(pairs, 2)
        return told_P2[told_P2[:, 0].argsort()].tobytes()

    names = [f"v{number}" for number in range(values)]
    vocabulary = [*(f"k{number}" for number in range(keys)), *names]
    return dataset("associative_recall", draw, vocabulary=vocabulary, classes=names, question=question, **sizes)
