"""One part of a data set: its sequences and labels as flat arrays, which may be mapped from files.

Dimension letters: N sequences, T steps of all of them together, B some of the sequences, L length, D feature width,
C classes, W characters of a word.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.data.characters import Characters
from harness.data.flat import make_resident, offsets_of, padded
from harness.data.labels import IGNORED
from harness.errors import UserError


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    ``x`` is int32 token ids ``x_T`` or float32 features ``x_TD`` of all real steps, one sequence after the other;
    ``offsets`` (int64, N + 1 numbers) says where each sequence begins, and last where the last one ends. ``y`` depends
    on the task (``harness.data.labels``): one label for each sequence, or the labels of all sequences one after the
    other, of which ``y_offsets`` says where those of each sequence begin. ``characters`` are the characters of the
    words, present if the loader provides them and the run's input reads them. The arrays may be read-only.

    Raises:
        UserError: the arrays are padded ones; ``from_padded`` takes these.
    """

    x: np.ndarray
    offsets: np.ndarray
    y: np.ndarray
    y_offsets: np.ndarray | None = None
    characters: Characters | None = None

    def __post_init__(self) -> None:
        steps = self.offsets[[0, -1]].tolist() if len(self.offsets) else []
        if self.x.ndim != (2 if self.x.dtype.kind == "f" else 1) or steps != [0, len(self.x)]:
            raise UserError(
                "data: Split(x, offsets, y) takes flat arrays without padding; for padded arrays write "
                "Split.from_padded(x, length_N, y)"
            )

    @classmethod
    def from_padded(cls, x: np.ndarray, length_N: np.ndarray, y: np.ndarray, task: str | None = None) -> "Split":
        """A split of padded arrays: ``x_NL`` or ``x_NLD``, of which ``length_N`` steps are real.

        ``y`` is one label for each sequence; ``y_NL`` for tagging, -100 at padding and at words that do not count; or
        with ``task="ctc"`` ``y_NT``, -100 after the end of each target.

        Raises:
            UserError: the arrays do not fit together, or there are labels at padding.
        """
        length_N = np.asarray(length_N)
        if not len(x) == len(length_N) == len(y):
            sizes = f"{len(x)} sequences, {len(length_N)} lengths and {len(y)} labels"
            raise UserError(f"data: a split has {sizes}; the three numbers must be equal")
        if length_N.min(initial=0) < 0 or length_N.max(initial=0) > x.shape[1]:
            raise UserError(f"data: a length of a split is negative or above {x.shape[1]}, the steps of x")
        inside_NL = np.arange(x.shape[1]) < length_N[:, None]
        offsets = offsets_of(length_N)
        if y.ndim == 1 or y.dtype.kind == "f":
            return cls(x[inside_NL], offsets, y)
        if task == "ctc":
            inside_NT = y != IGNORED
            target_N = inside_NT.sum(1)
            if (inside_NT != (np.arange(y.shape[1]) < target_N[:, None])).any():
                raise UserError("data: targets of ctc must be rows of classes with -100 only after their end")
            return cls(x[inside_NL], offsets, y[inside_NT], offsets_of(target_N))
        if y.shape != inside_NL.shape or (y[~inside_NL] != IGNORED).any():
            raise UserError(
                f"data: labels of shape {y.shape} must be one for each step of x, {inside_NL.shape}, and -100 at "
                'padding; targets with a length of their own need task="ctc"'
            )
        return cls(x[inside_NL], offsets, y[inside_NL], offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def make_resident(self) -> None:
        """Read the pages of mapped arrays into memory, and count lengths, before memory is measured."""
        characters = () if self.characters is None else (self.characters.spelling_T, self.characters.table_SW)
        for array in (self.x, self.y, self.offsets, self.y_offsets, *characters):
            if array is not None:
                make_resident(array)
        _ = self.length_N, self.longest, self.most_labels

    @cached_property
    def length_N(self) -> np.ndarray:
        """Real steps of each sequence, int32."""
        return np.diff(self.offsets).astype(np.int32)

    @cached_property
    def longest(self) -> int:
        """Steps of the longest sequence, 1 at least."""
        return max(1, int(self.length_N.max(initial=1)))

    @cached_property
    def most_labels(self) -> int:
        """Labels of the sequence that has most, 1 at least."""
        return 1 if self.y_offsets is None else max(1, int(np.diff(self.y_offsets).max(initial=1)))

    @property
    def labels_shape(self) -> tuple[int, ...]:
        """The shape of ``labels()``."""
        return self.y.shape if self.y_offsets is None else (len(self), self.most_labels)

    def sequence(self, row: int) -> np.ndarray:
        """The real steps of one sequence, ``x_L`` or ``x_LD``: a view."""
        return self.x[self.offsets[row] : self.offsets[row + 1]]

    def padded(self, rows: np.ndarray | None = None, width: int | None = None) -> np.ndarray:
        """``x_BL`` or ``x_BLD`` of these rows (None: of all), zero after their ends.

        It has ``width`` steps, by default as many as the longest sequence of the split.
        """
        return self._padded(self.x, rows, width)

    def labels(self, rows: np.ndarray | None = None, width: int | None = None) -> np.ndarray:
        """The labels of these rows (None: of all), ``y_B``, ``y_BL`` or ``y_BT`` by task, -100 after their ends.

        Labels that are several for a sequence are cut to ``width``; by default all are there.
        """
        rows = np.arange(len(self)) if rows is None else rows
        if self.y_offsets is None:
            return self.y[rows]
        most = self.most_labels if width is None else min(width, self.most_labels)
        start_B = self.y_offsets[rows]
        return padded(self.y, start_B, self.y_offsets[rows + 1] - start_B, most, IGNORED)

    def spellings(self, rows: np.ndarray | None = None, width: int | None = None) -> np.ndarray:
        """``spelling_BL`` of these rows, padded as ``x`` is: row numbers of the characters' table, 0 at padding."""
        assert self.characters is not None
        return self._padded(self.characters.spelling_T, rows, width)

    def characters_of(self, rows: np.ndarray | None = None, width: int | None = None) -> np.ndarray | None:
        """``characters_BLW`` of the words of these rows, padded as ``x`` is and cut to the longest of these words.

        None if the split has no characters.
        """
        return None if self.characters is None else self.characters.of(self.spellings(rows, width))

    def _padded(self, flat: np.ndarray, rows: np.ndarray | None, width: int | None) -> np.ndarray:
        rows = np.arange(len(self)) if rows is None else rows
        return padded(flat, self.offsets[rows], self.length_N[rows], self.longest if width is None else width)
