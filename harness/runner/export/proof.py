"""The proof that an exported model gives the outputs of its run, at every length and size of batch.

Dimension letters: N sequences of the proof, L length, B batch, C classes.
"""

from collections.abc import Iterator

import numpy as np

from harness.backends.exported import Exported, graph_inputs
from harness.data import Dataset, Split
from harness.data.characters import Characters
from harness.data.flat import offsets_of
from harness.errors import UserError

TOLERANCE = 1e-4
"""The largest difference that is allowed; for a regression, per unit of the largest output if that is above 1."""
BATCH = 5
SHORT = 7


def proof_rows(data: Dataset) -> Split:
    """Random sequences for the proof, as the data has them: of 1, 7 and the most steps, odd numbers between, and none.

    The last ``BATCH`` of them are as different in length as they can be.
    """
    longest = data.max_length
    wanted = {0, 1, SHORT, longest // 2 | 1, longest - longest // 3 | 1, longest}
    length_N = np.array(sorted(length for length in wanted if length <= longest), np.int64)
    generator, steps = np.random.default_rng(0), int(length_N.sum())
    train, offsets = data.train, offsets_of(length_N)
    if data.tokens:
        x = generator.integers(1, data.width, steps, dtype=np.int32)
    else:
        x = generator.normal(size=(steps, data.width)).astype(np.float32)
    several = train.y_offsets is not None
    y = np.zeros((steps if several else len(length_N), *train.y.shape[1:]), train.y.dtype)
    characters = None
    if train.characters is not None:
        letters = train.characters.table_SW.shape[1]
        table_SW = generator.integers(1, len(data.alphabet), (steps + 1, letters), dtype=np.int32)
        # words of every length; the first row is padding, which has none
        kept = np.arange(letters) < np.append(0, generator.integers(1, letters + 1, steps))[:, None]
        characters = Characters(np.arange(1, steps + 1, dtype=np.int32), table_SW * kept)
    return Split(x, offsets, y, offsets if several else None, characters)


def prove(split: Split, outputs: np.ndarray, exported: Exported, regression: bool) -> float:
    """Compare an exported model with the run's ``outputs`` of a split: each sequence alone, and all in a batch.

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
    """The row numbers of each batch: every sequence alone, the longest with shorter ones, and short ones together."""
    yield from (np.array([row]) for row in range(sequences))
    yield np.arange(sequences)[::-1][:BATCH]
    yield np.arange(sequences)[:BATCH] % max(1, min(3, sequences))
