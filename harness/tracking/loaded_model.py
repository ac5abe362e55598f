"""What MLflow loads of a logged model: the trained model, asked with MLflow's inputs.

The saved model names this module (``loader_module``), so loading it runs the harness's code and unpickles nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.backends.trained import TrainedModel
from harness.data.new_rows import columns_of
from harness.errors import UserError


class LoadedModel:
    """A run's model for MLflow; ``predict`` answers with the columns of ``harness.tasks.answers``."""

    def __init__(self, folder: Path) -> None:
        self.model = TrainedModel(folder)
        self.columns = columns_of(self.model.data)

    def get_raw_model(self) -> TrainedModel:
        return self.model

    def predict(self, rows: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Answers to rows, in their order; there are no ``params``.

        ``rows`` is a DataFrame with the columns of the run's data, or a list of what the only column holds.

        Raises:
            UserError: a column is missing, or the rows are not of the kind that the model was trained on.
        """
        return self.model.predict(rows_of(rows, self.columns))


def _load_pyfunc(folder: str) -> LoadedModel:
    """What MLflow calls with the folder of the model's data."""
    return LoadedModel(Path(folder))


def rows_of(given: Any, columns: Sequence[str]) -> list[Any]:
    """The rows of an input: one value each, None where it is missing, or a tuple where there are several columns.

    Raises:
        UserError: a column is missing.
    """
    if not isinstance(given, pd.DataFrame):
        return [_plain(row) for row in given]
    if missing := [name for name in columns if name not in given.columns]:
        raise UserError(f"the input lacks the column {missing[0]!r}; this model reads {', '.join(columns)}")
    values = [[_plain(value) for value in given[name]] for name in columns]
    return values[0] if len(columns) == 1 else list(zip(*values, strict=True))


def _plain(value: Any) -> Any:
    """A cell without arrays of arrays, which MLflow makes of nested lists, and which numpy does not read as one."""
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        return [_plain(one) for one in value]
    return None if value is pd.NA else value
