"""What an encoder of this backend is: a whole model, from the sequences of a batch to the outputs of the task.

Dimension letters: B sequences, L length, C outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from harness.backends.build import make
from harness.backends.history import Metrics
from harness.config.schema import Config
from harness.data import Dataset
from harness.errors import UserError
from harness.tasks.task import Task


@dataclass(frozen=True)
class Fitting:
    """What a model is fitted with.

    ``monitor`` is the metric of validation that chooses among candidates; ``class_weights_C`` are the weights of the
    classes in the loss, or None.
    """

    data: Dataset
    task: Task
    monitor: str
    seed: int
    class_weights_C: np.ndarray | None


class Model(Protocol):
    """An encoder of this backend. It is made as ``Encoder(in_dim, **own)``, like those of the other backends."""

    def check(self, data: Dataset, task: Task, monitor: str) -> None:
        """Take the task of the data.

        Raises:
            UserError: the model cannot be fitted to this data.
        """

    def fit(self, fitting: Fitting) -> list[Metrics]:
        """Learn from train; returns the candidates that validation chose from, with their scores."""

    def outputs(self, x: np.ndarray, length_B: np.ndarray) -> np.ndarray:
        """Outputs ``BC``, or ``BLC`` if the task needs one at each step, of token ids ``BL`` or features ``BLD``."""

    def arrays(self) -> list[np.ndarray]:
        """All that it has learned."""

    def load(self, arrays: Sequence[np.ndarray]) -> None:
        """Take what another of its kind has learned.

        Raises:
            ValueError: they are not the arrays of such a model.
        """

    @property
    def parameters(self) -> int:
        """How many numbers it has learned that its outputs depend on."""


def build(config: Config, data: Dataset, task: Task, monitor: str) -> Model:
    """The model of a config, not fitted yet.

    Raises:
        UserError: its settings are wrong, or it cannot be fitted to this data.
    """
    model: Model = make("encoder", config.encoder, data.width)
    if not all(hasattr(type(model), name) for name in ("check", "fit", "outputs", "arrays", "load", "parameters")):
        raise UserError(
            f"encoder: {config.encoder['_target_']} is no model of backend=sklearn, which has check, fit, outputs, "
            "arrays, load and parameters (harness.backends.sklearn.model.Model); take another backend"
        )
    model.check(data, task, monitor)
    return model
