"""Digits as a telephone dials them, two tones each: made and not recorded, as frames of filter-bank features.

Dimension letters: L frames, S samples, F frequencies of a spectrum, D filters.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.synthetic.sampling import Example, at_least, between, dataset
from harness.errors import UserError

RATE = 8000
"""Samples a second, as in telephony."""
WINDOW, HOP = 256, 80
"""Samples in a frame (32 ms), and from the start of one to that of the next (10 ms)."""
FILTERS = 40
TONES = {
    "0": (941, 1336),
    "1": (697, 1209), "2": (697, 1336), "3": (697, 1477),
    "4": (770, 1209), "5": (770, 1336), "6": (770, 1477),
    "7": (852, 1209), "8": (852, 1336), "9": (852, 1477),
}  # fmt: skip
"""The two frequencies of each digit, in Hz: the row and the column of its key (ITU-T Q.23)."""
FLOOR = 1e-4
"""What is added to a filter's energy, so that silence has a logarithm."""


def waveform_digits(length: int = 60, min_length: int = 20, snr_db: float | None = -10.0, **sizes: Any) -> Dataset:
    """Digits of a telephone's keypad, as ``min_length`` to ``length`` frames of 40 features; one class for each digit.

    Two tones of equal power and random phase, in white noise that is ``snr_db`` decibels below them (above, where
    negative; None: no noise). All is made by ``seed``: nothing of it was ever recorded.

    Raises:
        UserError: a setting makes no data.
    """
    at_least("waveform_digits", 1, min_length=min_length)
    at_least("waveform_digits", min_length, length=length)
    if snr_db is not None and not (isinstance(snr_db, (int, float)) and math.isfinite(snr_db)):
        raise UserError(f"data.snr_db of waveform_digits is a ratio in decibels, or null for no noise, not {snr_db!r}")
    digits = list(TONES)

    def draw(rng: np.random.Generator) -> Example:
        digit = digits[rng.integers(len(digits))]
        samples = WINDOW + HOP * (between(rng, min_length, length) - 1)
        return features(wave(rng, digit, samples, snr_db)), digit

    return dataset("waveform_digits", draw, classes=digits, **sizes)


def wave(rng: np.random.Generator, digit: str, samples: int, snr_db: float | None) -> np.ndarray:
    """``x_S``: the two tones of a digit, each of amplitude 1 and so of power 1 together, and the noise."""
    time_S = np.arange(samples) / RATE
    x_S = np.sum([np.sin(2 * np.pi * (tone * time_S + rng.uniform())) for tone in TONES[digit]], axis=0)
    return x_S if snr_db is None else x_S + rng.normal(scale=10 ** (-snr_db / 20), size=samples)


def features(x_S: np.ndarray) -> np.ndarray:
    """``x_LD``: the logarithm (base 10) of each filter's energy, frame by frame; a tone of amplitude 1 has about 0."""
    frames_LS = np.lib.stride_tricks.sliding_window_view(x_S, WINDOW)[::HOP]
    window_S = np.hanning(WINDOW)
    spectrum_LF = np.abs(np.fft.rfft(frames_LS * window_S)) * 2 / window_S.sum()
    x_LD = np.log10(spectrum_LF**2 @ filter_bank() + FLOOR)
    # rounded, as processors differ in the last digits of a sine, so that the data and its hash are the same on all
    return x_LD.round(4).astype(np.float32)


@cache
def filter_bank() -> np.ndarray:
    """``bank_FD``: triangles as high as 1 whose centres stand evenly on the mel scale (O'Shaughnessy 1987)."""
    frequency_F1 = np.fft.rfftfreq(WINDOW, 1 / RATE)[:, None]
    edges = _edges()
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    return np.minimum((frequency_F1 - low) / (centre - low), (high - frequency_F1) / (high - centre)).clip(0)


def filter_centres() -> np.ndarray:
    """The frequency ``hz_D`` at which each filter is highest."""
    return _edges()[1:-1]


def _edges() -> np.ndarray:
    mel = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), FILTERS + 2)
    return 700 * (10 ** (mel / 2595) - 1)
