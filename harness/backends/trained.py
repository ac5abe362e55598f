"""The trained model of a run: built again from the run's folder, and asked about new rows.

Dimension letters: N rows, L length, C classes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from harness import backends
from harness.config.hardware import hardware_choice, resolve_hardware, slow_in_half
from harness.config.libraries import is_read
from harness.config.schema import CLASS_WEIGHTS, Config, HardwareConfig
from harness.config.validation import validate_recorded
from harness.data import Split, load_outline
from harness.data.dataset import UNKNOWN
from harness.data.new_rows import NewRows, Rows, encode_new
from harness.data.outline import OUTLINE
from harness.data.overlap import MANY_UNKNOWN
from harness.data.preparation_files import FILES
from harness.errors import UserError
from harness.notices import notify
from harness.records import store
from harness.records.record import Record
from harness.tasks.answers import answers
from harness.tasks.task import task_of

PORTION_BATCHES = 16
"""Batches that are predicted together: a batch of them holds rows of similar length."""
PORTION_NUMBERS = 2**24
"""Numbers that the inputs, or the outputs, of rows that are predicted together have at most, about."""


@dataclass(frozen=True)
class Answers:
    """Answers to new rows, in their order.

    ``not_read`` counts the rows of which something was not read: ``missing`` ones are None, ``cut`` ones were too long,
    ``empty`` ones have no step, and ``unknown`` ones no token that the model knows, as far as they have one answer. Of
    the other rows it has the ``tokens``, and how many of them are ``unknown_tokens``.
    """

    table: pd.DataFrame
    not_read: Counter[str]


class TrainedModel:
    """The model of the best epoch of a run.

    ``record`` is the run's. ``data`` is its data set without the rows (``harness.data.load_outline``): the names of the
    classes, the vocabulary, the preparation. ``task`` says what the outputs mean. ``portion`` is how many rows are
    predicted together: of more, only the answers are kept.
    """

    def __init__(
        self, folder: Path, hardware: HardwareConfig | str | None = None, batch_size: int | None = None
    ) -> None:
        """Build the model of a finished run's folder, and give it the weights of its best epoch.

        It is put on ``hardware``, settings or the name of a choice of ``conf/hardware``; by default the best device
        here that the backend can use, in the run's precision, or in float32 on a processor without instructions for
        bfloat16. ``batch_size`` is by default the run's for evaluation.

        Raises:
            UserError: the folder has no finished run, lacks a file, or the machine lacks the device.
        """
        self.record = finished_record(folder)
        config = _config_for(self.record, hardware, batch_size)
        self.data = load_outline(folder)
        self.task = task_of(self.data)
        self.hardware = resolve_hardware(config, _usable(config))
        if hardware is None and slow_in_half(self.hardware):
            self.hardware = replace(self.hardware, precision="32")
        self.backend = backends.load(config.backend.name)(config, self.hardware)
        self.backend.build(self.data, config.seed)
        self.backend.restore(folder)
        batch = config.trainer.eval_batch_size
        self.portion = max(batch, min(PORTION_BATCHES * batch, PORTION_NUMBERS // self._numbers_of_a_row()))
        self.longest = longest_steps(config, self.data.max_length)

    def predict(self, rows: Rows) -> pd.DataFrame:
        """Answers to new rows, in their order: see ``harness.tasks.answers`` for the columns of each task.

        A row that is None has empty answers, and so has a word that is cut off. How many rows are missing or were cut
        is said on standard error, which shows a bar where it is a terminal.

        Raises:
            UserError: the rows are not of the kind that the model was trained on.
        """
        if isinstance(rows, str):  # its letters would be rows
            raise UserError("predict takes a list of rows, also for one text: predict([text])")
        if isinstance(rows, bytes | Mapping | pd.DataFrame) or not hasattr(rows, "__len__"):  # or names of columns
            raise UserError(
                f"predict takes a list of rows, and not {type(rows).__name__}; of a table give it one column: "
                "predict(table[COLUMN])"
            )
        starts, found = range(0, len(rows), self.portion), list[Answers]()
        for start in tqdm(starts, desc="predict", leave=False, disable=None, dynamic_ncols=True, delay=1):
            found.append(self.answer(rows[start : start + self.portion], first=start + 1))
        found = found or [self.answer(())]
        for sentence in self.unread(sum((one.not_read for one in found), Counter())):
            notify(sentence)
        return pd.concat([one.table for one in found], ignore_index=True)

    def answer(self, rows: Rows, first: int = 1) -> Answers:
        """Answers to new rows that are predicted together; ``first`` is the number of the first, for messages.

        Raises:
            UserError: as ``predict``.
        """
        new = encode_new(self.data, rows, self.longest, first)
        table = answers(self.task, self.outputs(new.split), new.split.length_N)
        not_read = Counter(missing=int(new.missing_N.sum()), cut=new.cut)
        if not self.task.per_step:
            not_read["empty"] = int(((new.split.length_N == 0) & ~new.missing_N).sum())
        return Answers(_blanked(table, new), not_read + self._unknown(new.split))

    def _unknown(self, split: Split) -> Counter[str]:
        """What the model does not know of the rows' tokens; nothing where it reads their characters too."""
        if not self.data.tokens or self.record.config["input"].get("characters") is not None:
            return Counter()
        rows = np.repeat(np.arange(len(split)), np.diff(split.offsets))
        known_N = np.bincount(rows[split.x != UNKNOWN], minlength=len(split))
        without_N = (known_N == 0) & (split.length_N > 0) & (not self.task.per_step)
        tokens = int(split.length_N[~without_N].sum())
        return Counter(unknown=int(without_N.sum()), tokens=tokens, unknown_tokens=tokens - int(known_N.sum()))

    def unread(self, not_read: Counter[str]) -> list[str]:
        """What the user must know of the rows that these counts are of; no sentence without any."""
        sentences = []
        if missing := not_read["missing"]:
            sentences.append(f"predict: {_counted(missing)} missing (null), with an empty answer")
        if empty := not_read["empty"]:
            sentences.append(f"predict: {_counted(empty)} empty: all such rows get the same answer")
        if unknown := not_read["unknown"]:
            sentences.append(f"predict: {_counted(unknown)} without any known token: the answer means little")
        if not_read["unknown_tokens"] > MANY_UNKNOWN * not_read["tokens"]:
            counts = f"{not_read['unknown_tokens']:,} of {not_read['tokens']:,} tokens"
            others = " of the other rows" if unknown else ""
            sentences.append(f"predict: {counts}{others} are unknown ([UNK]): the vocabulary lacks them")
        if cut := not_read["cut"]:
            preparation = self.data.preparation
            most = min(one for one in (getattr(preparation, "max_length", None), self.longest) if one is not None)
            side = "last" if getattr(preparation, "truncate", "head") == "tail" else "first"
            no_tags = "; the words beyond them have no tag" if self.record.data.task == "tagging" else ""
            sentences.append(
                f"predict: {_counted(cut)} longer than the model reads: its {side} {most} steps were read, as in "
                f"training{no_tags}"
            )
        return sentences

    def split_of(self, rows: Rows) -> Split:
        """New rows as a split, prepared as in training; its labels say nothing, and a missing row is empty.

        Raises:
            UserError: as ``predict``.
        """
        return encode_new(self.data, rows, self.longest).split

    def outputs(self, split: Split) -> np.ndarray:
        """The outputs ``NC`` of the model's head for a split, or ``NLC`` where every step has one."""
        return self.backend.predict(split)

    def _numbers_of_a_row(self) -> int:
        """How many numbers the longest row of the data has, in its input or in its output."""
        features = 1 if self.data.tokens else self.data.width
        return self.data.max_length * max(features, self.task.width if self.task.per_step else 1) + self.task.width


