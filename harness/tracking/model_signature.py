"""What a model reads and answers, in MLflow's types, and an example of its input."""

from typing import Any

import numpy as np
import pandas as pd

from harness.data import Dataset
from harness.data.dataset import SPECIAL
from harness.data.new_rows import columns_of
from harness.data.preparation import TextPreparation, WordPreparation
from harness.tasks.answers import answers
from harness.tasks.task import task_of

LISTS = {"tags": "string", "labels": "string", "probabilities": "double"}
"""The columns of answers that hold lists, with the type of what is in them."""


def signature_of(data: Dataset) -> Any:
    """The ``ModelSignature`` of a model of this data: named columns on both sides."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType, Array

    if isinstance(data.preparation, TextPreparation):
        kind: Any = DataType.string
    elif isinstance(data.preparation, WordPreparation) or data.tokens:
        kind = Array(DataType.string)
    else:
        kind = Array(Array(AnyType()))  # numbers; MLflow takes no whole number for a double
    inputs = Schema([ColSpec(kind, name) for name in columns_of(data)])
    outputs = []
    for name, values in _an_answer(data).items():
        simple = DataType.double if values.dtype.kind == "f" else DataType.string
        outputs.append(ColSpec(Array(DataType[LISTS[name]]) if name in LISTS else simple, name))
    return ModelSignature(inputs, Schema(outputs))


def example_of(data: Dataset) -> pd.DataFrame:
    """One row of input, made up: no row of the data leaves with a model."""
    if isinstance(data.preparation, TextPreparation):
        row: Any = "an example"
    elif isinstance(data.preparation, WordPreparation) or data.tokens:
        row = data.vocabulary[len(SPECIAL) :][:3]
    else:
        row = np.zeros((min(2, data.max_length), data.width)).tolist()
    return pd.DataFrame({name: pd.Series([row], dtype=object) for name in columns_of(data)})


def _an_answer(data: Dataset) -> pd.DataFrame:
    """An answer of the right columns: to outputs that are all zero."""
    task = task_of(data)
    shape = (1, 1, task.width) if task.per_step else (1, task.width)
    return answers(task, np.zeros(shape, np.float32), np.ones(1, np.int64))
