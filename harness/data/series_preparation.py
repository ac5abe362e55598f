"""How a data set made features of series of numbers: kept with the data and with each run, for new series.

Dimension letters: L steps, D channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.loaders.series import Scale
from harness.data.preparation_files import write_settings

KIND = "series"


@dataclass(frozen=True)
class SeriesPreparation:
    """Series as features: gaps are filled and, with ``standardise``, channels scaled, by the ``scale`` of train.

    ``channels`` are the names of the channels, if the files of train name them. ``missing`` is ``data.missing``: what
    becomes of missing values.
    """

    scale: Scale
    standardise: bool
    missing: str = "interpolate"
    channels: tuple[str, ...] | None = None

    @property
    def identity(self) -> str:
        """Nothing: what the numbers became is in the data, and so in their hash."""
        return ""

    def encode(self, x: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The features ``x_LD`` of series, which have NaN for missing values; float64."""
        filled = [self.scale.fill(x_LD) for x_LD in x]
        return [self.scale.standardise(x_LD) for x_LD in filled] if self.standardise else filled

    def save(self, folder: Path) -> None:
        """Write the file of the preparation into a folder."""
        settings = {name: value for name, value in vars(self).items() if name != "scale"}
        scale = {"mean": self.scale.mean_D.tolist(), "std": self.scale.std_D.tolist()}
        write_settings(folder, {"kind": KIND, "columns": [], **settings, "scale": scale})


def from_settings(settings: dict[str, Any]) -> SeriesPreparation:
    """What ``save`` wrote.

    Raises:
        LookupError, TypeError, ValueError: the settings are damaged.
    """
    scale = Scale(*(np.array(settings["scale"][name], np.float64) for name in ("mean", "std")))
    channels = settings["channels"]
    return SeriesPreparation(
        scale, settings["standardise"], settings["missing"], None if channels is None else tuple(channels)
    )
