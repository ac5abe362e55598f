"""What two trainings that must be alike have in common: everything in their histories but the seconds."""

from harness.records.metrics import TRAINING_SECONDS


def without_seconds(history):
    """The entries of a history without the time that each took, which no two trainings share."""
    assert all(entry[TRAINING_SECONDS] > 0 for entry in history)
    return [{name: value for name, value in entry.items() if name != TRAINING_SECONDS} for entry in history]
