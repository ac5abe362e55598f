"""The library that each backend needs; apart, because the command line reads it before anything else is loaded."""

LIBRARY = {"pytorch": "torch", "tensorflow": "tensorflow"}
"""A backend's name to its module; tensorflow comes with an extra of the backend's name."""
