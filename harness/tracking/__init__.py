"""MLflow: live epochs while a run trains, and at its end the same as the record. The only package that imports it."""

from harness.tracking.contents import of_point
from harness.tracking.store import OFF, Summary, close_sweep, end_sweep, store_uri
from harness.tracking.tracker import Tracker, open_tracker, sync

__all__ = ["OFF", "Summary", "Tracker", "close_sweep", "end_sweep", "of_point", "open_tracker", "store_uri", "sync"]
