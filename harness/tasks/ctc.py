"""Connectionist temporal classification in NumPy: loss, greedy decoding, and edit distance.

Dimension letters: B sequences, L steps, T longest target, S its symbols with a blank around each, K classes and blank.
"""

from collections.abc import Sequence

import numpy as np

from harness.data.dataset import IGNORED


def negative_log_likelihood(logits_BLK: np.ndarray, y_BT: np.ndarray, length_B: np.ndarray) -> np.ndarray:
    """``-log p(target)`` in nats, summed over all alignments (Graves et al. 2006, equations 6 and 7).

    The blank is the last of the K symbols. Infinite if a target is too long for its input. In double precision.
    """
    logits_BLK = logits_BLK.astype(np.float64)
    log_p_BLK = logits_BLK - np.logaddexp.reduce(logits_BLK, axis=-1, keepdims=True)
    blank, rows_B = logits_BLK.shape[-1] - 1, np.arange(len(y_BT))
    target_B = (y_BT != IGNORED).sum(1)
    symbols_BS = np.full((len(y_BT), 2 * y_BT.shape[1] + 1), blank)
    symbols_BS[:, 1::2] = np.where(y_BT == IGNORED, blank, y_BT)
    # a path may skip the blank between two symbols, unless they are equal
    skips_BS = np.zeros(symbols_BS.shape, bool)
    skips_BS[:, 2:] = (symbols_BS[:, 2:] != blank) & (symbols_BS[:, 2:] != symbols_BS[:, :-2])
    alpha_BS = np.full(symbols_BS.shape, -np.inf)
    alpha_BS[:, 0] = 0.0  # before the first step, so that the first step is a blank or the first symbol
    for step in range(logits_BLK.shape[1]):
        one_BS = np.pad(alpha_BS, [(0, 0), (1, 0)], constant_values=-np.inf)[:, :-1]
        two_BS = np.where(skips_BS, np.pad(alpha_BS, [(0, 0), (2, 0)], constant_values=-np.inf)[:, :-2], -np.inf)
        before_BS = np.logaddexp(np.logaddexp(alpha_BS, one_BS), two_BS)
        moved_BS = before_BS + np.take_along_axis(log_p_BLK[:, step], symbols_BS, 1)
        alpha_BS = np.where((step < length_B)[:, None], moved_BS, alpha_BS)
    last_B, before_last_B = alpha_BS[rows_B, 2 * target_B], alpha_BS[rows_B, np.maximum(2 * target_B - 1, 0)]
    return -np.where(target_B > 0, np.logaddexp(last_B, before_last_B), last_B)


def loss(logits_BLK: np.ndarray, y_BT: np.ndarray, length_B: np.ndarray) -> np.ndarray:
    """``-log p(target)`` per label of the target, nats, one number per sequence: ``loss_B``."""
    return negative_log_likelihood(logits_BLK, y_BT, length_B) / np.maximum((y_BT != IGNORED).sum(1), 1)


def decode(logits_BLK: np.ndarray, length_B: np.ndarray) -> list[list[int]]:
    """Greedy decoding: the most likely symbol of each real step, repeats merged, then blanks dropped."""
    blank = logits_BLK.shape[-1] - 1
    decoded = []
    for best_L, length in zip(logits_BLK.argmax(-1), length_B, strict=True):
        path = best_L[:length]
        changes = np.flatnonzero(np.diff(path, prepend=-1))
        decoded.append([int(symbol) for symbol in path[changes] if symbol != blank])
    return decoded


def edit_distance(one: Sequence[int], other: Sequence[int]) -> int:
    """The number of insertions, deletions and replacements between two sequences (Levenshtein 1966)."""
    previous = list(range(len(other) + 1))
    for row, symbol in enumerate(one, 1):
        current = [row]
        for column, against in enumerate(other, 1):
            replaced = previous[column - 1] + (symbol != against)
            current.append(min(replaced, previous[column] + 1, current[-1] + 1))
        previous = current
    return previous[-1]
