"""The rows of a file of word vectors that a vocabulary has use for, kept on disk until a table is initialised.

Dimension letters: K words that the file has, D width.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class WordVectors:
    """Vectors of ``width`` numbers. ``rows`` is the ``.npz`` that has them; None where trained weights follow anyway.

    Only the file is kept: the memory of a run must not hold the vectors twice.
    """

    width: int
    rows: Path | None = None

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """``ids_K`` and their ``vectors_KD``, float32; both empty without a file."""
        if self.rows is None:
            return np.zeros(0, np.int32), np.zeros((0, self.width), np.float32)
        with np.load(self.rows, allow_pickle=False) as kept:
            return kept["ids_K"], kept["vectors_KD"]
