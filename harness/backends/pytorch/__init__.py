"""The PyTorch backend: the model and its parts, trained by Lightning."""

from harness.backends.pytorch.backend import Backend

__all__ = ["Backend"]
