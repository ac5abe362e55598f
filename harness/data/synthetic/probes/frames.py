"""What takes an output of another length than the input: symbols behind frames, as in speech."""

from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, at_least, between, dataset
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
    """Transcription: ``min_length`` to ``length`` symbols, each held for some frames of noisy features, for ctc.

    The setting of connectionist temporal classification (Graves et al. 2006), made to order. A symbol is a direction of
    ``width`` features, to which its first frame adds one that all share: so two equal symbols in a row, which there
    are, can be told from one that is held. Noise is Gaussian with deviation ``noise``; features have deviation 1.
    """
    at_least("transcription", 1, min_length=min_length, width=width)
    at_least("transcription", 2, min_frames=min_frames)  # ctc needs a frame between two equal symbols
    at_least("transcription", min_length, length=length)
    at_least("transcription", min_frames, max_frames=max_frames)
    at_least("transcription", 2, symbols=symbols)
    if noise < 0:
        raise UserError(f"data.noise of transcription is a deviation, 0 or more, and is {noise}")
    seed = sizes.get("seed", 0)
    directions = np.random.default_rng([seed, 1]).normal(size=(symbols + 1, width))

    def draw(rng: np.random.Generator) -> Example:
        said = rng.integers(0, symbols, between(rng, min_length, length))
        frames = rng.integers(min_frames, max_frames + 1, len(said))
        x_LD = directions[np.repeat(said, frames)]
        x_LD[np.cumsum(frames) - frames] += directions[-1]
        x_LD = x_LD + rng.normal(scale=noise, size=x_LD.shape) if noise else x_LD
        return x_LD.astype(np.float32), [names[symbol] for symbol in said]

    names = [chr(ord("a") + symbol) if symbols <= 26 else str(symbol) for symbol in range(symbols)]
    return dataset("transcription", draw, task="ctc", classes=names, **sizes)
