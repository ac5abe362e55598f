"""The PyTorch backend: encoders, poolings, positions and the model they make, trained by Lightning."""

from harness.backends.pytorch.backend import Backend

__all__ = ["Backend"]
