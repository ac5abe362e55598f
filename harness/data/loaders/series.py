"""Series of numbers as readers return them, gaps in them, and their scale.

Dimension letters: L steps, D channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.errors import UserError

LARGEST = float(np.finfo(np.float32).max)
NO_VALUE = ("", "?", "na", "n/a", "nan", "null", "none", "<na>")
"""How files write that a value is missing, in lower case."""
NO_LABEL = ("", "?", "nan")
"""How files write that a series has no label, in lower case; ``none`` may be a class."""


class Series(NamedTuple):
    """The series of a file.

    ``x`` are float64 ``x_LD`` with NaN for missing values, ``labels`` texts, None where there is none, ``names`` what
    messages call a series. ``channels`` names the channels, if the file does. ``numbers`` says that the file declares
    labels to be numbers. ``ids`` name the series in the file, if it has a column for that.
    """

    x: list[np.ndarray]
    labels: Sequence[str | None]
    names: list[str]
    channels: list[str] | None = None
    numbers: bool = False
    ids: list[str] | None = None


def is_no_label(label: str | None) -> bool:
    """Whether a file has no label here."""
    return label is None or label.strip().lower() in NO_LABEL


def to_numbers(fields: Sequence[str], where: str) -> np.ndarray:
    """Texts as float64, NaN for missing values.

    Raises:
        UserError: a text is no number; ``where`` names the series.
    """
    try:
        return np.array(fields, np.float64)
    except ValueError:
        numbers = np.full(len(fields), np.nan)
    for index, text in enumerate(fields):
        if text.strip().lower() not in NO_VALUE:
            try:
                numbers[index] = float(text)
            except ValueError:
                raise UserError(f"data: {where} holds {text!r} at step {index + 1}; expected a number") from None
    return numbers


def without_padding(x_LD: np.ndarray) -> np.ndarray:
    """A series without the steps at its end that have no value in any channel."""
    steps = np.flatnonzero(~np.isnan(x_LD).all(1))
    return x_LD[: steps[-1] + 1 if len(steps) else 0]


def check_values(series: Series, where: str, missing: str) -> None:
    """Refuse values beyond float32, infinite ones too, and, with ``missing`` of ``error``, missing ones.

    Raises:
        UserError: the message names the series, the step and the channel, counted from 1.
    """
    for x_LD, name in zip(series.x, series.names, strict=True):
        is_large_LD, is_missing_LD = np.abs(x_LD) > LARGEST, np.isnan(x_LD)
        for what, remedy, is_bad_LD in (
            ("an infinite value", "correct or remove it", np.isinf(x_LD)),
            ("a value beyond the largest float32", "give the channel in another unit", is_large_LD),
            ("no value", "set data.missing=interpolate or fill it", is_missing_LD),
        ):
            if is_bad_LD.any() and (missing == "error" or what != "no value"):
                step, channel = np.argwhere(is_bad_LD)[0] + 1
                raise UserError(f"data: {where}, {name} has {what} at step {step} of channel {channel}; {remedy}")


@dataclass(frozen=True)
class Scale:
    """The mean and the standard deviation of each channel, over the values that are there; float64.

    The standard deviation of a channel that never changes is 1, so that the channel becomes 0.
    """

    mean_D: np.ndarray
    std_D: np.ndarray

    @classmethod
    def of(cls, x: Sequence[np.ndarray]) -> "Scale":
        """The scale of some series; a channel without any value has mean 0."""
        known = [~np.isnan(x_LD) for x_LD in x]
        count_D = np.maximum(sum(known_LD.sum(0) for known_LD in known), 1)
        mean_D = sum(np.nansum(x_LD, 0) for x_LD in x) / count_D
        # a mean is rounded, so that a constant channel has tiny differences to it
        low_D, high_D = (
            function.reduce([function.reduce(x_LD, 0, initial=np.nan) for x_LD in x]) for function in (np.fmin, np.fmax)
        )
        variance_D = sum(np.nansum((x_LD - mean_D) ** 2, 0) for x_LD in x) / count_D
        return cls(mean_D, np.where(low_D < high_D, np.sqrt(variance_D), 1.0))

    def fill(self, x_LD: np.ndarray) -> np.ndarray:
        """Gaps on the line between the values beside them, or equal to the only one; the mean if there is none."""
        gaps_LD = np.isnan(x_LD)
        if not gaps_LD.any():
            return x_LD
        filled_LD, steps_L = x_LD.copy(), np.arange(len(x_LD))
        for channel in np.flatnonzero(gaps_LD.any(0)):
            gaps_L = gaps_LD[:, channel]
            known = x_LD[~gaps_L, channel]
            filled_LD[gaps_L, channel] = (
                np.interp(steps_L[gaps_L], steps_L[~gaps_L], known) if len(known) else self.mean_D[channel]
            )
        return filled_LD

    def standardise(self, x_LD: np.ndarray) -> np.ndarray:
        """Mean 0 and standard deviation 1 over the series that the scale is of."""
        return (x_LD - self.mean_D) / self.std_D
