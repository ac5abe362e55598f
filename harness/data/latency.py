"""The sequence that latency is measured on."""

import numpy as np

from harness.data.characters import full_words
from harness.data.dataset import Dataset
from harness.data.split import Split


def one_sequence(data: Dataset, length: int) -> Split:
    """A split of one random sequence of ``length`` real steps, the same for every encoder, to measure latency on."""
    generator = np.random.default_rng(0)
    if data.tokens:
        x = generator.integers(1, data.width, length, dtype=np.int32)
    else:
        x = generator.normal(size=(length, data.width)).astype(np.float32)
    offsets, several = np.array([0, length]), data.train.y_offsets is not None
    y = np.zeros((length if several else 1, *data.train.y.shape[1:]), data.train.y.dtype)
    characters = data.train.characters
    if characters is not None:
        characters = full_words(characters, length, len(data.alphabet))
    return Split(x, offsets, y, offsets if several else None, characters)
