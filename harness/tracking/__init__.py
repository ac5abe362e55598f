"""Tracks runs in MLflow: live epochs during training, then a sync with the record. The only package that imports it."""

from harness.tracking.contents import of_point
from harness.tracking.store import OFF, Summary, close_sweep, end_sweep, experiments, reason, store_uri
from harness.tracking.tracker import Tracker, open_tracker, sync

__all__ = [
    "OFF",
    "Summary",
    "Tracker",
    "close_sweep",
    "end_sweep",
    "experiments",
    "of_point",
    "open_tracker",
    "reason",
    "store_uri",
    "sync",
]
