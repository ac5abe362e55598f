"""What an exported model reads and gives, whatever its format: arrays by the names of the graph's inputs.

Dimension letters: B batch, L length, D feature width, W characters of a word, C classes.
"""

from collections.abc import Callable

import numpy as np

from harness.data import Split
from harness.data.batches import gather

Inputs = dict[str, np.ndarray]
"""``x``: int64 token ids ``BL`` (0 is padding) or float32 features ``BLD``; for an input that reads characters
``characters``, int64 ``BLW``; and ``length``, int64 ``B``, the real steps of each sequence. L is 1 at least."""

OUTPUT = "outputs"
"""The name of the only output: float32 ``BC``, or ``BLC`` for a task with an output at every step."""

Exported = Callable[[Inputs], np.ndarray]
"""An exported model that was opened again: outputs by inputs."""


def graph_inputs(split: Split, rows: np.ndarray) -> Inputs:
    """These rows of a split as the inputs of an exported model, padded to the longest of them."""
    batch = gather(split, rows)
    characters = {} if batch.characters_BLW is None else {"characters": batch.characters_BLW}
    arrays = {"x": batch.x, **characters, "length": batch.length_B}
    return {name: array.astype(np.int64 if array.dtype.kind == "i" else np.float32) for name, array in arrays.items()}
