"""The sequence that latency is measured on."""

import numpy as np

from harness.data.characters import full_words
from harness.data.dataset import Dataset, unlabelled
from harness.data.split import Split


def one_sequence(data: Dataset, length: int) -> Split:
    """A split of one random sequence of ``length`` real steps, the same for every encoder, to measure latency on."""
    generator = np.random.default_rng(0)
    if data.tokens:
        x = generator.integers(1, data.width, length, dtype=np.int32)
    else:
        x = generator.normal(size=(length, data.width)).astype(np.float32)
    characters = data.train.characters
    if characters is not None:
        characters = full_words(characters, length, len(data.alphabet))
    return unlabelled(data, x, np.array([0, length]), characters)
