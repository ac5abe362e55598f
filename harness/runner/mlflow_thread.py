"""Brings MLflow up to date while a sweep runs whose jobs do not write to it."""

import threading
from pathlib import Path

from harness import tracking
from harness.notices import notify

LOOKS_EVERY = 10.0
"""Seconds between two looks for runs that have ended."""


class MlflowThread:
    """A thread of the command of a sweep: MLflow gets each run of it soon after the run has ended.

    It is for the jobs of a cluster launcher. Several machines must not write to one sqlite database, so only the
    command writes to it.
    """

    def __init__(self, output_dir: Path, sweep: str) -> None:
        self.output_dir, self.sweep = output_dir, sweep
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread, after the runs that it is bringing to MLflow."""
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        said = ""
        while not self._ended.wait(LOOKS_EVERY):
            why = tracking.sync_left(self.output_dir, self.sweep, waits=False).why
            if why and why != said:
                notify(f"{why}; it is asked again while the sweep runs")
            said = why
