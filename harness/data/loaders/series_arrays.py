"""Series from arrays that NumPy saved (``.npz``).

Dimension letters: N series, L steps of the longest, D channels, S steps of all series together.
"""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from harness.data.loaders.columns import label_names
from harness.data.loaders.series import Series
from harness.errors import UserError

EXPECTED = "numbers x (N, L, D) or (N, L), or with offsets (N + 1) x (S, D) or (S), and labels y (N)"


def read_arrays(file: Path, labelled: bool = True) -> Series:
    """The series ``x`` and labels ``y`` (N) of a file; new series (``labelled`` is false) may have none.

    ``x`` is (N, L, D), or (N, L) for one channel, and ``length`` (N) may give the steps of each series. Or ``x`` is
    (S, D) or (S), the series one after another, and series n is ``x[offsets[n]:offsets[n + 1]]``.

    Raises:
        UserError: the file is broken, or an array is missing or of another shape.
    """
    arrays = _load(file)
    if missing := {"x", *(["y"] if labelled else [])} - arrays.keys():
        raise UserError(f"data: {file} has no {' and no '.join(sorted(missing))}; expected {EXPECTED}")
    x, y = arrays["x"], arrays["y"] if labelled else None
    dimensions = 1 if "offsets" in arrays else 2
    if x.dtype.kind not in "biuf" or x.ndim not in (dimensions, dimensions + 1) or (y is not None and y.ndim != 1):
        shapes = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
        raise UserError(f"data: {file} has {shapes}; expected {EXPECTED}")
    x = (x if x.ndim > dimensions else x[..., None]).astype(np.float64)
    series = _by_offsets(file, x, arrays["offsets"]) if "offsets" in arrays else _by_length(file, x, arrays)
    labels = [None] * len(series) if y is None else _labels(file, y, len(series))
    return Series(series, labels, [f"x[{row}]" for row in range(len(series))])


def _labels(file: Path, y: np.ndarray, series: int) -> list[str | None]:
    if series != len(y):
        raise UserError(f"data: {file} has {series} series in x and {len(y)} labels in y; every series needs one")
    try:
        return label_names(pd.Series(np.char.decode(y, "utf8") if y.dtype.kind == "S" else y))
    except UnicodeDecodeError:
        raise UserError(f"data: {file} has labels in y that are bytes and not UTF-8; save them as text") from None


def _load(file: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(file, allow_pickle=False) as opened:  # a pickle could run code
            return {name: opened[name] for name in opened.files}
    except (ValueError, OSError, EOFError, TypeError, BadZipFile) as error:
        if "Object arrays" in str(error):
            raise UserError(
                f"data: {file} holds an array of Python objects, which is not read; save labels as y.astype(str), and "
                "if series have unequal lengths, put them one after another into x, and their ends into offsets"
            ) from None
        raise UserError(f"data: {file} is no file of np.savez ({str(error).splitlines()[0]})") from None


def _by_offsets(file: Path, x_SD: np.ndarray, offsets: np.ndarray) -> list[np.ndarray]:
    whole = offsets.dtype.kind in "iu" and offsets.ndim == 1 and len(offsets) > 1
    if not whole or offsets[0] != 0 or offsets[-1] != len(x_SD) or (np.diff(offsets.astype(np.int64)) < 0).any():
        raise UserError(f"data: {file}: offsets must be whole numbers that rise from 0 to {len(x_SD)}, the length of x")
    return np.split(x_SD, offsets[1:-1])


def _by_length(file: Path, x_NLD: np.ndarray, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    series, longest = x_NLD.shape[:2]
    length_N = arrays.get("length", np.full(series, longest))
    whole = length_N.dtype.kind in "iu" and length_N.shape == (series,)
    if not whole or (length_N < 0).any() or (length_N > longest).any():
        raise UserError(f"data: {file}: length must be {series} whole numbers from 0 to {longest}, one for each series")
    return [x_LD[:length] for x_LD, length in zip(x_NLD, length_N, strict=True)]
