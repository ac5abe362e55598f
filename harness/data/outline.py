"""What a model must know of its data, without the rows: kept in a run's folder, so that the model can be built again.

Dimension letters: L length, D feature width.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.cache import FIELDS
from harness.data.characters import Characters
from harness.data.dataset import Dataset
from harness.data.flat import offsets_of
from harness.data.preparation import load_preparation
from harness.data.preparation_files import SETTINGS
from harness.data.split import Split
from harness.data.vectors.kept import WordVectors
from harness.errors import UserError

OUTLINE = "outline.json"
"""The file in a run's folder."""


def save_outline(data: Dataset, folder: Path) -> None:
    """Write the outline of a data set into a run's folder, which has the files of its preparation."""
    content = {**outline_of(data), "prepared": (folder / SETTINGS).exists()}
    # ASCII only, so that lone surrogates in a vocabulary can be written
    (folder / OUTLINE).write_text(json.dumps(content), encoding="utf8")


def outline_of(data: Dataset) -> dict[str, Any]:
    """The outline of a data set, which JSON can hold."""
    train = data.train
    words = None if train.characters is None else train.characters.table_SW.shape[1]
    return {
        **{name: getattr(data, name) for name in FIELDS},
        "max_length": data.max_length,
        "width": None if data.tokens else data.width,
        "labels": {"type": train.y.dtype.name, "shape": train.y.shape[1:], "several": train.y_offsets is not None},
        "characters_of_a_word": words,
        "vectors": None if data.vectors is None else data.vectors.width,
    }


def load_outline(folder: Path) -> Dataset:
    """The data set of a finished run without its rows: train is one sequence of zeros as long as the longest of all.

    Validation and test are empty. Its ``preparation`` is the run's. Of word vectors it has the width alone.

    Raises:
        UserError: the run keeps no outline, lacks its preparation, or a file is damaged.
    """
    file = folder / OUTLINE
    try:
        content = json.loads(file.read_text(encoding="utf8"))
        data = dataset_of(content)
    except FileNotFoundError:
        raise UserError(
            f"{folder} keeps no outline of its data, so that its model cannot be built again: the run has not "
            "finished, or an earlier version of the harness made it; run its command again with rerun=true"
        ) from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"{file} is damaged or of another version of the harness ({error}); run its command again with rerun=true"
        ) from None
    preparation = load_preparation(folder)
    if preparation is None and content.get("prepared"):  # new rows would be read otherwise than those of training
        raise UserError(
            f"{folder} has no {SETTINGS}, by which its rows were read; run its command again with rerun=true"
        )
    return dataclasses.replace(data, preparation=preparation)


def dataset_of(outline: dict[str, Any]) -> Dataset:
    """The data set of an outline, without a preparation."""
    train, empty = _zeros(outline["max_length"], outline), _zeros(None, outline)
    vectors = None if outline["vectors"] is None else WordVectors(outline["vectors"])
    return Dataset(train, empty, empty, vectors=vectors, **{name: outline[name] for name in FIELDS})


def _zeros(length: int | None, content: dict[str, Any]) -> Split:
    """A split of one sequence of this many steps, or of none (None), with labels of the run's kind."""
    steps, sequences = length or 0, int(length is not None)
    width, labels, letters = content["width"], content["labels"], content["characters_of_a_word"]
    x = np.zeros(steps, np.int32) if width is None else np.zeros((steps, width), np.float32)
    offsets = offsets_of(np.full(sequences, steps))
    y = np.zeros((steps if labels["several"] else sequences, *labels["shape"]), labels["type"])
    characters = None if letters is None else Characters(np.zeros(steps, np.int32), np.zeros((1, letters), np.int32))
    return Split(x, offsets, y, offsets if labels["several"] else None, characters)
