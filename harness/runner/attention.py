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

NO_LABEL = "no label"

Example = dict[str, Any]


def keep(backend: Backend, data: Dataset, logits_NC: np.ndarray, folder: Path, examples: int) -> list[Path]:
    """Draw the attention on some test sequences, right and wrong ones; returns the pictures, none without attention.

    ``logits_NC`` are the outputs on the test split, ``examples`` the number of sequences. ``attention.json`` goes into
    ``folder``, and a picture for each sequence and each part that attends into its ``artifacts/attention``.
    """
    if not examples or data.task not in ("classification", "multilabel"):
        return []
    right_N = are_right(data, logits_NC)
    rows = choose(data.test, right_N, examples)
    found = backend.attention(data.test, rows) if len(rows) else {}
    if not found:
        return []
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    kept, drawn = [], []
    for place, row in enumerate(rows):
        example = {**_example(data, int(row), logits_NC[row]), "right": bool(right_N[row])}
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


def are_right(data: Dataset, logits_NC: np.ndarray) -> np.ndarray:
    """Whether each test sequence is labelled right, ``right_N``; of several labels, every one."""
    y, classes = data.test.y, logits_NC.shape[1]
    if data.task == "classification":
        return logits_NC.argmax(-1) == y
    return ((logits_NC > 0) == (y[:, :classes] > 0)).all(1) & ~y[:, classes:].any(1)


def choose(split: Split, right_N: np.ndarray, examples: int) -> np.ndarray:
    """The rows to draw: half of them labelled right, half wrong, if there are enough; legible ones first, in order."""
    order = np.argsort(np.maximum(split.length_N, LEGIBLE), kind="stable")
    order = order[(split.length_N[order] > 0) & (split.length_N[order] <= LONGEST)]
    right = right_N[order]
    wrong_rows, right_rows = order[~right][: examples // 2], order[right]
    return np.concatenate([right_rows[: examples - len(wrong_rows)], wrong_rows])


def received(weights: np.ndarray, length: int) -> np.ndarray:
    """The weight that each real token receives, ``a_L``: for ``a_HLK`` the mean over heads and real queries."""
    return weights[:length] if weights.ndim == 1 else weights[:, :length, :length].mean((0, 1))


def _example(data: Dataset, row: int, logits_C: np.ndarray) -> Example:
    x_L = data.test.sequence(row)
    tokens = [data.vocabulary[number] for number in x_L] if data.tokens else [f"step {n + 1}" for n in range(len(x_L))]
    true, predicted = _labels(data, data.test.y[row], logits_C)
    return {"row": row, "tokens": tokens, "true": true, "predicted": predicted}


def _labels(data: Dataset, y: np.ndarray, logits_C: np.ndarray) -> tuple[str, str]:
    """The true and the predicted label of a sequence; several are joined by commas."""
    if data.task == "classification":
        return data.label_names[int(y)], data.classes[int(logits_C.argmax())]
    true, predicted = ([data.label_names[one] for one in np.flatnonzero(scores > 0)] for scores in (y, logits_C))
    return ", ".join(true) or NO_LABEL, ", ".join(predicted) or NO_LABEL