def _counted(rows: int) -> str:
    return "1 row is" if rows == 1 else f"{rows:,} rows are"


def _blanked(table: pd.DataFrame, new: NewRows) -> pd.DataFrame:
    """The answers without those to missing rows, and with None for each step that was cut off of tags."""
    for name in ("tags", "probabilities"):
        if name in table and new.cut:
            rows = zip(table[name], new.unread(), strict=True)
            aligned = [[None] * cut + row if new.keeps_tail else row + [None] * cut for row, cut in rows]
            table[name] = pd.Series(aligned, dtype=object)
    if new.missing_N.any():
        for name in table:
            values: Sequence[Any] = [
                None if missing else value for value, missing in zip(table[name], new.missing_N, strict=True)
            ]
            table[name] = pd.Series(values, dtype=table[name].dtype)
    return table


def longest_steps(config: Config, trained: int) -> int | None:
    """The most steps that the model can read; None: any number. Positions end at the longest sequence of training."""
    if config.position["_target_"].endswith(".NoPosition") or not is_read(config.backend.name, "position"):
        return None
    return max(trained, config.measure.latency_length or 0)


def restored_files(folder: Path) -> list[Path]:
    """The files of a run's folder that ``TrainedModel`` reads beside the record; the last are the weights."""
    named = [folder / name for name in (OUTLINE, *FILES)]
    return [file for file in named if file.exists()] + sorted(folder.glob(f"{store.WEIGHTS}*"))


def finished_record(folder: Path) -> Record:
    """The record of the finished run in a folder.

    Raises:
        UserError: there is no record, or it is not that of a finished training.
    """
    record = store.read(folder)
    if record is None:
        raise UserError(f"{folder} has no {store.RECORD}; name the folder of a run, such as outputs/runs/NAME/LABEL")
    if record.mode != "train" or record.status != "finished":
        ended = "failed" if record.status == "failed" else "was killed"
        what = "a profile" if record.mode != "train" else f"a run that {ended}"
        raise UserError(f"{folder} holds {what}; only a finished training has a model to use")
    return record


def _config_for(record: Record, hardware: HardwareConfig | str | None, batch_size: int | None) -> Config:
    """The config of a run for one process on this machine."""
    config = validate_recorded(record.config)
    choices = config.choices.model_copy(update={"hardware": hardware} if isinstance(hardware, str) else {})
    here = hardware_choice(hardware) if isinstance(hardware, str) else hardware
    here = here or config.hardware.model_copy(update={"accelerator": "auto", "threads": None})
    one_process = here.model_copy(update={"devices": 1, "nodes": 1})
    data = {**config.data, CLASS_WEIGHTS: None}  # they weigh the loss, and count the labels of train for it
    trainer = config.trainer.model_copy(update={"eval_batch_size": batch_size} if batch_size else {})
    return config.model_copy(update={"hardware": one_process, "data": data, "choices": choices, "trainer": trainer})


def _usable(config: Config) -> Any:
    """What the backend's framework can use here; None where only the processor is asked for."""
    if config.hardware.accelerator == "cpu":
        return None
    return import_module(f"harness.backends.{config.backend.name}.usable_devices").usable()
