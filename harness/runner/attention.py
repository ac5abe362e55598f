"""Attention weights of a finished run on a few test sequences, kept beside its record.

They are computed after everything is measured and recorded, so that they change no number.

Dimension letters: B batch, H heads, L length (also K for the attended side), C classes.
"""

from pathlib import Path
from typing import Any

import numpy as np

from harness.backends import Backend
from harness.data import Dataset, Split
from harness.records import store
from harness.report import plots as pictures

FOLDER = Path("artifacts", "attention")
LEGIBLE = pictures.MOST_TOKENS
"""The length, in tokens, up to which a sequence is easy to read; of longer ones, the shortest are taken."""
LONGEST = 512
"""The length, in tokens, beyond which no sequence is taken: weights take memory as the square of the length."""

Example = dict[str, Any]


def keep(backend: Backend, data: Dataset, logits_NC: np.ndarray, folder: Path, examples: int) -> list[Path]:
    """Draw the attention on some test sequences, right and wrong ones; returns the pictures, none without attention.

    ``logits_NC`` are the outputs on the test split, ``examples`` the number of sequences. ``attention.json`` goes into
    ``folder``, and a picture for each sequence and each part that attends into its ``artifacts/attention``.
    """
    if not examples or data.task != "classification":
        return []
    rows = choose(data.test, logits_NC.argmax(-1), examples)
    found = backend.attention(data.test, rows) if len(rows) else {}
    if not found:
        return []
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    kept, drawn = [], []
    for place, row in enumerate(rows):
        example = _example(data, int(row), int(logits_NC[row].argmax()))
        length = len(example["tokens"])
        maps = {part: weights[place] for part, weights in found.items()}
        example["received"] = {part: received(weights, length).tolist() for part, weights in maps.items()}
        for part, weights in maps.items():
            file = folder / FOLDER / f"{place + 1}-{'right' if example['right'] else 'wrong'}-{part}.png"
            map_LK = weights.mean(0)[:length, :length] if weights.ndim == 3 and length <= LEGIBLE else None
            drawn.append(pictures.attention(example, part, map_LK, file))
        kept.append(example)
    store.write_json(folder / store.ATTENTION, {"examples": kept})
    return drawn


def choose(split: Split, predicted_N: np.ndarray, examples: int) -> np.ndarray:
    """The rows to draw: half of them labelled right, half wrong, if there are enough; legible ones first, in order."""
    order = np.argsort(np.maximum(split.length_N, LEGIBLE), kind="stable")
    order = order[(split.length_N[order] > 0) & (split.length_N[order] <= LONGEST)]
    right = predicted_N[order] == split.y[order]
    wrong_rows, right_rows = order[~right][: examples // 2], order[right]
    return np.concatenate([right_rows[: examples - len(wrong_rows)], wrong_rows])


def received(weights: np.ndarray, length: int) -> np.ndarray:
    """The weight that each real token receives, ``a_L``: for ``a_HLK`` the mean over heads and real queries."""
    return weights[:length] if weights.ndim == 1 else weights[:, :length, :length].mean((0, 1))


def _example(data: Dataset, row: int, predicted: int) -> Example:
    x_L = data.test.sequence(row)
    tokens = [data.vocabulary[number] for number in x_L] if data.tokens else [f"step {n + 1}" for n in range(len(x_L))]
    true = int(data.test.y[row])
    names = {"true": data.label_names[true], "predicted": data.classes[predicted]}
    return {"row": row, "tokens": tokens, "right": predicted == true, **names}
