"""Ways to cut a share of train's rows for another split, the same for every seed.

A cut takes the labels of train and a share in 0..1, and returns the rows of the share and the rows that train keeps.
Each raises ``ValueError`` where there are too few rows.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

SPLIT_SEED = 0
"""Splits are the same for every run: the seed of a run changes the training, never the data."""

Rows = tuple[np.ndarray, np.ndarray]
Cut = Callable[[Sequence[Any], float], Rows]


def at_random(labels: Sequence[Any], share: float) -> Rows:
    """Any rows."""
    return _train_test_split(np.arange(len(labels)), share, None)


def evenly(labels: Sequence[Any], share: float) -> Rows:
    """The same share of every class, in which each class has a row."""
    rows, kept = _train_test_split(np.arange(len(labels)), share, labels)
    if {labels[row] for row in rows} != set(labels):
        raise ValueError("no row of a rare class is in the share")
    return rows, kept


def beside_rare(labels: Sequence[Any], share: float) -> Rows:
    """The same share of every class that has enough rows, and of all other classes together; train keeps every class.

    The first row of each class stays in train, and all rows of the rare classes if these are too few together.
    """
    first = {label: row for row, label in reversed(list(enumerate(labels)))}
    free = np.array(sorted(set(range(len(labels))) - set(first.values())), int)
    # of the free rows, as many as of all rows, but not more than half
    wanted = min(share * len(labels) / max(1, len(free)), max(share, 0.5))
    enough = 1 / max(1e-9, min(wanted, 1 - wanted))
    counts = Counter(labels[row] for row in free)
    common = [label for label, count in counts.items() if count >= enough]
    stratum = {label: number for number, label in enumerate(common)}
    strata = np.array([stratum.get(labels[row], -1) for row in free])
    if (strata < 0).sum() < enough:
        free, strata = free[strata >= 0], strata[strata >= 0]
    rows, _ = _train_test_split(free, wanted, strata)
    return rows, np.setdiff1d(np.arange(len(labels)), rows)


def keeping(labels_of: Callable[[Any], Collection[Any]]) -> Cut:
    """A cut at random, but a row that is the only one with one of its labels, ``labels_of(label)``, stays in train."""

    def cut(labels: Sequence[Any], share: float) -> Rows:
        rows, kept = at_random(labels, share)
        known = {one for row in kept for one in labels_of(labels[row])}
        cut_rows, kept_rows = list(rows), list(kept)
        for row in rows:
            own = set(labels_of(labels[row]))
            if not own <= known and len(cut_rows) > 1:
                cut_rows.remove(row)
                kept_rows.append(row)
                known |= own
        return np.array(cut_rows), np.array(kept_rows)

    return cut


def _train_test_split(rows: np.ndarray, share: float, strata: Sequence[Any] | np.ndarray | None) -> Rows:
    from sklearn.model_selection import train_test_split

    cut, kept = train_test_split(rows, test_size=1 - share, stratify=strata, random_state=SPLIT_SEED)
    return cut, kept
