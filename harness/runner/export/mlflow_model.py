"""Exports a run as an MLflow model, which ``mlflow models serve`` and MLflow's registry take."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.backends.trained import TrainedModel
from harness.data import Dataset, Split
from harness.data.new_rows import columns_of
from harness.data.preparation import TextPreparation, WordPreparation
from harness.errors import UserError
from harness.runner.export.proof import TOLERANCE, proof_rows
from harness.tracking.model import NAMES, load_model, save_model

MARK = "MLmodel"
"""The file by which a folder is known as an MLflow model."""
OURS = {MARK, *NAMES}
"""All names in the folder of a run's model; a folder with others is not replaced, since they would be lost."""


def export_mlflow(run: Path, folder: Path) -> tuple[TrainedModel, float, list[int]]:
    """Write a run's model as an MLflow model into a folder; an earlier one there is replaced.

    Returns:
        The run's model, the largest difference of its answers to those of the exported one, and the lengths compared.

    Raises:
        UserError: the run has no model, the folder holds something else, or the exported model gives other answers.
    """
    folder = folder.resolve()  # also where it is "." or a link
    if folder.is_file() or (folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists()):
        raise UserError(f"--out {folder} is not empty, and no MLflow model; name another folder")
    if others := sorted({one.name for one in folder.iterdir()} - OURS if folder.exists() else ()):
        raise UserError(
            f"--out {folder} has more than an earlier model ({', '.join(others[:3])}), which would be lost if it were "
            "replaced; name another folder, or move that away"
        )
    model = TrainedModel(run)
    unproven = folder.with_name(f"unproven_{folder.name}")
    shutil.rmtree(unproven, ignore_errors=True)
    try:
        save_model(run, unproven)
        split = proof_rows(model.data)
        rows = made_up(model.data, split)
        given = pd.DataFrame(dict(zip(columns_of(model.data), rows, strict=True)))
        own = model.predict(rows[0] if len(rows) == 1 else list(zip(*rows, strict=True)))
        loaded = load_model(unproven)
        check_answers(own, loaded.predict(given), model.data.task == "regression")
        difference = float(np.abs(model.outputs(split) - loaded.get_raw_model().outputs(split)).max())
        shutil.rmtree(folder, ignore_errors=True)
        unproven.rename(folder)
    except UserError as error:
        raise UserError(f"{model.record.label} was not exported: {error}") from error
    except OSError as error:
        raise UserError(f"--out {folder} cannot be written ({error.strerror or error}); name another folder") from None
    finally:
        shutil.rmtree(unproven, ignore_errors=True)
    return model, difference, split.length_N.tolist()


def made_up(data: Dataset, split: Split) -> list[list[Any]]:
    """The sequences of a split as a user would give them, for each column that the model reads."""
    sequences = [split.sequence(row) for row in range(len(split))]
    if data.tokens:
        named = [[data.vocabulary[token] for token in ids] for ids in sequences]
    if isinstance(data.preparation, TextPreparation):
        return [[" ".join(names) for names in named] for _column in data.preparation.columns]
    if isinstance(data.preparation, WordPreparation) or data.tokens:
        return [named]
    return [sequences]


def check_answers(own: pd.DataFrame, exported: pd.DataFrame, regression: bool) -> None:
    """Compare an exported model's answers with the run's ``own``.

    Raises:
        UserError: one differs by more than ``TOLERANCE``; for a regression, per unit of the answer if that is above 1.
    """
    try:
        pd.testing.assert_frame_equal(exported, own, rtol=TOLERANCE if regression else 0, atol=TOLERANCE)
    except AssertionError as error:
        what = " ".join(str(error).split())[:300]
        raise UserError(f"the exported model answers otherwise than the run: {what}") from None
