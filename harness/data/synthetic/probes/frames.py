"""A probe whose output has another length than its input: symbols from frames, as in speech recognition.

Dimension letters: L frames, D features.
"""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, between, check_at_least, dataset
from harness.errors import UserError


def transcription(
    length: int = 10,
    min_length: int = 3,
    symbols: int = 10,
    width: int = 12,
    min_frames: int = 2,
    max_frames: int = 5,
    noise: float = 1.0,
    **sizes: Any,
) -> Dataset:
    """Transcription: ``min_length`` to ``length`` symbols, each lasting several frames of noisy features, for ctc.

    A synthetic version of the problem of connectionist temporal classification (Graves et al. 2006). Each symbol is a
    random vector of ``width`` features. The first frame of a symbol adds another vector, the same for all symbols, so
    that two equal symbols in a row differ from one long symbol. Noise is Gaussian with standard deviation ``noise``;
    features have standard deviation 1.
    """
    check_at_least("transcription", 1, min_length=min_length, width=width)
    check_at_least("transcription", 2, min_frames=min_frames)  # ctc needs a frame between two equal symbols
    check_at_least("transcription", min_length, length=length)
    check_at_least("transcription", min_frames, max_frames=max_frames)
    check_at_least("transcription", 2, symbols=symbols)
    if noise < 0:
        raise UserError(f"data.noise of transcription is a standard deviation, 0 or more, and is {noise}")
    seed = sizes.get("seed", 0)
    vectors = np.random.default_rng([seed, 1]).normal(size=(symbols + 1, width))

    def draw(rng: np.random.Generator) -> Example:
        target = rng.integers(0, symbols, between(rng, min_length, length))
        frames = rng.integers(min_frames, max_frames + 1, len(target))
        x_LD = vectors[np.repeat(target, frames)]
        x_LD[np.cumsum(frames) - frames] += vectors[-1]
        x_LD = x_LD + rng.normal(scale=noise, size=x_LD.shape) if noise else x_LD
        return x_LD.astype(np.float32), [names[symbol] for symbol in target]

    names = [chr(ord("a") + symbol) if symbols <= 26 else str(symbol) for symbol in range(symbols)]
    return dataset("transcription", draw, task="ctc", classes=names, **sizes)
