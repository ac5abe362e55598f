"""How a record ends: its outcome, its file, and the pictures that go with it."""

import dataclasses
import time
from contextlib import suppress

from harness.measure import neighbours
from harness.notices import notify
from harness.records import store
from harness.records.metrics import TOTAL_SECONDS
from harness.records.record import Record, now
from harness.runner import artifacts
from harness.runner.messages import Outcome


def conclude(record: Record, outcome: Outcome, started: float) -> bool:
    """Give a record its end, write it, and make the files that go with it; returns whether it was written."""
    record.status, record.reason, record.ended = outcome.status, outcome.reason, now()
    record.metrics[TOTAL_SECONDS] = time.time() - started
    if record.environment.slot:
        neighbours.note(record.environment.slot)
    written = _write(record)
    if written and record.status == "finished":
        for checkpoint in record.folder.glob("last.*"):  # an interrupted run would have resumed from it
            with suppress(OSError):
                checkpoint.unlink()
    try:
        artifacts.make(record)
    except Exception as error:  # pictures are no reason to fail a run
        notify(f"{record.label}: its pictures could not be drawn ({type(error).__name__}: {error})")
    return written


def _write(record: Record) -> bool:
    """Write a record. What cannot be written ends this run as failed, and no other run of a sweep."""
    try:
        store.write(record)
        return True
    except OSError as error:
        return _unwritten(record, error)
    except (TypeError, ValueError) as error:
        _unwritten(record, error)
    try:  # numbers that JSON does not have: the record says that the run failed, without them
        store.write(dataclasses.replace(record, metrics={}, history=[], ranks=[]))
    except OSError as error:  # they stay, so that a later attempt does not take their absence for a result
        return _unwritten(record, error)
    record.metrics, record.history, record.ranks = {}, [], []
    return True


def _unwritten(record: Record, error: Exception) -> bool:
    """Let a record say why it could not be written; returns False."""
    why = f"its record could not be written ({error})"
    record.reason = f"{record.reason}; {why}" if record.reason else why
    record.status = "failed" if record.status == "finished" else record.status
    return False
