"""The time that ``choose`` has spent, by stage, and what it decided by the clock: kept in the sweep's folder.

The file is written every few seconds, so that a command that was killed resumes with what it had spent. Seconds are
only ever added.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.records import store
from harness.runner.choose.plan import Run

HEARTBEAT = 5.0
"""Seconds between two writings of the file while runs are under way."""


class Spending:
    """The seconds by stage; the finished runs, each with the seconds that it took; the number of trials, once known.

    ``asked`` are the candidates that take part in each look. ``ended`` says whether an earlier command came to the end
    of the choice. ``clock`` is monotonic, in seconds. Time counts only within ``counted``.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.file, self.clock = file, clock
        self.by_stage: dict[str, float] = {}
        self.finished: dict[Run, float] = {}
        self.trials: int | None = None
        self.asked: dict[int, list[str]] = {}
        self.ended = False
        self._stage, self._since = "start", math.inf
        self._lock = threading.RLock()
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):  # none yet, or damaged: a new count
            self._read(store.load_json(file))

    def _read(self, content: Any) -> None:
        by_stage = {str(stage): float(seconds) for stage, seconds in content["spent_seconds"].items()}
        finished = {Run(*run): float(seconds) for *run, seconds in content["finished"]}
        asked = {int(look): list(map(str, names)) for look, names in content["asked"].items()}
        self.by_stage, self.finished, self.asked = by_stage, finished, asked
        self.trials, self.ended = content["trials"], bool(content["ended"])

    @property
    def total(self) -> float:
        """The seconds that all commands of this choice have spent until now."""
        with self._lock:
            return sum(self.by_stage.values()) + max(0.0, self.clock() - self._since)

    def begin(self, stage: str) -> None:
        """Count from now on for this stage."""
        with self._lock:
            self._count()
            self._stage, self.ended = stage, False
            self._since = min(self._since, self.clock())

    def keep(
        self, finished: Mapping[Run, float] | None = None, trials: int | None = None,
        asked: Mapping[int, list[str]] | None = None, ended: bool = False,
    ) -> None:  # fmt: skip
        """Remember finished runs with their seconds, the number of trials, who takes part in a look, and the end."""
        with self._lock:
            self.asked |= asked or {}
            self.finished |= finished or {}
            self.trials = self.trials if trials is None else trials
            self.ended |= ended
            self._count()

    @contextmanager
    def counted(self, already: float = 0.0) -> Iterator[None]:
        """Count the time of the block, also while it lasts, and ``already`` seconds before it.

        Where an earlier command had come to the end, time counts only once a run begins: to show the answer again
        takes nothing of the budget.
        """
        self._since = math.inf if self.ended else self.clock() - already
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(HEARTBEAT):
                self._count()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._count()
            self._since = math.inf

    def _count(self) -> None:
        """Add the time since the last counting, and write the file."""
        with self._lock:
            now = self.clock()
            passed = max(0.0, now - self._since)
            self.by_stage[self._stage] = self.by_stage.get(self._stage, 0.0) + passed
            self._since = now if passed else self._since
            self._write()

    def _write(self) -> None:
        runs = sorted([run.candidate, run.stage, run.number, seconds] for run, seconds in self.finished.items())
        decided = {"trials": self.trials, "asked": self.asked, "ended": self.ended}
        content = {"spent_seconds": self.by_stage, **decided, "finished": runs}
        with suppress(OSError):  # a full disk is no reason to end a run
            self.file.parent.mkdir(parents=True, exist_ok=True)
            store.write_json(self.file, content)
