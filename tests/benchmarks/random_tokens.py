"""Random token ids, as a user's own data set: ``scaling`` copies this file into the folder of its commands."""

import numpy as np

from harness.data import Dataset, from_sequences


def load(sequences: int, length: int, vocabulary: int) -> Dataset:
    """So many sequences of one length, and two classes."""
    rng = np.random.default_rng(0)
    x = list(rng.integers(2, vocabulary, (sequences, length)))
    y = [int(row[0]) % 2 for row in x]
    few = (x[:16], y[:16])
    return from_sequences((x, y), few, few, classes=[0, 1], vocabulary=[str(number) for number in range(vocabulary)])
