"""Writes a trained model as a Keras file, which ``keras.saving.load_model`` opens after an import of this module.

The file holds the settings of the model's parts and the outline of its data, from which the harness builds the model
again, and the weights. A file of Keras's own layers alone would be another implementation of every encoder.

Dimension letters: B batch, L length, D feature width, C classes.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from harness.backends.exported import OUTPUT, Exported, Inputs
from harness.backends.tensorflow.model import SequenceModel, build
from harness.config.compose import compose
from harness.config.schema import Config
from harness.config.validation import validate
from harness.data.outline import dataset_of

PARTS = {"encoder", "pooling", "position", "input", "head", "measure"}
"""What of a config decides the model; ``measure`` has the length that positions must reach."""


@keras.saving.register_keras_serializable(package="harness")
class ExportedModel(keras.Model):
    """A trained model: ``{"x", "length"} -> {"outputs"}``, as ``harness.backends.exported`` says.

    Args:
        parts: the settings of the parts, as plain values.
        outline: of the data (``harness.data.outline``).
    """

    def __init__(self, parts: dict[str, Any], outline: dict[str, Any], **more: Any) -> None:
        super().__init__(**more)
        self.parts, self.outline = parts, outline
        defaults = compose("backend=tensorflow").model_dump()
        self.model: SequenceModel = build(validate({**defaults, **parts}), dataset_of(outline), seed=0)
        self.built = True  # the model is, and its weights can be loaded

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "parts": self.parts, "outline": self.outline}

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        return {OUTPUT: self.model(inputs["x"], inputs["length"], training=training)}


def export(model: SequenceModel, config: Config, outline: dict[str, Any], file: Path) -> None:
    """Write a model with the weights that it has."""
    # where the data came from, and what was noted of it, decide nothing and may be private
    made = ExportedModel(config.model_dump(mode="json", include=PARTS), {**outline, "source": "", "notes": {}})
    for own, trained in zip(made.model.variables, model.variables, strict=True):
        own.assign(trained)
    made.save(file)


def exported(file: Path) -> Exported:
    """A file of ``export`` opened again."""
    model = keras.saving.load_model(file, compile=False)
    forward = tf.function(lambda inputs: model(inputs)[OUTPUT], reduce_retracing=True)

    def run(inputs: Inputs) -> np.ndarray:
        return forward({name: tf.constant(array) for name, array in inputs.items()}).numpy()

    return run
