"""The accelerators that scikit-learn can use: none."""

from harness.config.hardware import Usable


def usable() -> Usable:
    """No device, and why."""
    return Usable([], "scikit-learn computes on the processor")
