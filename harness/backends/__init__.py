"""The one place that chooses a backend. Below it, each framework has a folder with the same file names."""

from importlib import import_module

from harness.backends.base import Backend, DeviceBatch

__all__ = ["Backend", "DeviceBatch", "load"]


def load(name: str) -> type[Backend]:
    """The backend class of this name. This call loads the framework; nothing else does."""
    return import_module(f"harness.backends.{name}").Backend
