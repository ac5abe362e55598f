"""What a model answers to new sequences, by task: labels and probabilities, instead of the outputs of its head.

| task | columns of one row |
|---|---|
| ``classification`` | ``label``, ``probability`` (of that label), ``probability_NAME`` of each class |
| ``multilabel`` | ``labels`` (all whose probability is above 0.5), ``probability_NAME`` of each class |
| ``regression`` | ``value``, in the unit of the training labels |
| ``tagging`` | ``tags`` and ``probabilities``, one for each step |
| ``ctc`` | ``labels``, decoded greedily (Graves et al. 2006) |

Dimension letters: N sequences, L length, C classes.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from harness.tasks import ctc
from harness.tasks.task import Multilabel, Regression, Task, Transcription


def answers(task: Task, outputs: np.ndarray, length_N: np.ndarray) -> pd.DataFrame:
    """A row for each sequence, with the columns of its task, from outputs ``NC`` or ``NLC``."""
    if isinstance(task, Transcription):
        decoded = ctc.decode(outputs, length_N)
        return pd.DataFrame({"labels": pd.Series([_names(task, ids) for ids in decoded], dtype=object)})
    if isinstance(task, Regression):
        return pd.DataFrame({"value": outputs[:, 0].astype(np.float64)})
    if isinstance(task, Multilabel):
        probability_NC = expit(outputs.astype(np.float64))
        chosen = [_names(task, np.flatnonzero(row)) for row in outputs > 0]
        return pd.DataFrame({"labels": pd.Series(chosen, dtype=object), **_of_classes(task, probability_NC)})
    probability = softmax(outputs.astype(np.float64), axis=-1)
    best = outputs.argmax(-1)
    chance = np.take_along_axis(probability, best[..., None], -1)[..., 0]
    if task.per_step:
        tags = [_names(task, row[:length]) for row, length in zip(best, length_N, strict=True)]
        chances = [row[:length].tolist() for row, length in zip(chance, length_N, strict=True)]
        return pd.DataFrame({"tags": pd.Series(tags, dtype=object), "probabilities": pd.Series(chances, dtype=object)})
    return pd.DataFrame({"label": _names(task, best), "probability": chance, **_of_classes(task, probability)})


def between_items(task: str, label_separator: str | None) -> str:
    """What stands between two items of a list in a csv of answers, as in one that is trained on.

    ``label_separator`` is that of the run's data.
    """
    return label_separator or ("|" if task == "multilabel" else " ")


def _names(task: Task, ids: Any) -> list[str]:
    return [task.classes[number] for number in ids]


def _of_classes(task: Task, probability_NC: np.ndarray) -> dict[str, np.ndarray]:
    return {f"probability_{name}": probability_NC[:, number] for number, name in enumerate(task.classes)}
