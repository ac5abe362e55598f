"""The scikit-learn backend: models that need no gradient steps, as baselines beside the encoders of the others."""

from harness.backends.sklearn.backend import Backend

__all__ = ["Backend"]
