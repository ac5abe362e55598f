"""The library that each backend needs; a module of its own, because the command line reads it before anything heavy."""

LIBRARY = {"pytorch": "torch", "tensorflow": "tensorflow"}
"""The module that each backend needs; tensorflow comes with the extra of the backend's name."""
