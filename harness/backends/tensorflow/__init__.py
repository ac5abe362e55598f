"""The TensorFlow backend: encoders, poolings, positions and the model they make, as Keras layers."""

from harness.backends.tensorflow import runtime  # first of all: it decides how TensorFlow gets loaded
from harness.backends.tensorflow.backend import Backend

__all__ = ["Backend", "runtime"]
