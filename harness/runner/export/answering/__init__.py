"""Answers of an exported model, with onnxruntime, tokenizers and numpy alone.

The exported folder holds a copy of this package; so its modules import each other by relative names.
"""

from .predictor import Predictor as Predictor
from .rows import Refused as Refused
