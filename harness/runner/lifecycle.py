"""The life of a record: found or begun, kept up to date while its worker runs, and finalized."""

import dataclasses
from pathlib import Path
from types import TracebackType
from typing import Any

from harness import tracking
from harness.analysis import targets
from harness.config.hardware import threads_of
from harness.config.libraries import is_read
from harness.config.schema import Config
from harness.errors import UserError
from harness.measure import environment
from harness.records import store
from harness.records.metrics import TUNING_SECONDS
from harness.records.record import DataSummary, Hardware, Record, utc
from harness.records.secrets import masked
from harness.records.tuning import Tuning
from harness.runner.ending import conclude
from harness.runner.messages import Epoch, Measured, Message, Outcome
from harness.runner.run_lock import RunLock, name_of_job
from harness.runner.stopping import Stopped


@dataclasses.dataclass(frozen=True)
class Request:
    """What a command asks for: a config, the readable name of the run, all overrides, and when the command started.

    ``started`` is in UNIX seconds. ``search`` is the direction (``maximize`` or ``minimize``) in which a sweeper
    searches by what runs return. ``tuning`` says what chose the settings. ``by_driver``: the run is a job that may run
    beside jobs of other machines, so that it leaves an MLflow database to the command that launched it. ``in_turn``:
    the run is one of a sweep whose runs follow each other in this process.
    """

    config: Config
    label: str
    started: float
    overrides: tuple[str, ...] = ()
    search: str | None = None
    tuning: Tuning | None = None
    by_driver: bool = False
    in_turn: bool = False

    @property
    def output_dir(self) -> Path:
        return Path(self.config.output_dir).absolute()

    @property
    def job(self) -> str:
        """By what other commands of its sweep know the run; empty where no sweep asks for it."""
        return name_of_job(self.config.sweep, self.label) if self.config.sweep else ""

    def open_tracker(self) -> tracking.Tracker:
        """The tracker of this run."""
        config = self.config
        return tracking.open_tracker(config.tracking, self.output_dir, config.sweep, self.by_driver)


def new_record(
    request: Request, hardware: Hardware, data: DataSummary, fingerprint: str, variant: str
) -> Record:
    """The record of a run before it begins."""
    config = request.config
    folder = store.run_folder(request.output_dir, config.name, request.label, fingerprint)
    return Record(
        name=config.name,
        label=request.label,
        fingerprint=fingerprint,
        variant=variant,
        seed=config.seed,
        choices=config.choices.model_dump(),
        config=_without_secrets(config.to_dict()),
        data=data,
        environment=environment.describe(hardware, threads_of(config).source),
        run_dir=str(folder.relative_to(request.output_dir)),
        started=utc(request.started),
        mode=config.mode,
        overrides=list(request.overrides),
        metrics={TUNING_SECONDS: request.tuning.seconds} if request.tuning else {},
        tuning=request.tuning,
        sweep=config.sweep,
        tracked_in=tracking.elsewhere(config.tracking.uri, request.output_dir),
        folder=folder,
    )


def _without_secrets(config: dict[str, Any]) -> dict[str, Any]:
    """A config with the password of its tracking server masked."""
    if uri := config["tracking"]["uri"]:
        config["tracking"]["uri"] = masked(uri)
    return config


_to_sync: list["Live"] = []
"""Ended runs of a sweep that their trackers still lack; this process holds them until then."""


def sync_ended() -> None:
    """Bring the trackers of runs that have ended up to date, and let others have the runs.

    This is done while the next run starts, before this process waits for others, and when the sweep ends. What an
    interruption leaves stays for the next call.
    """
    while _to_sync:
        ended = _to_sync[0]
        ended.tracker.sync(ended.record)
        ended.lock.release()
        del _to_sync[0]


def let_go(fingerprint: str) -> None:
    """Stop holding an ended run of this fingerprint, of which the same command asks again."""
    if any(ended.record.fingerprint == fingerprint for ended in _to_sync):
        sync_ended()


