"""The TensorFlow backend: the model and its parts as Keras layers, and their training."""

from harness.backends.tensorflow import runtime  # first: it decides how TensorFlow is loaded
from harness.backends.tensorflow.backend import Backend

__all__ = ["Backend", "runtime"]
