"""The proof that an exported model gives the outputs of its run, at every length and size of batch.

Dimension letters: N sequences of the proof, L length, B batch, C classes.
"""

from collections.abc import Iterator

import numpy as np

from harness.backends.exported import Exported, graph_inputs
from harness.data import Dataset, Split
from harness.data.characters import Characters
from harness.data.dataset import unlabelled
from harness.data.flat import offsets_of
from harness.errors import UserError

TOLERANCE = 1e-4
"""The largest difference that is allowed; for a regression, per unit of the largest output if that is above 1."""
SHORT = 7
BEYOND = 65
"""Steps more than the longest sequence of the data: a graph is right for any length, or was it for some by chance."""


def proof_rows(data: Dataset, real: Split | None = None, most: int | None = None) -> Split:
    """Sequences for the proof: of 1, 7 and the most steps of the data, odd numbers between, ``most`` of all, and none.

    Their steps are those of ``real``, some of the data's rows; without them they are random.
    """
    longest = data.max_length
    most = most or longest
    wanted = {0, 1, SHORT, longest // 2 | 1, longest - longest // 3 | 1, longest, most}
    length_N = np.array(sorted(length for length in wanted if length <= most), np.int64)
    x, characters = _random(data, int(length_N.sum())) if real is None else _real(real, length_N)
    return unlabelled(data, x, offsets_of(length_N), characters)


def _real(rows: Split, length_N: np.ndarray) -> tuple[np.ndarray, Characters | None]:
    """The steps of rows, each sequence from the start of another row on, into the next rows if that is too short."""
    starts = rows.offsets[np.linspace(0, len(rows) - 1, len(length_N)).astype(int)]
    steps = np.concatenate([start + np.arange(length) for start, length in zip(starts, length_N, strict=True)])
    x, characters = rows.x.take(steps, 0, mode="wrap"), rows.characters
    if characters is not None:
        characters = Characters(characters.spelling_T.take(steps, mode="wrap"), characters.table_SW)
    return x, characters


def _random(data: Dataset, steps: int) -> tuple[np.ndarray, Characters | None]:
    generator = np.random.default_rng(0)
    if data.tokens:
        x = generator.integers(1, data.width, steps, dtype=np.int32)
    else:
        x = generator.normal(size=(steps, data.width)).astype(np.float32)
    if data.train.characters is None:
        return x, None
    letters = data.train.characters.table_SW.shape[1]
    table_SW = generator.integers(1, len(data.alphabet), (steps + 1, letters), dtype=np.int32)
    # words of every length; the first row is padding, which has none
    kept = np.arange(letters) < np.append(0, generator.integers(1, letters + 1, steps))[:, None]
    return x, Characters(np.arange(1, steps + 1, dtype=np.int32), table_SW * kept)


def prove(split: Split, outputs: np.ndarray, exported: Exported, regression: bool) -> float:
    """Compare an exported model with the run's ``outputs`` of a split: each sequence alone, and in batches.

    Returns:
        The largest difference.

    Raises:
        UserError: a difference is too large, or the exported model fails.
    """
    allowed = TOLERANCE * (max(1.0, float(np.abs(outputs).max())) if regression else 1.0)
    worst = 0.0
    for rows in _batches(len(split)):
        expected = outputs[rows]
        lengths = ", ".join(map(str, split.length_N[rows]))
        where = f"{len(rows)} sequences of lengths {lengths}" if len(rows) > 1 else f"one sequence of length {lengths}"
        try:
            found = exported(graph_inputs(split, rows))
        except Exception as error:
            first = str(error).strip().split("\n")[0]
            raise UserError(f"the exported model fails for {where}: {first}") from error
        if outputs.ndim == 3:
            expected = expected[:, : found.shape[1]]
        if found.shape != expected.shape:
            raise UserError(f"the exported model gives {found.shape} for {where}, the run {expected.shape}")
        difference = float(np.abs(found - expected).max())
        if not difference <= allowed:
            raise UserError(
                f"the exported model differs from the run by {difference:.2g} for {where}, and {allowed:.2g} "
                "is allowed"
            )
        worst = max(worst, difference)
    return worst


def _batches(sequences: int) -> Iterator[np.ndarray]:
    """The row numbers of each batch: every sequence alone, the longest with the shortest, and the shortest together."""
    yield from (np.array([row]) for row in range(sequences))
    yield np.array([-1, -2, 2, 1, 0]) % sequences
    yield np.array([0, 1, 2, 1, 0]) % sequences
