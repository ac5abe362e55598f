"""The trained model of a run: built again from the run's folder, and asked about new rows.

Dimension letters: N rows, L length, D feature width, C classes.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import backends
from harness.config.hardware import resolve_hardware
from harness.config.schema import CLASS_WEIGHTS, Config, HardwareConfig
from harness.config.validation import validate
from harness.data import Split, load_outline
from harness.data.flat import offsets_of
from harness.data.preparation import TextPreparation, WordPreparation
from harness.errors import UserError
from harness.records import store
from harness.records.record import Record
from harness.tasks.answers import answers
from harness.tasks.task import task_of

Rows = Sequence[Any]
"""New rows: texts, or tuples of texts where the data has several columns; lists of words; arrays of features ``LD``."""


class TrainedModel:
    """The model of the best epoch of a run.

    ``record`` is the run's. ``data`` is its data set without the rows (``harness.data.load_outline``): the names of the
    classes, the vocabulary, the preparation. ``task`` says what the outputs mean.
    """

    def __init__(self, folder: Path, hardware: HardwareConfig | None = None) -> None:
        """Build the model of a finished run's folder, and give it the weights of its best epoch.

        It is put on ``hardware``, by default the best device here that the backend can use, in the run's precision.

        Raises:
            UserError: the folder has no finished run, lacks a file, or the machine lacks the device.
        """
        self.record = finished_record(folder)
        config = _config_for(self.record, hardware)
        self.data = load_outline(folder)
        self.task = task_of(self.data)
        self.hardware = resolve_hardware(config, _usable(config))
        self.backend = backends.load(config.backend.name)(config, self.hardware)
        self.backend.build(self.data, config.seed)
        self.backend.restore(folder)

    def predict(self, rows: Rows) -> pd.DataFrame:
        """Answers to new rows, in their order: see ``harness.tasks.answers`` for the columns of each task.

        Raises:
            UserError: the rows are not of the kind that the model was trained on.
        """
        split = self.split_of(rows)
        return answers(self.task, self.outputs(split), split.length_N)

    def split_of(self, rows: Rows) -> Split:
        """New rows as a split, prepared as in training; its labels say nothing.

        Raises:
            UserError: as ``predict``.
        """
        preparation = self.data.preparation
        characters = None
        if isinstance(preparation, TextPreparation):
            x: list[Any] = list(preparation.encode(rows))
        elif isinstance(preparation, WordPreparation):
            x = preparation.encode(rows)
            if self.data.train.characters is not None:
                characters = preparation.spell(rows)
        else:
            x = [self._steps(row) for row in rows]
        length_N = np.array([len(steps) for steps in x], np.int64)
        train = self.data.train
        flat = np.zeros((int(length_N.sum()), *train.x.shape[1:]), train.x.dtype)
        offsets = offsets_of(length_N)
        for start, end, steps in zip(offsets, offsets[1:], x, strict=False):
            flat[start:end] = steps if len(steps) else 0
        several = train.y_offsets is not None
        y = np.zeros((len(flat) if several else len(x), *train.y.shape[1:]), train.y.dtype)
        return Split(flat, offsets, y, offsets if several else None, characters)

    def outputs(self, split: Split) -> np.ndarray:
        """The outputs ``NC`` of the model's head for a split, or ``NLC`` where every step has one."""
        return self.backend.predict(split)

    def _steps(self, row: Any) -> Any:
        """The ids or the features of a row of data that has no preparation of texts."""
        if self.data.tokens:
            known = {token: index for index, token in enumerate(self.data.vocabulary)}
            ids = [known.get(step, step) for step in row]
            if not all(isinstance(one, int | np.integer) and 0 <= one < self.data.width for one in ids):
                raise UserError(
                    f"predict: this run reads tokens of its vocabulary, or their ids from 0 to {self.data.width - 1}, "
                    "and a row has something else"
                )
            return ids
        features = np.asarray(row, np.float32)
        if features.ndim != 2 or features.shape[1] != self.data.width:
            raise UserError(
                f"predict: this run reads arrays of shape (steps, {self.data.width}), and a row has shape "
                f"{features.shape}"
            )
        return features


def finished_record(folder: Path) -> Record:
    """The record of the finished run in a folder.

    Raises:
        UserError: there is no record, or it is not that of a finished training.
    """
    record = store.read(folder)
    if record is None:
        raise UserError(f"{folder} has no {store.RECORD}; name the folder of a run, such as outputs/runs/NAME/LABEL")
    if record.mode != "train" or record.status != "finished":
        what = "a profile" if record.mode != "train" else f"a run that {record.status}"
        raise UserError(f"{folder} holds {what}; only a finished training has a model to use")
    return record


def _config_for(record: Record, hardware: HardwareConfig | None) -> Config:
    """The config of a run for one process on this machine."""
    config = validate(record.config)
    here = hardware or config.hardware.model_copy(update={"accelerator": "auto", "threads": None})
    one_process = here.model_copy(update={"devices": 1, "nodes": 1})
    data = {**config.data, CLASS_WEIGHTS: None}  # they weigh the loss, and count the labels of train for it
    return config.model_copy(update={"hardware": one_process, "data": data})


def _usable(config: Config) -> Any:
    """What the backend's framework can use here; None where only the processor is asked for."""
    if config.hardware.accelerator == "cpu":
        return None
    return import_module(f"harness.backends.{config.backend.name}.usable_devices").usable()
