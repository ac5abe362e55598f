"""A record from its beginning to its end: found, begun, followed while its worker runs, and finalized."""

import dataclasses
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from harness import tracking
from harness.config.hardware import threads_of
from harness.config.schema import Config
from harness.errors import UserError
from harness.measure import environment
from harness.records import store
from harness.records.metrics import TOTAL_SECONDS
from harness.records.record import DataSummary, Hardware, Record, now, utc
from harness.runner import artifacts
from harness.runner.messages import Epoch, Measured, Message, Outcome


@dataclasses.dataclass(frozen=True)
class Request:
    """What a command asks for: a config, the run's readable name, all that the command set, and when it started.

    ``started`` is in UNIX seconds. ``search`` is the direction (``maximize`` or ``minimize``) in which a sweeper
    searches by what runs return.
    """

    config: Config
    label: str
    started: float
    overrides: tuple[str, ...] = ()
    search: str | None = None

    @property
    def output_dir(self) -> Path:
        return Path(self.config.output_dir).absolute()


def new_record(
    request: Request, hardware: Hardware, data: DataSummary, fingerprint: str, variant: str
) -> Record:
    """The record of a run that has yet to begin."""
    config = request.config
    folder = store.run_folder(request.output_dir, config.name, request.label, fingerprint)
    return Record(
        name=config.name,
        label=request.label,
        fingerprint=fingerprint,
        variant=variant,
        seed=config.seed,
        choices=config.choices.model_dump(),
        config=config.to_dict(),
        data=data,
        environment=environment.describe(hardware, threads_of(config).source),
        run_dir=str(folder.relative_to(request.output_dir)),
        started=utc(request.started),
        mode=config.mode,
        overrides=list(request.overrides),
        sweep=config.sweep,
        folder=folder,
    )


def finished_before(request: Request, record: Record) -> Record | None:
    """The finished run of this record's fingerprint, which is not run again; MLflow gets what it lacks of it.

    A run of another experiment is copied, so that it is found under the name that was asked for.
    """
    config = request.config
    existing = store.find(request.output_dir, record.fingerprint, config.name)
    if config.rerun or not existing or existing.status != "finished":
        return None
    if existing.name != config.name:
        asked: dict[str, Any] = {"config": record.config, "choices": record.choices, "sweep": record.sweep}
        asked |= {"overrides": record.overrides, "name": record.name, "label": record.label}
        existing = store.copy(existing, request.output_dir, record.folder, **asked)
    tracking.open_tracker(config.tracking, request.output_dir).sync(existing)
    return dataclasses.replace(existing, skipped=True, asked=request.label)


class Live:
    """A run that is under way: it takes the worker's messages, and finalizes the record whatever ends it.

    As a context manager: an exception that leaves the block ends the run, as killed or, where the user must fix
    something, as one that never was.
    """

    def __init__(self, request: Request, record: Record) -> None:
        self.request, self.record = request, record
        self.tracker = tracking.open_tracker(request.config.tracking, request.output_dir)
        self.epochs = 0
        self.outcome: Outcome | None = None

    def __enter__(self) -> "Live":
        if self.request.config.rerun:
            store.remove(self.record.folder)
        self.record.folder.mkdir(parents=True, exist_ok=True)
        self.record.mlflow_run_id = self.tracker.start(self.record)
        return self

    def take(self, message: Message) -> None:
        """Act on what the worker tells."""
        if isinstance(message, Epoch):
            self.epochs = int(message.numbers["epoch"])
            self.tracker.epoch(message.numbers)
        elif isinstance(message, Measured):
            record = self.record
            record.metrics |= message.metrics
            record.history, record.ranks = message.history, message.ranks
            record.resumed_epochs = message.resumed_epochs
            record.environment.other_processes_cpu_share = message.other_processes_cpu_share
            # written and drawn while the worker draws its own pictures: whatever becomes of it, the run is finished
            conclude(record, Outcome("finished"), self.request.started)

    def __exit__(self, kind: type | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        if isinstance(error, UserError):
            self.tracker.discard()
            store.remove_empty(self.record.folder)
            return
        if error is not None:
            interrupted = isinstance(error, KeyboardInterrupt)
            reason = "interrupted by Ctrl-C" if interrupted else f"ended by {type(error).__name__}: {error}".strip()
            self.outcome = Outcome("killed", reason, self.epochs)
        outcome = self.outcome or Outcome("failed", "its process left no record")
        finalize(self.record, outcome, self.tracker, self.request.started)
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(self._kept()) from None

    def _kept(self) -> str:
        """What an interruption leaves of the run, in words."""
        record, epochs = self.record, self.request.config.trainer.epochs
        if record.status == "finished":
            return f"{record.label} is finished"
        if record.mode == "profile":
            return f"{record.label}: {len(record.profile)} points were measured"
        if self.epochs:
            return f"{record.label}: {self.epochs} of {epochs} epochs are kept"
        begun = any(record.folder.glob("last.*"))  # by an earlier command; this one finished no epoch
        return f"{record.label}: no {'further ' if begun else ''}epoch was finished"


def conclude(record: Record, outcome: Outcome, started: float) -> None:
    """Give a record its end, write it, and make the files that go with it; a finished record stays as it is."""
    if record.ended is not None and record.status == "finished":
        return
    record.status, record.reason, record.ended = outcome.status, outcome.reason, now()
    record.metrics[TOTAL_SECONDS] = time.time() - started
    try:
        store.write(record)
    except (OSError, ValueError) as error:  # a full disk must not end the other runs of a sweep
        unwritten = f"its record could not be written ({error})"
        record.reason = f"{record.reason}; {unwritten}" if record.reason else unwritten
        record.status = "failed" if record.status == "finished" else record.status
    try:
        artifacts.make(record)
    except Exception as error:  # pictures are no reason to fail a run
        print(f"{record.label}: its pictures could not be drawn ({type(error).__name__}: {error})", file=sys.stderr)


def finalize(record: Record, outcome: Outcome, tracker: tracking.Tracker, started: float) -> None:
    """End a run: write its record, make its artifacts, tell the tracker. The one place where that is done."""
    conclude(record, outcome, started)
    tracker.sync(record)