class Live:
    """A run that is under way: it takes the worker's messages, and finalizes the record however the run ends.

    It is a context manager: an exception that leaves the block ends the run as killed, a ``UserError`` undoes it. A
    process that lost the run's ``lock``, because it was suspended for too long, leaves the record to the new owner.
    """

    def __init__(self, request: Request, record: Record, lock: RunLock) -> None:
        self.request, self.record, self.lock = request, record, lock
        self.tracker = request.open_tracker()
        self.epochs = 0
        self.outcome: Outcome | None = None
        self.measured = self.written = False

    def __enter__(self) -> "Live":
        if self.request.config.rerun:
            store.remove(self.record.folder)
        try:
            self.record.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{self.record.folder} cannot be written to ({error.strerror}); set output_dir to another folder, or "
                "remove what is in the way"
            ) from None
        return self

    def track(self) -> None:
        """Let the tracker follow this run, after it has got the run before. The process of the run starts meanwhile."""
        sync_ended()
        self.record.mlflow_run_id = self.tracker.start(self.record)

    def take(self, message: Message) -> None:
        """Act on a message of the worker."""
        if isinstance(message, Epoch):
            self.epochs = int(message.numbers["epoch"])
            self.tracker.epoch(message.numbers)
        elif isinstance(message, Measured):
            record = self.record
            record.metrics |= message.metrics
            record.history, record.ranks = message.history, message.ranks
            record.metrics = targets.metrics_at(record, targets.target_of(record))
            record.resumed_epochs = message.resumed_epochs
            record.stopped_epoch = message.stopped_epoch
            record.environment.kernels = message.kernels
            for name, value in message.others.items():
                setattr(record.environment, name, value)
            self.measured = True
            # written and drawn while the worker draws its own pictures
            if not self.lock.is_lost():
                self.written = conclude(record, Outcome("finished"), self.request.started)

    def __exit__(self, kind: type | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        if isinstance(error, UserError):
            self.tracker.discard()
            store.remove_empty(self.record.folder)
            return
        if self.lock.is_lost():
            self.record.status = "failed"
            self.record.reason = "another process took the run over while this one was suspended, and keeps its record"
            return
        outcome = self.outcome or Outcome("failed", "its process left no record")
        if self.measured:  # whatever ended its process after that
            outcome = Outcome("finished")
        elif isinstance(error, KeyboardInterrupt):
            outcome = Outcome("killed", "interrupted by Ctrl-C", self.epochs)
        elif isinstance(error, Stopped):
            outcome = Outcome("killed", str(error), self.epochs)
        elif error is not None:
            outcome = Outcome("killed", f"ended by {type(error).__name__}: {error}".strip(": "), self.epochs)
        if not self.written:
            conclude(self.record, outcome, self.request.started)
        if self.request.in_turn and error is None:
            self.tracker.end_watch()
            self.lock.keep()
            _to_sync.append(self)
            return
        self._sync()
        if isinstance(error, Stopped):
            error.record = self.record
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(self._kept(outcome)) from None

    def _sync(self) -> None:
        try:
            self.tracker.sync(self.record)
        except BaseException:  # such as Ctrl-C: the tracker must not be left with a run that it counts as running
            self.tracker.sync(self.record)
            raise

    def _kept(self, outcome: Outcome) -> str:
        """What an interruption leaves of the run, in words."""
        record, epochs = self.record, self.request.config.trainer.epochs
        if record.status == "finished":
            return f"{record.label} is finished"
        if record.mode == "profile":
            return f"{record.label}: {len(record.profile)} points were measured"
        if outcome.epochs:
            of = f" of {epochs}" if is_read(self.request.config.backend.name, "trainer.epochs") else ""
            return f"{record.label}: {outcome.epochs}{of} epoch{'s are' if of or outcome.epochs > 1 else ' is'} kept"
        begun = any(record.folder.glob("last.*"))  # by an earlier command; this one finished no epoch
        return f"{record.label}: no {'further ' if begun else ''}epoch was finished"
