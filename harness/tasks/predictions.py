"""What a run predicted for each row of the test split, beside the truth, in few bytes.

| task | predicted, and truth | in the file |
|---|---|---|
| ``classification`` | ``p_N``: ids of classes | the smallest integers that hold them |
| ``tagging``, ``ctc`` | ``p_T``: ids of all sequences, one after the other, with offsets | the same, with lengths |
| ``multilabel`` | ``p_NA``: whether a sequence has a label | bits, the labels of a row in whole bytes |
| ``regression`` | ``p_N``: numbers in the unit of the labels | float32 |

Ids of labels that train never saw follow those of the classes; only the truth has them. Of tagging, only the steps
with a label are kept. A truth that does not count is -100.

Dimension letters: N sequences, T labels of all of them together, A all labels, B bytes.
"""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.data import Dataset
from harness.data.dataset import IGNORED
from harness.data.flat import offsets_of
from harness.data.labels import SEVERAL, TASKS
from harness.records import store
from harness.tasks import ctc


@dataclass(frozen=True)
class Predictions:
    """What was predicted and what is true, by the row numbers of a split; arrays as in the table above.

    ``predicted_offsets`` and ``truth_offsets`` (N + 1 numbers) say where the labels of each sequence begin, if a
    sequence has several.
    """

    task: str
    predicted: np.ndarray
    truth: np.ndarray
    predicted_offsets: np.ndarray | None = None
    truth_offsets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.truth) if self.truth_offsets is None else len(self.truth_offsets) - 1

    def item(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """What was predicted for a row, and what is true: a number, the bits of all labels, or several ids."""
        return _of_row(self.predicted, self.predicted_offsets, row), _of_row(self.truth, self.truth_offsets, row)

    def save(self, file: Path) -> None:
        """Write the file whole."""
        arrays: dict[str, Any] = {"predicted": self.predicted, "truth": self.truth}
        if self.task == "multilabel":
            arrays = {name: np.packbits(bits_NA, axis=1) for name, bits_NA in arrays.items()}
            arrays["labels"] = np.array(self.truth.shape[1])
        elif self.task != "regression":
            arrays = {name: _compact(ids) for name, ids in arrays.items()}
        if self.predicted_offsets is not None and self.truth_offsets is not None:
            arrays["truth_lengths"] = _compact(np.diff(self.truth_offsets))
            if self.task == "ctc":  # in tagging they are the same
                arrays["predicted_lengths"] = _compact(np.diff(self.predicted_offsets))
        with store.whole_file(file) as temporary, open(temporary, "wb") as opened:
            np.savez_compressed(opened, task=np.array(self.task), **arrays)


def _of_row(values: np.ndarray, offsets: np.ndarray | None, row: int) -> np.ndarray:
    return np.asarray(values[row]) if offsets is None else values[offsets[row] : offsets[row + 1]]


def _compact(ids: np.ndarray) -> np.ndarray:
    """The same whole numbers in the smallest type that holds them."""
    ends = (ids.min(initial=0), ids.max(initial=0))
    return ids.astype(np.result_type(*map(np.min_scalar_type, ends)))


def predictions_of(data: Dataset, outputs: np.ndarray) -> Predictions:
    """The predictions on the test split, from the model's outputs ``NC`` or ``NLC`` on it."""
    task, split = data.task, data.test
    if task == "regression":
        return Predictions(task, outputs[:, 0].astype(np.float32), split.labels())
    if task == "multilabel":
        true_NA = split.labels() > 0
        predicted_NA = np.zeros_like(true_NA)  # a label without an output is never predicted
        predicted_NA[:, : outputs.shape[1]] = outputs > 0
        return Predictions(task, predicted_NA, true_NA)
    if task == "ctc":
        decoded = ctc.decode(outputs, split.length_N)
        flat_T = np.fromiter((symbol for symbols in decoded for symbol in symbols), np.int64)
        offsets = offsets_of(np.array([len(symbols) for symbols in decoded], np.int64))
        return Predictions(task, flat_T, split.y, offsets, split.y_offsets)
    y, best = split.labels(), outputs.argmax(-1)
    if task == "classification":
        return Predictions(task, best, y)
    counted_NL = y != IGNORED
    offsets = offsets_of(counted_NL.sum(1))
    return Predictions(task, best[counted_NL], y[counted_NL], offsets, offsets)


def load(file: Path) -> Predictions:
    """The predictions in a file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file holds something else.
    """
    if file.is_file() and not zipfile.is_zipfile(file):
        raise ValueError("it is no archive of arrays")
    try:
        with np.load(file, allow_pickle=False) as opened:
            arrays = dict(opened)
        found = _of_arrays(str(arrays["task"]), arrays)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it cannot be read: {error}") from None
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # a damaged archive may seem encrypted, or too new
        raise ValueError(f"it is damaged: {error}") from None
    if found.task not in TASKS or not _fits(found):
        raise ValueError("its arrays do not fit together")
    return found


def _of_arrays(task: str, arrays: dict[str, np.ndarray]) -> Predictions:
    predicted, truth = arrays["predicted"], arrays["truth"]
    if task == "multilabel":
        width = int(arrays["labels"])
        predicted, truth = (np.unpackbits(packed_NB, axis=1, count=width) > 0 for packed_NB in (predicted, truth))
    elif task != "regression":
        predicted, truth = predicted.astype(np.int64), truth.astype(np.int64)
    if task not in SEVERAL:
        return Predictions(task, predicted, truth)
    lengths = arrays["truth_lengths"]
    return Predictions(task, predicted, truth, offsets_of(arrays.get("predicted_lengths", lengths)),
                       offsets_of(lengths))  # fmt: skip


def _fits(found: Predictions) -> bool:
    """Whether there are as many predictions as the offsets say, and a truth for each row."""
    if found.predicted_offsets is None or found.truth_offsets is None:
        return found.predicted.shape == found.truth.shape
    ends = (found.predicted_offsets[-1], found.truth_offsets[-1])
    same_rows = len(found.predicted_offsets) == len(found.truth_offsets)
    return same_rows and ends == (len(found.predicted), len(found.truth))
