"""Tracks runs in MLflow: live epochs during training, then a sync with the record. The only package that imports it."""

from harness.tracking.address import OFF, check_store, elsewhere, own_store, store_uri
from harness.tracking.contents import of_point
from harness.tracking.database import change_journal
from harness.tracking.late_sync import count_missing, sync, sync_left
from harness.tracking.lookup import run_dir_of
from harness.tracking.quiet import HalfLoadedError
from harness.tracking.store import experiments, reason
from harness.tracking.sweeps import Summary, close_sweep, end_sweep
from harness.tracking.tracker import Tracker, open_tracker
from harness.tracking.views import RUNS, SWEEPS, save_views

__all__ = [
    "OFF",
    "RUNS",
    "SWEEPS",
    "HalfLoadedError",
    "Summary",
    "Tracker",
    "change_journal",
    "check_store",
    "close_sweep",
    "count_missing",
    "elsewhere",
    "end_sweep",
    "experiments",
    "of_point",
    "open_tracker",
    "own_store",
    "reason",
    "run_dir_of",
    "save_views",
    "store_uri",
    "sync",
    "sync_left",
]
