"""From token ids to the counts of word n-grams, in a sparse table, which holds only what occurs.

Dimension letters: N sequences, T tokens of all of them together, F n-grams.
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from harness.errors import UserError

TOKENS = 1_000_000
"""Tokens that are counted at a time, so that the memory that counting takes does not grow with the data."""


class NGrams:
    """The n-grams of a training split, each a column of the table of counts.

    An n-gram is one whole number: its token ids, each plus 1, are the digits of a number whose base is the size of the
    vocabulary plus 1. ``keys_F`` are these numbers, ascending; none before ``learn``.
    """

    def __init__(self, longest: int, vocabulary_size: int) -> None:
        self.longest, self.base = longest, vocabulary_size + 1
        self.keys_F = np.zeros(0, np.int64)

    def learn(self, x_T: np.ndarray, offsets: np.ndarray, min_rows: int, most: int | None) -> None:
        """Take the n-grams of these sequences, from single tokens to ``longest`` in a row.

        Only those count that occur in ``min_rows`` sequences or more; of these, at most the ``most`` that occur in the
        most sequences (of equal ones, those with the smallest token ids).
        """
        keys_F, rows_F = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for x, _, rows in _parts(x_T, offsets):
            new, new_rows = _rows_of_each(*map(np.concatenate, zip(*self._keys(x, rows), strict=True)))
            keys_F, place = np.unique(np.concatenate([keys_F, new]), return_inverse=True)
            rows_F = np.bincount(place, np.concatenate([rows_F, new_rows]), len(keys_F)).astype(np.int64)
        kept = np.flatnonzero(rows_F >= min_rows)
        if most is not None and len(kept) > most:
            kept = np.sort(kept[np.argsort(-rows_F[kept], kind="stable")[:most]])
        self.keys_F = keys_F[kept]

    def __len__(self) -> int:
        return len(self.keys_F)

    def counts(self, x_T: np.ndarray, offsets: np.ndarray) -> sparse.csr_matrix:
        """How often each n-gram occurs in each sequence, ``m_NF``, in double precision; unknown n-grams are left out.

        ``x_T`` are the tokens of all sequences, ``offsets`` (N + 1 numbers) where each begins.
        """
        parts = [self._count(x, size, rows) for x, size, rows in _parts(x_T, offsets)]
        return sparse.vstack(parts, "csr") if parts else sparse.csr_matrix((0, len(self)))

    def _count(self, x_T: np.ndarray, sequences: int, row_T: np.ndarray) -> sparse.csr_matrix:
        rows, columns = [], []
        for keys, row in self._keys(x_T, row_T):
            place = np.searchsorted(self.keys_F, keys)
            known = place < len(self)
            known[known] = self.keys_F[place[known]] == keys[known]
            rows.append(row[known])
            columns.append(place[known].astype(np.int32))
        row, column = np.concatenate(rows), np.concatenate(columns)
        # conversion from pairs sums those that are equal
        return sparse.coo_matrix((np.ones(len(row)), (row, column)), (sequences, len(self))).tocsr()

    def _keys(self, x_T: np.ndarray, row_T: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each length of n-gram, the n-grams and the rows that they are in; none goes on into the next row."""
        digit_T = x_T.astype(np.int64) + 1
        keys = digit_T
        yield keys, row_T
        for more in range(1, self.longest):
            keys = keys[:-1] * self.base + digit_T[more:]
            inside = row_T[more:] == row_T[: len(keys)]
            yield keys[inside], row_T[: len(keys)][inside]


def _rows_of_each(keys: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different n-grams among these, ascending, and the number of rows that each occurs in."""
    different, place = np.unique(keys, return_inverse=True)
    pairs = np.unique(rows * np.int64(len(different)) + place)
    return different, np.bincount(pairs % max(1, len(different)), minlength=len(different))


def check_longest(longest: int, vocabulary_size: int) -> None:
    """Refuse n-grams that cannot be written as one whole number of 64 bits.

    Raises:
        UserError: one sentence with the longest that can.
    """
    most = 1
    while (vocabulary_size + 1) ** (most + 1) < 2**63:
        most += 1
    if longest > most:
        raise UserError(
            f"encoder.ngrams={longest}: with a vocabulary of {vocabulary_size} tokens, n-grams have at most {most} "
            f"tokens; set encoder.ngrams={most}, or a smaller data.vocabulary_size"
        )


def _parts(x_T: np.ndarray, offsets: np.ndarray) -> Iterator[tuple[np.ndarray, int, np.ndarray]]:
    """The tokens of some whole sequences at a time, the number of these sequences, and the sequence of each token."""
    start = 0
    while start < len(offsets) - 1:
        end = max(start + 1, int(np.searchsorted(offsets, offsets[start] + TOKENS, "right")) - 1)
        lengths = np.diff(offsets[start : end + 1])
        rows = np.repeat(np.arange(end - start, dtype=np.int32), lengths)
        yield x_T[offsets[start] : offsets[end]], end - start, rows
        start = end
